"""How orders come about: carts and their orders, imports with everything, deletion."""

import pytest

from streams.sandbox.commercetools import Sandbox
from streams.sandbox.commercetools.carts import Cart, cart_body
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.orders import order_body
from streams.sandbox.commercetools.orders.purchases import basket_draft
from tests.sandbox.support import (
    entry_draft,
    lagging,
    latest,
    sandbox_with_clock,
    supplied_by,
    update,
)
from tests.sandbox.test_orders import line, order_draft
from tests.sandbox.trade_support import (
    Fields,
    Shop,
    action,
    as_json,
    state_key,
)


def make_cart(sandbox: Sandbox, *lines: Fields, **fields: object) -> Cart:
    draft = {**basket_draft(lines or [{"sku": "SHIRT-M"}]), **fields}
    return sandbox.create_cart(draft)


def draft_of(cart: Cart, /, **fields: object) -> Fields:
    base: Fields = {
        "cart": {"typeId": "cart", "id": cart.id},
        "version": cart.version,
        "orderNumber": "W-1",
    }
    return base | fields


def refusal_of(sandbox: Sandbox, draft: Fields) -> ApiError:
    with pytest.raises(ApiError) as raised:
        sandbox.create_order(draft)
    assert len(sandbox.orders) == 0
    return raised.value


def test_an_order_has_what_its_cart_had() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    sandbox.create_entry(entry_draft(supplyChannel=supplied_by("LDN01")))
    price = {"currencyCode": "EUR", "centAmount": 1999}
    drafted = {"sku": "SHIRT-M", "quantity": 2, "externalPrice": price, "key": "one"}
    cart = make_cart(
        sandbox, drafted | {"channelKey": "LDN01"}, customerEmail="jo@example.org"
    )
    body = as_json(order_body(sandbox.create_order(draft_of(cart))))
    assert (body["orderNumber"], body["orderState"]) == ("W-1", "Open")
    assert (body["inventoryMode"], body["customerEmail"]) == (
        "TrackOnly",
        "jo@example.org",
    )
    assert body["cart"] == {"typeId": "cart", "id": cart.id}
    assert body["shippingAddress"] == {"country": "DE", "city": "Berlin"}
    (shown,) = body["lineItems"]
    assert shown["supplyChannel"] == {"typeId": "channel", "id": channel.id}
    assert (shown["key"], shown["quantity"]) == ("one", 2)
    assert shown["totalPrice"]["centAmount"] == 3998
    assert body["totalPrice"]["centAmount"] == 3998 + 490
    assert body["shippingInfo"]["deliveries"] == []


def test_a_cart_is_ordered_once() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_entry(entry_draft())
    cart = make_cart(sandbox)
    order = sandbox.create_order(draft_of(cart))
    ordered = sandbox.carts.get("id", cart.id)
    assert (ordered.state, ordered.version) == ("Ordered", 2)
    again = draft_of(ordered, orderNumber="W-2")
    with pytest.raises(ApiError) as raised:
        sandbox.create_order(again)
    assert raised.value.code == "InvalidOperation"
    change = update(2, action("setCustomerEmail", email="a@b.c"))
    with pytest.raises(ApiError) as raised:
        sandbox.update_cart("id", cart.id, change)
    assert raised.value.code == "InvalidOperation"
    assert [each.id for each in sandbox.orders.walk()] == [order.id]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"version": 7}, "ConcurrentModification"),
        ({"version": None}, "InvalidJsonInput"),
        ({"cart": {"typeId": "cart", "id": "none"}}, "ReferencedResourceNotFound"),
        ({"cart": None}, "InvalidJsonInput"),
        ({"orderState": "Bogus"}, "InvalidField"),
        ({"shipmentState": "Cancelled"}, "InvalidField"),
        ({"paymentState": "Bogus"}, "InvalidField"),
        ({"state": state_key("Initial")}, "InvalidInput"),
    ],
)
def test_a_wrong_order_of_a_cart_is_refused(fields: Fields, code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_entry(entry_draft())
    cart = make_cart(sandbox)
    assert refusal_of(sandbox, draft_of(cart, **fields)).code == code
    assert sandbox.carts.get("id", cart.id) == cart


def test_a_cart_needs_lines_and_an_address_to_be_ordered() -> None:
    sandbox, _ = sandbox_with_clock()
    empty = make_cart(sandbox, lineItems=[])
    assert refusal_of(sandbox, draft_of(empty)).code == "InvalidOperation"
    nowhere = make_cart(sandbox, shippingAddress=None, customShippingMethod=None)
    assert refusal_of(sandbox, draft_of(nowhere)).code == "InvalidOperation"


def test_an_order_out_of_stock_leaves_its_cart_and_stock_alone() -> None:
    sandbox, clock = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft(quantity=2))
    cart = make_cart(
        sandbox, {"sku": "SHIRT-M", "quantity": 3}, inventoryMode="ReserveOnOrder"
    )
    error = refusal_of(sandbox, draft_of(cart))
    assert (error.code, error.details["skus"]) == ("OutOfStock", ["SHIRT-M"])
    clock.move(10)
    assert latest(sandbox, held) == held
    changed = sandbox.update_cart(
        "id",
        cart.id,
        update(
            1,
            action("changeLineItemQuantity", lineItemId=cart.lines[0].id, quantity=2),
        ),
    )
    sandbox.create_order(draft_of(changed))
    clock.move(10)
    assert latest(sandbox, held).quantity_on_stock == 0


def test_an_order_of_a_cart_shows_in_stock_up_to_ten_seconds_later() -> None:
    sandbox, clock = sandbox_with_clock(lagging(10))
    held = sandbox.create_entry(entry_draft(quantity=5))
    sandbox.place_order([{"sku": "SHIRT-M", "quantity": 2}])
    clock.move(9.999)
    assert latest(sandbox, held) == held
    clock.move(0.001)
    assert latest(sandbox, held).quantity_on_stock == 3


def test_an_order_of_a_cart_an_import_and_a_recurring_one_say_different_things() -> (
    None
):
    sandbox, _ = sandbox_with_clock()
    sandbox.place_order([{"sku": "A"}], mode="None")
    sandbox.purchase("A", 1, mode="None")
    recurring = sandbox.place_order(
        [{"sku": "A"}], mode="None", recurring_order_id="rec-1"
    )
    said = list(sandbox.messages.walk())
    assert [each.type for each in said] == [
        "OrderCreated",
        "OrderImported",
        "OrderCreatedFromRecurringOrder",
    ]
    fields = said[-1].happening.fields
    reference = {"typeId": "recurring-order", "id": "rec-1"}
    assert fields["recurringOrderRef"] == reference
    body = order_body(sandbox.orders.get("id", recurring.id))
    assert fields["order"] == body
    assert body["recurringOrder"] == reference


def test_a_cart_changes_until_it_is_ordered() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    cart = sandbox.create_cart({"currency": "EUR"})
    rate = {"price": {"currencyCode": "EUR", "centAmount": 300}}
    shipping = action(
        "setCustomShippingMethod", shippingMethodName="Fast", shippingRate=rate
    )
    with pytest.raises(ApiError) as raised:
        sandbox.update_cart("id", cart.id, update(1, shipping))
    assert raised.value.code == "InvalidOperation"
    address = action("setShippingAddress", address={"country": "DE"})
    added = [action("addLineItem", sku=sku, key=sku) for sku in ("SKU-A", "SKU-B")]
    cart = sandbox.update_cart("id", cart.id, update(1, address, shipping, *added))
    first, second = cart.lines
    cart = sandbox.update_cart(
        "id",
        cart.id,
        update(
            cart.version,
            action(
                "setLineItemSupplyChannel",
                lineItemId=first.id,
                supplyChannel=supplied_by("LDN01"),
            ),
            action(
                "setLineItemInventoryMode",
                lineItemId=first.id,
                inventoryMode="TrackOnly",
            ),
            action("removeLineItem", lineItemId=second.id),
        ),
    )
    (shown,) = as_json(cart_body(cart))["lineItems"]
    assert shown["supplyChannel"] == {"typeId": "channel", "id": channel.id}
    assert shown["inventoryMode"] == "TrackOnly"
    assert refusal_of(sandbox, draft_of(cart)).code == "OutOfStock"


def test_line_keys_are_unique_in_a_cart_and_in_an_import() -> None:
    sandbox, _ = sandbox_with_clock()
    twice = [{"sku": "A", "key": "one"}, {"sku": "B", "key": "one"}]
    with pytest.raises(ApiError) as raised:
        make_cart(sandbox, *twice)
    assert raised.value.code == "DuplicateField"
    lines = [line("A", 1, key="one"), line("B", 1, key="one")]
    with pytest.raises(ApiError) as raised:
        sandbox.import_order(order_draft(lines, "None"))
    assert raised.value.code == "DuplicateField"
    assert len(sandbox.carts) == len(sandbox.orders) == 0


def test_a_deleted_order_is_gone_and_its_number_free() -> None:
    shop = Shop()
    with pytest.raises(ApiError) as raised:
        shop.sandbox.delete_order("key", "W-1", 9)
    assert raised.value.code == "ConcurrentModification"
    shop.sandbox.delete_order("key", "W-1", 1)
    assert shop.types() == ["OrderDeleted"]
    assert shop.sandbox.orders.find("key", "W-1") is None
    again = shop.sandbox.place_order([{"sku": "A"}], order_number="W-1", mode="None")
    assert again.id != shop.order_id


def test_a_basket_has_one_currency() -> None:
    sandbox, _ = sandbox_with_clock()
    pounds = {"currencyCode": "GBP", "centAmount": 1500}
    order = sandbox.place_order([{"sku": "A", "price": pounds}], mode="None")
    total = as_json(order_body(order))["totalPrice"]
    assert (total["currencyCode"], total["centAmount"]) == ("GBP", 1990)
    euros = {"currencyCode": "EUR", "centAmount": 1500}
    lines = [{"sku": "A", "price": pounds}, {"sku": "B", "price": euros}]
    with pytest.raises(ApiError) as raised:
        sandbox.place_order(lines, mode="None")
    assert raised.value.code == "InvalidField"


def test_an_order_has_its_carts_payments_and_prices() -> None:
    sandbox, _ = sandbox_with_clock()
    money = {"currencyCode": "EUR", "centAmount": 250}
    first, second = (
        sandbox.create_payment({"amountPlanned": money}).id for _ in range(2)
    )
    paid = {"paymentInfo": {"payments": [{"typeId": "payment", "id": first}]}}
    basket = basket_draft([{"sku": "A", "quantity": 2, "price": money}], mode="None")
    cart = sandbox.create_cart({**basket, **paid})
    adding = action("addPayment", payment={"typeId": "payment", "id": second})
    cart = sandbox.update_cart("id", cart.id, update(1, adding, adding))
    assert cart.version == 2
    body = as_json(order_body(sandbox.create_order(draft_of(cart))))
    ids = [each["id"] for each in body["paymentInfo"]["payments"]]
    assert ids == [first, second]
    assert body["lineItems"][0]["totalPrice"]["centAmount"] == 500
    again = sandbox.create_cart({**basket, "lineItems": [{"sku": "A"}]})
    with pytest.raises(ApiError) as raised:
        sandbox.update_cart("id", again.id, update(1, adding))
    assert raised.value.code == "InvalidOperation"
