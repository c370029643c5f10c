"""What NewStore's events make known about orders."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.domain import order_notes as notes
from streams.mapping.order_news_pos import NO_NEWS, News, news_of
from streams.mapping.pos_wire import Envelope, decode_envelope
from streams.mapping.problems import RESEND
from tests.support.newstore import (
    RULES,
    Json,
    cancelled,
    event,
    item,
    opened,
    request,
    return_item,
    returned,
    shipped_item,
    shop_floor,
    web_order,
)

PUBLISHED = datetime(2025, 3, 1, 10, 15, 2, 345_000, UTC)


def news(told: Json) -> News:
    envelope = decode_envelope(json.dumps(told).encode())
    assert isinstance(envelope, Envelope)
    return news_of(envelope, shop_floor(), RULES)


def only(told: Json) -> Any:
    (note,) = news(told).notes
    return note


def test_an_opened_order_tells_its_number_and_its_units() -> None:
    told = news(opened(item("u1"), shipped_item("u2"), external_id="LDN-7"))
    assert told.alias == "ns:order-1"
    assert told.notes == (
        notes.OrderOpened(
            newstore_id="order-1",
            external_id="LDN-7",
            channel=notes.OrderChannel.STORE,
            placed_at=datetime(2025, 3, 1, 10, 14, 58, tzinfo=UTC),
            items=(
                notes.OpenedItem(item_id="u1", sku="TEE-BLK-M", carried_out=True),
                notes.OpenedItem(item_id="u2", sku="TEE-BLK-M"),
            ),
        ),
    )


@pytest.mark.parametrize("name", ["order.created", "order.opened"])
def test_created_and_opened_tell_the_same(name: str) -> None:
    assert only(opened(name=name)) == only(opened())


def test_an_order_without_a_public_number_is_known_by_its_own_id() -> None:
    assert only(opened()).external_id == "order-1"


@pytest.mark.parametrize(
    "names",
    [
        {"external_item_id": "li-a#1"},
        {"extended_attributes": [{"name": "external_item_id", "value": "li-a#1"}]},
    ],
)
def test_our_name_of_a_unit_is_read_wherever_it_stands(names: Json) -> None:
    (unit,) = only(web_order(shipped_item(**names))).items
    assert unit.external_item_id == "li-a#1"


def test_an_attribute_of_another_name_or_type_is_no_name_of_a_unit() -> None:
    attributes = [
        {"name": "gift", "value": "li-a#1"},
        {"name": "external_item_id", "value": 7},
    ]
    (unit,) = only(web_order(shipped_item(extended_attributes=attributes))).items
    assert unit.external_item_id == ""


def test_a_line_of_several_units_names_them_as_the_movements_do() -> None:
    units = only(opened(item("u1", quantity=3))).items
    assert [unit.item_id for unit in units] == ["u1", "u1#2", "u1#3"]


def test_what_is_no_goods_is_no_unit() -> None:
    assert len(only(opened(item("u1"), item("s", item_type="shipping"))).items) == 1


def test_an_exchange_names_the_returns_it_is_for() -> None:
    exchanges = [{"order_id": "o", "return_id": "ret-1"}, {"order_id": "o"}]
    assert only(opened(exchanges=exchanges)).exchanged_returns == ("ret-1",)


def test_a_historical_order_says_so() -> None:
    assert only(opened(is_historical=True)).is_historical


def test_a_product_that_is_not_known_keeps_its_vendors_name() -> None:
    told = only(opened(item(product_id="NS-100"), item("u2", product_id="NEW")))
    assert [unit.sku for unit in told.items] == ["TEE-BLK-M", "NEW"]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("assigned", notes.FulfilmentStep.ASSIGNED),
        ("items_ready_for_handover", notes.FulfilmentStep.READY),
        ("items_completed", notes.FulfilmentStep.COMPLETED),
        ("items_failed", notes.FulfilmentStep.FAILED),
    ],
)
def test_a_fulfilment_request_tells_how_far_its_units_are(
    name: str, step: notes.FulfilmentStep
) -> None:
    told = news(request(name, "u1", "u2"))
    assert told.alias == "ns:order-1"
    assert told.notes == (
        notes.FulfilmentSeen(
            newstore_id="order-1",
            request_id="fr-1",
            step=step,
            rank=175,
            location_id="LDN01",
            occurred_at=PUBLISHED,
            items=(
                notes.FulfilledItem(item_id="u1", sku="TEE-BLK-M"),
                notes.FulfilledItem(item_id="u2", sku="TEE-BLK-M"),
            ),
        ),
    )


def test_a_parcel_is_told_with_its_unit() -> None:
    parcel = {
        "shipped_at": "2025-03-02T08:00:00+01:00",
        "carrier": "DHL",
        "tracking_code": "T1",
    }
    (unit,) = only(request("items_completed", items=[{"id": "u1"} | parcel])).items
    assert (unit.carrier, unit.tracking_code) == ("DHL", "T1")
    assert unit.shipped_at == datetime(2025, 3, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("named", "location"),
    [
        ({"fulfillment_location_id": "NODE-L1"}, "LDN01"),
        ({"fulfillment_location_id": "NOWHERE"}, "NOWHERE"),
        (
            {"fulfillment_location_id": "NOWHERE", "fulfillment_node_id": "LDN02"},
            "LDN02",
        ),
    ],
)
def test_a_place_that_is_not_known_keeps_its_vendors_name(
    named: Json, location: str
) -> None:
    assert only(request("assigned", **named)).location_id == location


@pytest.mark.parametrize(("stated", "rank"), [(0, 1), (7, 7), (None, 1740824102345)])
def test_a_fulfilments_rank_is_the_movements_rank(stated: Any, rank: int) -> None:
    assert only(request("assigned", logical_timestamp=stated)).rank == rank


def test_a_cancelled_order_is_cancelled_whole_and_items_by_their_ids() -> None:
    assert only(cancelled()).item_ids == ()
    some = cancelled(
        {"id": "u1", "cancellation_reason": "insufficient_stock"},
        {"id": "u2"},
        name="order.items_cancelled",
    )
    assert only(some).item_ids == ("u1", "u2")
    assert only(some).reason == "insufficient_stock"


def test_a_cancellation_of_no_items_cancels_nothing_let_alone_everything() -> None:
    assert news(event("order.items_cancelled", id="order-1", items=[])) == NO_NEWS
    shipping = {"id": "s", "item_type": "shipping"}
    assert news(cancelled(shipping, name="order.items_cancelled")) == NO_NEWS


def test_a_completed_order_is_told() -> None:
    told = news(event("order.completed", id="order-1", items=[]))
    assert told == News(
        "ns:order-1",
        (notes.OrderCompleted(newstore_id="order-1", occurred_at=PUBLISHED),),
    )


def test_a_return_tells_units_conditions_and_money_in_minor_units() -> None:
    told = news(
        returned(
            return_item(refund_amount=45.0, refund_amount_adjusted=40.10),
            return_item("u2", condition_code=2, return_reason="Torn"),
            currency="GBP",
            total_refund_amount=45.0,
            total_refund_amount_adjusted=40.10,
        )
    )
    assert told.alias == "ns:order-1"
    assert told.notes == (
        notes.GoodsReturned(
            return_id="ret-1",
            location_id="LDN02",
            returned_at=datetime(2025, 3, 4, 12, 17, 43, 640_000, UTC),
            items=(
                notes.ReturnedItem(sku="TEE-BLK-M", item_id="u1", refund_minor=4010),
                notes.ReturnedItem(
                    sku="TEE-BLK-M", item_id="u2", sellable=False, reason="Torn"
                ),
            ),
            newstore_id="order-1",
            currency="GBP",
            refund_minor=4010,
        ),
    )


def test_money_is_read_from_the_text_and_never_from_a_float() -> None:
    assert int(4.35 * 100) == 434
    assert only(returned(currency="GBP", total_refund_amount=4.35)).refund_minor == 435


@pytest.mark.parametrize("name", ["external_order_id", "external_id"])
def test_a_return_of_an_unknown_sale_stands_for_itself(name: str) -> None:
    blind = news(returned(return_item(None, quantity=2), order_id=None))
    assert blind.alias == "ns:return/ret-1"
    (note,) = blind.notes
    assert isinstance(note, notes.GoodsReturned)
    assert (note.newstore_id, note.external_order) == ("", "")
    assert (note.items[0].item_id, note.items[0].quantity) == ("", 2)
    assert only(returned(order_id=None, **{name: "W-1"})).external_order == "W-1"


def test_a_historical_return_is_no_news() -> None:
    assert news(returned(is_historical=True)) == NO_NEWS


def refunded(**more: Any) -> Json:
    transaction = {
        "id": "tx-1",
        "instrument_id": "i",
        "amount": 45.0,
        "currency": "GBP",
        "correlation_id": "ret-1",
    } | more
    return event(
        "payment_account.amount_refunded", id="order-1", transactions=[transaction]
    )


def test_a_refund_is_told_for_each_transaction_under_its_accounts_order() -> None:
    told = news(refunded())
    assert told.alias == "ns:order-1"
    assert told.notes == (
        notes.RefundSettled(
            newstore_id="order-1",
            correlation_id="ret-1",
            transaction_id="tx-1",
            amount_minor=4500,
            currency="GBP",
            settled_at=PUBLISHED,
        ),
    )


def test_an_appeasement_is_money_only() -> None:
    told = news(
        event(
            "refund_request.issued",
            id="rr-1",
            order_id="order-1",
            amount=5,
            currency="JPY",
            requested_at="2025-03-05T09:00:00Z",
        )
    )
    assert told.notes == (
        notes.AppeasementGiven(
            newstore_id="order-1",
            refund_id="rr-1",
            amount_minor=5,
            currency="JPY",
            occurred_at=datetime(2025, 3, 5, 9, tzinfo=UTC),
        ),
    )


def test_events_about_other_things_are_no_news() -> None:
    for name in ("moon.landed", "inventory_count.items_counted", "customer.created"):
        assert news(event(name, id=7)) == NO_NEWS


PROBLEMS: list[tuple[Json, str, str, str]] = [
    (
        opened(external_id="A|1"),
        "impossible_name",
        "payload.external_id",
        (
            'payload.external_id is "A|1", which has a bar or a control character and '
            f"cannot be an order's number. {RESEND}."
        ),
    ),
    (
        opened(external_id="x" * 201),
        "name_too_long",
        "payload.external_id",
        f"payload.external_id has 201 characters, at most 200 are possible. {RESEND}.",
    ),
    (
        opened(currency="pounds"),
        "impossible_name",
        "payload.currency",
        (
            'payload.currency is "pounds", which is no currency of ISO 4217, '
            f"such as GBP. {RESEND}."
        ),
    ),
    (
        opened(item(extended_attributes={"external_item_id": "a"})),
        "wrong_type",
        "payload.items[0].extended_attributes",
        (
            'payload.items[0].extended_attributes is {"external_item_id": "a"}, but '
            f"must be a list. {RESEND}."
        ),
    ),
    (
        request("assigned", order_id=None),
        "missing_field",
        "payload.order_id",
        f"payload.order_id is missing. {RESEND}.",
    ),
    (
        request("items_completed", items=[{"id": "u1", "tracking_code": 7}]),
        "wrong_type",
        "payload.items[0].tracking_code",
        f"payload.items[0].tracking_code is 7, but must be text. {RESEND}.",
    ),
    (
        returned(currency="GBP", total_refund_amount=45.005),
        "impossible_amount",
        "payload.total_refund_amount",
        (
            "payload.total_refund_amount is 45.005, which is no amount of money in "
            f'"GBP". {RESEND}.'
        ),
    ),
    (
        returned(return_item(refund_amount=-1), currency="GBP"),
        "impossible_amount",
        "payload.items[0].refund_amount",
        (
            "payload.items[0].refund_amount is -1, which is no amount of money in "
            f'"GBP". {RESEND}.'
        ),
    ),
    (
        returned(total_refund_amount=45),
        "missing_field",
        "payload.currency",
        f"payload.currency is missing. {RESEND}.",
    ),
    (
        refunded(amount="a lot"),
        "wrong_type",
        "payload.transactions[0].amount",
        f'payload.transactions[0].amount is "a lot", but must be an amount. {RESEND}.',
    ),
    (
        refunded(amount="NaN"),
        "impossible_amount",
        "payload.transactions[0].amount",
        (
            "payload.transactions[0].amount is NaN, which is no amount of money in "
            f'"GBP". {RESEND}.'
        ),
    ),
    (
        refunded(correlation_id=None),
        "missing_field",
        "payload.transactions[0].correlation_id",
        f"payload.transactions[0].correlation_id is missing. {RESEND}.",
    ),
    (
        event("refund_request.issued", id="rr-1", amount=5, currency="GBP"),
        "missing_field",
        "payload.order_id",
        f"payload.order_id is missing. {RESEND}.",
    ),
    (
        event("order.completed", id="", items=[]),
        "missing_field",
        "payload.id",
        f"payload.id is missing. {RESEND}.",
    ),
    (
        event("order.completed", id="order-1", published_at=None),
        "missing_field",
        "published_at",
        f"published_at is missing. {RESEND}.",
    ),
]


@pytest.mark.parametrize(("told", "reason", "field", "sentence"), PROBLEMS)
def test_news_that_cannot_be_read_says_why(
    told: Json, reason: str, field: str, sentence: str
) -> None:
    answer = news(told)
    assert answer.notes == ()
    assert answer.problem is not None
    found = (answer.problem.reason, answer.problem.field, answer.problem.sentence)
    assert found == (reason, field, sentence)
