"""Returns and refunds: which unit, how much, into which pool, and when the money."""

from decimal import Decimal
from typing import Any

import pytest

from streams.sandbox.newstore import SaleLine, Sandbox
from streams.sandbox.newstore.money import prorate
from tests.sandbox.newstore.support import (
    TEE,
    HandClock,
    item,
    names,
    payloads,
    refused,
    states,
    tenant,
    web_order,
)

REFUNDED = "payment_account.amount_refunded"


def shipped(units: int = 1, **settings: Any) -> tuple[Sandbox, HandClock]:
    """An order that has arrived at its customer."""
    more = {key: settings.pop(key) for key in ("items",) if key in settings}
    sandbox, clock = tenant({"LDN01": 9}, **settings)
    sandbox.inject(web_order(units=units, **more))
    sandbox.ship(sandbox.open_requests()[0].id)
    return sandbox, clock


def back(code: int | None = 1, **more: Any) -> dict[str, Any]:
    return {"product_id": TEE, "condition_code": code} | more


def test_a_unit_comes_back_to_any_store_and_is_for_sale_there() -> None:
    sandbox, _ = shipped(2)
    made = sandbox.give_back("WEB-1", "LDN02", [back(return_reason="Wrong size")])

    assert sandbox.stock("LDN02", TEE).atp == 1
    assert made.amount == Decimal("50.00")
    (told,) = payloads(sandbox, "return.processed")
    assert told["return_location_id"] == "LDN02"
    assert told["order_id"] == sandbox.order("WEB-1").id
    line = told["items"][0]
    assert (line["condition_code"], line["item_condition"]) == (1, "Sellable")
    assert line["return_reason"] == "Wrong size"
    assert line["refund_tax"] == Decimal("8.33")
    assert line["refund_excl_tax"] == Decimal("41.67")
    assert [state for state, _ in states(sandbox)].count("returned") == 1


def test_each_line_goes_where_its_own_condition_says() -> None:
    sandbox, _ = shipped(3)
    sandbox.give_back("WEB-1", "LDN02", [back(2), back(1), back(None)])

    row = sandbox.stock("LDN02", TEE)
    assert (row.on_hand, row.damaged) == (2, 1)
    lines = payloads(sandbox, "return.processed")[0]["items"]
    assert [line["condition_code"] for line in lines] == [2, 1, 1]
    assert lines[0]["item_condition"] == "Damaged"


def test_shipping_is_refunded_once_with_the_last_unit() -> None:
    sandbox, _ = shipped(2)
    first = sandbox.give_back("WEB-1", "LDN01", [back()])
    second = sandbox.give_back("WEB-1", "LDN01", [back()])

    assert (first.amount, second.amount) == (Decimal("50.00"), Decimal("53.50"))
    told = payloads(sandbox, "return.processed")[1]
    assert told["total_refund_amount"] == Decimal("53.50")
    assert sum(line["refund_amount"] for line in told["items"]) == Decimal("50.00")


def test_a_tenant_may_keep_the_shipping_costs_and_charge_a_fee() -> None:
    sandbox, _ = shipped(2, refund_shipping_cost=False, return_fee=Decimal("4.00"))
    made = sandbox.give_back("WEB-1", "LDN01", [back(), back()])
    assert made.amount == Decimal("96.00")
    assert payloads(sandbox, "return.processed")[0]["return_fee"] == Decimal("4.00")


def test_a_fee_in_the_call_wins_over_the_tenants() -> None:
    sandbox, _ = shipped(2, return_fee=Decimal("4.00"))

    assert sandbox.give_back("WEB-1", "LDN01", [back()], return_fee=1).amount == 49


def test_a_stated_amount_is_kept_beside_the_computed_one() -> None:
    sandbox, _ = shipped(3)
    made = sandbox.give_back("WEB-1", "LDN01", [back(), back()], refund_amount=33.33)

    told = payloads(sandbox, "return.processed")[0]
    assert made.amount == Decimal("33.33")
    assert told["total_refund_amount"] == Decimal("100.00")
    assert told["total_refund_amount_adjusted"] == Decimal("33.33")
    parts = [line["refund_amount_adjusted"] for line in told["items"]]
    assert sum(parts) == Decimal("33.33")
    (refund,) = payloads(sandbox, REFUNDED)
    assert refund["transactions"][0]["amount"] == Decimal("33.33")


def test_of_equal_products_the_one_with_least_left_is_refunded_first() -> None:
    sandbox, _ = shipped(
        items=[item(1, price=30), item(2, price=20), item(3, price=25)]
    )

    made = sandbox.give_back("WEB-1", "LDN01", [back(), back()])

    assert made.amount == Decimal("45.00")
    assert [state for state, _ in states(sandbox)] == [
        "completed",
        "returned",
        "returned",
    ]


def test_a_unit_can_be_named_exactly() -> None:
    sandbox, _ = shipped(items=[item(1, price=30), item(2, price=20)])
    dearest, _ = sandbox.units("WEB-1")

    made = sandbox.give_back("WEB-1", "LDN01", [{"item_id": dearest.id}])

    assert (made.amount, made.unit_ids) == (Decimal("30.00"), (dearest.id,))


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([back(), back()], "item_not_returnable"),
        ([{"product_id": "MUG"}], "item_not_returnable"),
        ([{"item_id": "none"}], "item_not_returnable"),
        ([back(7)], "unknown_condition_code"),
        ([], "invalid_request"),
    ],
)
def test_what_was_not_sold_or_is_back_already_cannot_be_returned(
    items: list[dict[str, Any]], code: str
) -> None:
    sandbox, _ = shipped()

    assert refused(sandbox.give_back, "WEB-1", "LDN01", items).code == code
    assert "return.processed" not in names(sandbox)
    assert states(sandbox) == [("completed", "LDN01")]
    assert sandbox.returns.of(sandbox.order("WEB-1").id) == []


def test_what_has_not_arrived_cannot_be_returned() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    sandbox.inject(web_order())

    assert refused(sandbox.give_back, "WEB-1", "LDN01", [back()]).status == 400
    assert refused(sandbox.give_back, "WEB-2", "LDN01", [back()]).status == 404


def test_the_refund_settles_later_in_the_name_of_the_return() -> None:
    sandbox, clock = shipped(refund_delay_s=30)
    made = sandbox.give_back("WEB-1", "LDN01", [back()])
    clock.move(29)
    sandbox.settle()
    assert REFUNDED not in names(sandbox)

    clock.move(1)
    sandbox.settle()
    (told,) = payloads(sandbox, REFUNDED)
    (transaction,) = told["transactions"]
    assert transaction["correlation_id"] == made.id
    assert transaction["amount"] == made.amount == Decimal("53.50")
    account = sandbox.world.payments.get(made.order_id or "")
    assert account.total("capture") == account.total("refund")


def test_a_refund_goes_back_the_ways_it_came_and_the_rest_as_credit() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    payments = [
        {"processor": p, "correlation_ref": p, "type": "captured", "amount": 20}
        for p in ("gift", "card")
    ]
    sandbox.inject(web_order(payments=payments))
    sandbox.ship(sandbox.open_requests()[0].id)
    sandbox.give_back("WEB-1", "LDN01", [back()])

    (told,) = payloads(sandbox, REFUNDED)
    assert [each["amount"] for each in told["transactions"]] == [20, 20, 13.5]
    methods = [each["payment_method"] for each in told["instruments"]]
    assert methods[-1] == "store_credit"


def test_a_historical_return_moves_neither_stock_nor_money() -> None:
    sandbox, _ = shipped()
    sandbox.give_back("WEB-1", "LDN02", [back()], is_historical=True)

    assert sandbox.stock("LDN02", TEE).on_hand == 0
    assert REFUNDED not in names(sandbox)
    assert payloads(sandbox, "return.processed")[0]["is_historical"] is True


def test_a_blind_return_names_no_order() -> None:
    sandbox, _ = tenant()
    amount = Decimal("12.50")
    sandbox.give_back_blind("LDN03", [(TEE, 1, amount), ("MUG", 2, amount)])
    sandbox.give_back_blind("LDN03", [(TEE, 1, amount)], external_order_id="SHOP-9")

    first, second = payloads(sandbox, "return.processed")
    assert "order_id" not in first
    assert first["total_refund_amount"] == Decimal("25.00")
    assert second["external_order_id"] == "SHOP-9"
    assert sandbox.stock("LDN03", TEE).atp == 2
    assert sandbox.stock("LDN03", "MUG").damaged == 1
    assert refused(sandbox.give_back_blind, "LDN03", []).status == 400


def test_an_exchange_is_a_return_and_an_order_that_names_it() -> None:
    sandbox, _ = shipped()
    made, order = sandbox.exchange("WEB-1", "LDN01", [back()], [SaleLine(TEE)])

    opened = payloads(sandbox, "order.opened")[-1]
    assert opened["is_exchange"] is True
    assert opened["exchanges"] == [
        {"order_id": made.order_id, "return_id": made.id},
    ]
    assert sandbox.units(order.id)[0].state == "completed"


def test_an_appeasement_gives_money_and_leaves_less_to_refund() -> None:
    sandbox, _ = shipped(
        items=[item(1, price=50), item(2, price=75), item(3, price=25)]
    )
    refund_id = sandbox.appease("WEB-1", "50.00", "late")

    (issued,) = payloads(sandbox, "refund_request.issued")
    assert (issued["id"], issued["amount"]) == (refund_id, Decimal("50.00"))
    (told,) = payloads(sandbox, REFUNDED)
    assert told["transactions"][0]["correlation_id"] == refund_id
    refunded = [unit.refunded for unit in sandbox.units("WEB-1")]
    assert refunded == [Decimal("16.67"), Decimal("25.00"), Decimal("8.33")]
    assert sandbox.stock("LDN01", TEE).on_hand == 6
    made = sandbox.give_back("WEB-1", "LDN01", [back()])
    assert made.amount == Decimal("16.67")


@pytest.mark.parametrize("amount", ["0", "-1", "50.01", "1.001"])
def test_an_appeasement_is_within_what_was_paid(amount: str) -> None:
    sandbox, _ = shipped()

    assert refused(sandbox.appease, "WEB-1", amount).status == 400
    assert REFUNDED not in names(sandbox)


def test_a_unit_that_cost_nothing_is_returned_for_nothing() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    free = item(price=0)
    free["price"]["item_tax_lines"] = []
    body = web_order(items=[free], payments=[])
    body["shipments"][0]["shipping_option"]["price"] = 0
    sandbox.inject(body)
    sandbox.ship(sandbox.open_requests()[0].id)

    assert sandbox.give_back("WEB-1", "LDN01", [back()]).amount == 0
    assert REFUNDED not in names(sandbox)


def test_parts_add_up_to_the_whole() -> None:
    assert prorate(Decimal("0.10"), [Decimal(1)] * 3, "GBP") == [
        Decimal("0.03"),
        Decimal("0.04"),
        Decimal("0.03"),
    ]
    assert prorate(Decimal(5), [Decimal(0)], "GBP") == [Decimal("0.00")]
