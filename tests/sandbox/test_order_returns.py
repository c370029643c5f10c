"""Returns: what an item starts as, where it may go, and which keys are taken."""

import pytest

from tests.sandbox.trade_support import Fields, Shop, action


def item(shop: Shop, key: str = "r-1", **fields: object) -> Fields:
    base: Fields = {
        "key": key,
        "lineItemId": shop.line_id(),
        "quantity": 1,
        "shipmentState": "Returned",
    }
    return base | fields


def add_return(shop: Shop, *items: Fields, **fields: object) -> Fields:
    return action("addReturnInfo", items=list(items), **fields)


@pytest.mark.parametrize(
    ("shipment_state", "payment_state"),
    [("Advised", "NonRefundable"), ("Returned", "Initial")],
)
def test_the_payment_state_follows_from_how_an_item_starts(
    shipment_state: str, payment_state: str
) -> None:
    shop = Shop()
    drafted = item(shop, shipmentState=shipment_state, comment="LDN01")
    shop.clock.move(60)
    body = shop.act(add_return(shop, drafted, returnTrackingId="RMA-5"))
    (info,) = body["returnInfo"]
    assert info["returnTrackingId"] == "RMA-5"
    assert info["returnDate"] == "2026-11-01T08:01:00.000Z"
    (held,) = info["items"]
    assert (held["shipmentState"], held["paymentState"]) == (
        shipment_state,
        payment_state,
    )
    assert (held["type"], held["lineItemId"]) == (
        "LineItemReturnItem",
        shop.line_id(),
    )
    assert (held["key"], held["comment"], held["quantity"]) == ("r-1", "LDN01", 1)
    assert held["createdAt"] == held["lastModifiedAt"] == info["returnDate"]
    assert shop.types() == ["ReturnInfoAdded"]
    assert shop.messages()[0].happening.fields["returnInfo"] == info


def test_an_order_without_returns_shows_none() -> None:
    assert "returnInfo" not in Shop().body


@pytest.mark.parametrize("state", ["BackInStock", "Unusable", "Bogus"])
def test_an_item_starts_advised_or_returned_only(state: str) -> None:
    shop = Shop()
    error = shop.refused(add_return(shop, item(shop, shipmentState=state)))
    assert error.code == "InvalidField"


def test_what_was_delivered_does_not_matter_and_quantities_are_not_checked() -> None:
    shop = Shop()
    shop.act(add_return(shop, item(shop, quantity=99)))
    assert shop.body["returnInfo"][0]["items"][0]["quantity"] == 99


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lineItemId": "none"}, "InvalidOperation"),
        ({"lineItemId": None}, "InvalidJsonInput"),
        ({"quantity": 0}, "InvalidJsonInput"),
        ({"shipmentState": None}, "InvalidJsonInput"),
        ({"key": "?"}, "InvalidInput"),
    ],
)
def test_a_wrong_item_is_refused(change: Fields, code: str) -> None:
    shop = Shop()
    assert shop.refused(add_return(shop, item(shop) | change)).code == code


def test_a_return_has_items() -> None:
    shop = Shop()
    assert shop.refused(add_return(shop)).code == "InvalidInput"


def test_a_return_items_key_is_unique_in_the_order() -> None:
    shop = Shop()
    twice = add_return(shop, item(shop), item(shop))
    assert shop.refused(twice).code == "DuplicateField"
    shop.act(add_return(shop, item(shop)))
    error = shop.refused(add_return(shop, item(shop)))
    assert (error.code, error.details["duplicateValue"]) == ("DuplicateField", "r-1")


@pytest.mark.parametrize("target", ["BackInStock", "Unusable"])
def test_a_returned_item_goes_back_in_stock_or_is_unusable(target: str) -> None:
    shop = Shop()
    shop.act(
        add_return(shop, item(shop)),
        action("setReturnShipmentState", returnItemKey="r-1", shipmentState=target),
    )
    held = shop.body["returnInfo"][0]["items"][0]
    assert (held["shipmentState"], held["paymentState"]) == (target, "Initial")
    told = shop.messages()[-1]
    assert told.type == "OrderReturnShipmentStateChanged"
    assert told.happening.fields == {
        "returnItemId": held["id"],
        "returnShipmentState": target,
    }


@pytest.mark.parametrize(
    ("start", "target"),
    [
        ("Advised", "BackInStock"),
        ("Advised", "Returned"),
        ("Returned", "Returned"),
        ("Returned", "Advised"),
    ],
)
def test_no_other_way_is_open_to_an_item(start: str, target: str) -> None:
    shop = Shop()
    shop.act(add_return(shop, item(shop, shipmentState=start)))
    change = action("setReturnShipmentState", returnItemKey="r-1", shipmentState=target)
    assert shop.refused(change).code == "InvalidOperation"


def test_an_item_back_in_stock_stays_so() -> None:
    shop = Shop()
    back = action(
        "setReturnShipmentState", returnItemKey="r-1", shipmentState="BackInStock"
    )
    shop.act(add_return(shop, item(shop)), back)
    assert shop.refused(back).code == "InvalidOperation"


def test_returned_goods_do_not_touch_inventory() -> None:
    shop = Shop()
    entry = shop.sandbox.create_entry({"sku": "SHIRT-M", "quantityOnStock": 5})
    shop.act(
        add_return(shop, item(shop)),
        action(
            "setReturnShipmentState", returnItemKey="r-1", shipmentState="BackInStock"
        ),
    )
    shop.clock.move(60)
    shop.sandbox.settle()
    assert shop.sandbox.inventory.get("id", entry.id) == entry


def test_a_payment_state_is_set_without_a_message() -> None:
    shop = Shop()
    shop.act(add_return(shop, item(shop)))
    held = shop.body["returnInfo"][0]["items"][0]
    refunded = action(
        "setReturnPaymentState", returnItemId=held["id"], paymentState="Refunded"
    )
    shop.clock.move(9)
    body = shop.act(refunded)
    changed = body["returnInfo"][0]["items"][0]
    assert changed["paymentState"] == "Refunded"
    assert changed["lastModifiedAt"] == "2026-11-01T08:00:09.000Z"
    assert shop.types() == ["ReturnInfoAdded"]
    assert shop.act(refunded)["version"] == body["version"]


def test_a_return_that_is_not_there_has_no_states() -> None:
    shop = Shop()
    for name, field in (
        ("setReturnShipmentState", "shipmentState"),
        ("setReturnPaymentState", "paymentState"),
    ):
        value = "BackInStock" if field == "shipmentState" else "Refunded"
        change = action(name, returnItemKey="r-1", **{field: value})
        assert shop.refused(change).code == "InvalidOperation"


def test_setting_returns_replaces_all_and_nothing_removes_them() -> None:
    shop = Shop()
    shop.act(add_return(shop, item(shop)), add_return(shop, item(shop, "r-2")))
    replaced = [{"items": [item(shop, "r-3")], "returnTrackingId": "RMA-6"}]
    body = shop.act(action("setReturnInfo", items=replaced))
    assert [each["returnTrackingId"] for each in body["returnInfo"]] == ["RMA-6"]
    assert shop.types()[-1] == "ReturnInfoSet"
    body = shop.act(action("setReturnInfo"))
    assert "returnInfo" not in body
    assert shop.messages()[-1].happening.fields == {}
