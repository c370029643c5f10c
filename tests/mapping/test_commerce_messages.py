"""What commercetools' messages tell of orders."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import schemas
from streams.domain.order_news import OrderMentioned
from streams.domain.order_notes import OrderPlaced, OrderStateSeen, PlacedLine
from streams.mapping.commerce_messages import KNOWN, PLACED, Told, told_by
from streams.mapping.problems import RESEND
from tests.support.commerce_messages import (
    ORDER_ID,
    Json,
    body,
    channel,
    cloud_event,
    created,
    line,
    message,
    order,
    state_changed,
    trial_notice,
)

ALIAS = f"ct:{ORDER_ID}"
SAMPLES = Path(schemas.__path__[0]) / "samples"


def told(said: Json) -> Told:
    return told_by(body(said))


def only(said: Json) -> Any:
    ((alias, note),) = told(said).news
    assert alias == ALIAS
    return note


PLACED_WHOLE = OrderPlaced(
    commerce_id=ORDER_ID,
    number="W-1001",
    version=1,
    placed_at=datetime(2025, 3, 1, 10, tzinfo=UTC),
    lines=(PlacedLine(line_id="li-a", sku="MUG", quantity=2, commerce_counted=True),),
    state="Open",
    currency="GBP",
    country="GB",
    has_shipping=True,
    payment_ids=("pay-1",),
    sequence=1,
)


@pytest.mark.parametrize("type_", sorted(PLACED))
def test_an_order_that_came_whole_is_placed(type_: str) -> None:
    assert told(message(type_, order=order())) == Told(((ALIAS, PLACED_WHOLE),))


def test_a_cloud_event_tells_what_its_data_tells() -> None:
    assert told(cloud_event(created())) == told(created())


def test_an_order_without_a_number_has_its_id_for_one() -> None:
    assert only(created(number=None)).number == ORDER_ID


@pytest.mark.parametrize(
    ("of_order", "of_line", "counted"),
    [
        (None, None, False),
        ("None", None, False),
        ("TrackOnly", None, True),
        ("ReserveOnOrder", None, True),
        ("TrackOnly", "None", False),
        ("None", "ReserveOnOrder", True),
    ],
)
def test_a_line_is_counted_as_its_own_mode_says_else_as_the_orders(
    of_order: str | None, of_line: str | None, counted: bool
) -> None:
    placed = only(created(line(inventoryMode=of_line), inventoryMode=of_order))
    assert placed.lines[0].commerce_counted is counted


def test_an_expanded_supply_channel_gives_its_key() -> None:
    (placed,) = only(created(line(supplyChannel=channel("LDN01")))).lines
    assert placed.channel_key == "LDN01"


def test_a_channel_that_is_only_an_id_makes_the_order_one_to_read() -> None:
    lines = (
        line("a", supplyChannel=channel("LDN01")),
        line("b", supplyChannel=channel()),
    )
    assert only(created(*lines)) == OrderMentioned(
        commerce_id=ORDER_ID, version=1, number="W-1001", sequence=1, has_changed=True
    )


@pytest.mark.parametrize(
    ("shipping", "has_shipping", "country"),
    [
        ({"shippingInfo": None}, False, "GB"),
        ({"shippingInfo": None, "shippingAddress": None}, False, ""),
        (
            {
                "shippingInfo": None,
                "shippingAddress": None,
                "shipping": [{"shippingAddress": {"country": "FR"}}],
            },
            True,
            "FR",
        ),
    ],
)
def test_shipping_is_known_from_one_method_or_several(
    shipping: Json, has_shipping: bool, country: str
) -> None:
    placed = only(created(**shipping))
    assert (placed.has_shipping, placed.country) == (has_shipping, country)


def test_no_personal_data_gets_into_a_note() -> None:
    assert "kept out" not in repr(only(created()))


@pytest.mark.parametrize("type_", sorted(KNOWN))
def test_a_payload_that_was_not_included_has_to_be_read(type_: str) -> None:
    left_out = {"reason": "Payload is too large.", "payloadType": type_}
    said = message("", payloadNotIncluded=left_out)
    del said["type"]
    assert only(said).has_changed
    assert told(said).known
    left_out["payloadType"] = "MoonLanded"
    assert not only(said).has_changed
    assert not told(said).known


def test_a_changed_state_is_told_with_its_version_and_place() -> None:
    assert only(state_changed()) == OrderStateSeen(
        commerce_id=ORDER_ID, number="W-1001", version=3, state="Cancelled", sequence=2
    )


def test_a_state_of_an_order_that_is_not_named_has_no_number_yet() -> None:
    assert only(state_changed(number=None)).number == ""


def test_an_added_return_has_to_be_read() -> None:
    said = message("ReturnInfoAdded", sequenceNumber=4, resourceVersion=7)
    assert only(said) == OrderMentioned(
        commerce_id=ORDER_ID, version=7, number="W-1001", sequence=4, has_changed=True
    )


def test_a_message_of_another_type_is_not_known_but_has_its_place() -> None:
    answer = told(message("DeliveryAdded", sequenceNumber=5))
    assert not answer.known
    ((_, note),) = answer.news
    assert isinstance(note, OrderMentioned)
    assert (note.sequence, note.has_changed) == (5, False)


def test_the_notice_that_tries_a_subscription_out_is_ignored() -> None:
    assert told(trial_notice()) == Told()


@pytest.mark.parametrize(
    "said",
    [
        trial_notice() | {"resource": {"typeId": "order", "id": "o"}},
        message("CustomerCreated", resource={"typeId": "customer", "id": "c"}),
        {"notificationType": "Event", "resource": {"typeId": "import", "id": "i"}},
    ],
)
def test_what_is_not_about_orders_is_counted_and_left(said: Json) -> None:
    assert told(said) == Told(known=False)


@pytest.mark.parametrize(
    "path", sorted(SAMPLES.glob("CommerceMessage.*.json")), ids=lambda path: path.stem
)
def test_the_documented_samples_are_understood(path: Path) -> None:
    answer = told_by(path.read_bytes())
    assert answer.problem is None
    sample = json.loads(path.read_text())
    said = sample.get("data", sample)
    named = said.get("type", said.get("payloadNotIncluded", {}).get("payloadType"))
    assert answer.known is (named in KNOWN or named is None)


PROBLEMS: list[tuple[Json, str, str, str]] = [
    (cloud_event(None), "missing_field", "data", f"data is missing. {RESEND}."),
    (
        cloud_event({"notificationType": "Message"}),
        "missing_field",
        "data.resource",
        f"data.resource is missing. {RESEND}.",
    ),
    (
        message("OrderCreated", resource="order"),
        "wrong_type",
        "resource",
        f'resource is "order", but must be an object. {RESEND}.',
    ),
    (
        message("OrderCreated", resourceVersion=None),
        "wrong_type",
        "resourceVersion",
        f"resourceVersion is null, but must be a whole number. {RESEND}.",
    ),
    (
        created(line(variant={"id": 1})),
        "missing_field",
        "order.lineItems[0].variant.sku",
        f"order.lineItems[0].variant.sku is missing. {RESEND}.",
    ),
    (
        created(line(quantity=0)),
        "impossible_quantity",
        "order.lineItems[0].quantity",
        f"order.lineItems[0].quantity is 0, but must be from 1 to 1,000. {RESEND}.",
    ),
    (
        created(orderNumber="W-1~2"),
        "impossible_name",
        "order.orderNumber",
        (
            'order.orderNumber is "W-1~2", which ends like the number of a re-routed '
            f"order, which has ~2, ~3 and so on. {RESEND}."
        ),
    ),
    (
        created(id="another"),
        "wrong_type",
        "order.id",
        (
            'order.id is "another", but must be the id of the message\'s resource. '
            f"{RESEND}."
        ),
    ),
    (
        created(createdAt="yesterday"),
        "wrong_type",
        "order.createdAt",
        (
            'order.createdAt is "yesterday", but must be a time with an offset, such '
            f"as 2025-03-01T10:15:02Z. {RESEND}."
        ),
    ),
    (
        state_changed(number="W\t1"),
        "impossible_name",
        "resourceUserProvidedIdentifiers.orderNumber",
        (
            'resourceUserProvidedIdentifiers.orderNumber is "W\\t1", which has a bar '
            f"or a control character and cannot be an order's number. {RESEND}."
        ),
    ),
    (
        message("OrderDeleted", resource={"typeId": "order", "id": ""}),
        "missing_field",
        "resource.id",
        f"resource.id is missing. {RESEND}.",
    ),
]


@pytest.mark.parametrize(("said", "reason", "field", "sentence"), PROBLEMS)
def test_a_message_that_cannot_be_read_says_why(
    said: Json, reason: str, field: str, sentence: str
) -> None:
    answer = told(said)
    assert answer.news == ()
    assert answer.problem is not None
    found = (answer.problem.reason, answer.problem.field, answer.problem.sentence)
    assert found == (reason, field, sentence)


@pytest.mark.parametrize("raw", [b"", b"[1]", b"not json", b"\xff", b"7"])
def test_what_is_no_message_at_all_is_a_problem(raw: bytes) -> None:
    answer = told_by(raw)
    assert answer.problem is not None
    assert answer.news == ()


def test_a_record_without_a_body_is_a_problem() -> None:
    assert told_by(None).problem is not None
