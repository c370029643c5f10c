"""Orders from outside: idempotent by number, exact in money, refused as a whole."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest

from streams.sandbox.newstore.injection import answer
from tests.sandbox.newstore.support import (
    TEE,
    Json,
    item,
    names,
    payloads,
    refused,
    states,
    tenant,
    web_order,
)


def test_an_order_is_created_opened_and_assigned_at_once() -> None:
    sandbox, _ = tenant({"LDN01": 2})

    order = sandbox.inject(web_order(units=2))

    assert names(sandbox) == [
        "order.created",
        "order.opened",
        "fulfillment_request.assigned",
        "payment_account.amount_authorized",
    ]
    assert states(sandbox) == [("assigned", "LDN01")] * 2
    assigned = payloads(sandbox, "fulfillment_request.assigned")[0]
    assert assigned["order_id"] == order.id
    assert assigned["fulfillment_location_id"] == "LDN01"
    assert [each["id"] for each in assigned["items"]] == list(order.unit_ids)


def test_an_items_own_name_is_found_in_its_extended_attributes() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    sandbox.inject(web_order())

    expected = [{"name": "external_item_id", "value": "line-1#1"}]
    opened = payloads(sandbox, "order.opened")[0]["items"][0]
    assigned = payloads(sandbox, "fulfillment_request.assigned")[0]["items"][0]
    assert opened["extended_attributes"] == expected
    assert assigned["extended_attributes"] == expected


def test_an_own_name_already_among_the_attributes_is_not_repeated() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    named = item()
    named["extended_attributes"] = [{"name": "external_item_id", "value": "line-1#1"}]
    sandbox.inject(web_order(items=[named]))

    opened = payloads(sandbox, "order.opened")[0]["items"][0]
    assert opened["extended_attributes"] == named["extended_attributes"]


def test_the_answer_names_every_unit() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    order = sandbox.inject(web_order(units=2))

    body: Any = answer(order, sandbox.units("WEB-1"))

    assert (body["id"], body["external_id"]) == (order.id, "WEB-1")
    assert [each["external_item_id"] for each in body["items"]] == [
        "line-1#1",
        "line-1#2",
    ]
    assert {each["product_id"] for each in body["items"]} == {TEE}
    assert [each["id"] for each in body["items"]] == list(order.unit_ids)


def test_the_same_body_again_makes_nothing_and_answers_the_same() -> None:
    sandbox, clock = tenant({"LDN01": 1})
    first = sandbox.inject(web_order())
    before = answer(first, sandbox.units("WEB-1"))
    events = len(sandbox.events)
    sandbox.ship(sandbox.open_requests()[0].id)
    clock.move(3600)

    again = sandbox.inject(web_order())

    assert answer(again, sandbox.units("WEB-1")) == before
    assert len(sandbox.world.orders) == 1
    assert len(sandbox.events) == events + 2  # items_completed and order.completed


def test_neither_blanks_nor_key_order_nor_zeros_make_another_body() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    body = web_order()
    first = sandbox.inject(json.dumps(body).encode())
    turned = dict(reversed(body.items()))
    text = json.dumps(turned, indent=2).replace("50.0", "50.00")

    assert sandbox.inject(text.encode()).id == first.id


@pytest.mark.parametrize(
    "change",
    [
        {"placed_at": "2026-11-01T07:59:01Z"},
        {"customer_email": "b@example.test"},
        {"shipments": web_order(units=2)["shipments"]},
        {"shipments": web_order(node="LDN02")["shipments"]},
    ],
)
def test_another_body_under_the_same_number_is_refused(change: Json) -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order())
    facts = len(sandbox.world.journal.facts)

    error = refused(sandbox.inject, web_order() | change)

    assert error.status == 400
    assert error.code == "same_order_injection_with_different_data"
    assert len(sandbox.world.journal.facts) == facts


@pytest.mark.parametrize(
    ("currency", "price", "is_taken"),
    [
        ("GBP", 49.99, True),
        ("GBP", 49.999, False),
        ("GBP", 50, True),
        ("JPY", 50.0, True),
        ("JPY", 50.5, False),
        ("KWD", 1.125, True),
        ("KWD", 1.1255, False),
    ],
)
def test_an_amount_has_no_more_decimals_than_its_currency(
    currency: str, price: float, is_taken: bool
) -> None:
    sandbox, _ = tenant({"LDN01": 1})
    unit = item(price=price)
    unit["price"]["item_tax_lines"] = []
    body = web_order(items=[unit], currency=currency, payments=[])
    body["shipments"][0]["shipping_option"]["price"] = 0

    if is_taken:
        order = sandbox.inject(body)
        assert sandbox.units(order.id)[0].paid == Decimal(str(price))
        return
    assert refused(sandbox.inject, body).code == "invalid_amount"
    assert len(sandbox.world.orders) == 0


def amount_at(body: Json, place: str) -> Json:
    if place == "payment":
        found: Json = body["payments"][0]
    else:
        found = body["shipments"][0]["items"][0]["price"]["item_tax_lines"][0]
    return found


@pytest.mark.parametrize("place", ["tax", "payment"])
def test_every_amount_is_looked_at(place: str) -> None:
    sandbox, _ = tenant({"LDN01": 1})
    body = web_order()
    amount_at(body, place)["amount"] = 1.005

    assert refused(sandbox.inject, body).code == "invalid_amount"


def test_discounts_and_tax_make_the_price_that_was_paid() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    unit = item()
    unit["price"]["item_order_discount_info"] = [{"price_adjustment": 5.0}]
    sandbox.inject(web_order(items=[unit]))
    sandbox.inject(
        web_order("WEB-2", items=[copy.deepcopy(unit)], price_method="tax_excluded")
    )

    assert sandbox.units("WEB-1")[0].paid == Decimal("45.00")
    assert sandbox.units("WEB-2")[0].paid == Decimal("53.33")
    included, excluded = payloads(sandbox, "order.opened")
    assert included["grand_total"] == Decimal("48.50")
    assert excluded["grand_total"] == Decimal("56.83")


def second_shipment(body: Json, **option: Any) -> Json:
    body["shipments"].append({"items": [item(2)], "shipping_option": option})
    return body


def test_an_order_by_service_level_has_one_shipment() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    body = second_shipment(web_order(), service_level_identifier="STANDARD")

    assert refused(sandbox.inject, body).code == "invalid_request"


def test_shipments_by_offer_token_may_be_several_and_go_to_their_nodes() -> None:
    sandbox, _ = tenant({"LDN01": 1, "LDN02": 1})
    body = web_order()
    body["shipments"][0]["shipping_option"] = {
        "shipping_offer_token": "t1",
        "fulfillment_node_id": "LDN02",
    }
    second_shipment(body, shipping_offer_token="t2", fulfillment_node_id="LDN01")
    sandbox.inject(body)

    assert states(sandbox) == [("assigned", "LDN02"), ("assigned", "LDN01")]
    assert payloads(sandbox, "order.opened")[0]["demand_location_id"] is None


def test_the_limit_of_shipments_by_service_level_can_be_lifted() -> None:
    sandbox, _ = tenant({"LDN01": 2}, one_shipment_by_level=False)
    body = second_shipment(web_order(), service_level_identifier="STANDARD")
    sandbox.inject(body)

    assert states(sandbox) == [("assigned", "LDN01")] * 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "Input data was truncated"),
        (b"[]", "Expected `object`"),
        (b'{"external_id": "W"}', "missing required field"),
        (b'{"a":' * 3000, "nested"),
        (b"\xff", "invalid"),
    ],
)
def test_a_body_that_is_no_order_is_refused_in_words(body: bytes, words: str) -> None:
    sandbox, _ = tenant()

    error = refused(sandbox.inject, body)

    assert (error.status, error.code) == (400, "invalid_request")
    assert words.lower() in error.message.lower()


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "pounds"},
        {"placed_at": "2026-11-01T07:59:00"},
        {"channel_type": "phone"},
        {"shipments": []},
        {"external_id": ""},
        {"payments": [{"processor": "p", "correlation_ref": "c", "type": "promised"}]},
        {"shipments": [{"items": [], "shipping_option": {}}]},
        {"shipments": [{"items": [item()] * 101, "shipping_option": {}}]},
        {"shipments": web_order()["shipments"] * 6},
        {"shipments": web_order(items=[item(price=-1)])["shipments"]},
        {"shipments": web_order(items=[item(price=1e12)])["shipments"]},
    ],
)
def test_a_field_that_cannot_be_is_refused(change: Json) -> None:
    sandbox, _ = tenant({"LDN01": 200})

    assert refused(sandbox.inject, web_order() | change).status == 400
    assert names(sandbox) == []


def test_an_unknown_node_or_product_is_refused() -> None:
    sandbox, _ = tenant({"LDN01": 1}, products=frozenset({TEE}))

    assert refused(sandbox.inject, web_order(node="PAR01")).status == 404
    unknown = web_order(items=[item(product_id="MUG")])
    assert "MUG" in refused(sandbox.inject, unknown).message
    assert len(sandbox.world.orders) == 0


def test_a_historical_order_is_done_and_moves_nothing() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    sandbox.inject(web_order(is_historical=True))

    assert names(sandbox) == ["order.created", "order.opened", "order.completed"]
    assert payloads(sandbox, "order.opened")[0]["is_historical"] is True
    assert states(sandbox) == [("completed", None)]
    assert sandbox.stock("LDN01", TEE).atp == 1
