"""What ties an order to others: channels, payments, numbers, customers, fields."""

import pytest

from streams.sandbox.commercetools.errors import ApiError
from tests.sandbox.support import update
from tests.sandbox.trade_support import Fields, Shop, action

MONEY = {"currencyCode": "EUR", "centAmount": 1999}
SET_TYPE = {"name": "Set", "elementType": {"name": "String"}}


def sync(channel: str, **fields: object) -> Fields:
    reference = {"typeId": "channel", "key": channel}
    return action("updateSyncInfo", channel=reference, **fields)


def test_a_sync_is_noted_per_channel_and_the_last_wins() -> None:
    shop = Shop()
    shop.sandbox.create_channel({"key": "in", "roles": ["OrderImport"]})
    shop.act(sync("pos", externalId="NS-1"), sync("in", externalId="X"))
    body = shop.act(sync("pos", externalId="NS-2", syncedAt="2026-10-31T10:00:00.000Z"))
    first, second = body["syncInfo"]
    assert (first["externalId"], first["syncedAt"]) == ("X", "2026-11-01T08:00:00.000Z")
    assert second["externalId"] == "NS-2"
    assert second["syncedAt"] == "2026-10-31T10:00:00.000Z"
    assert shop.types() == []


def test_a_sync_needs_a_channel_for_export_or_import() -> None:
    shop = Shop()
    shop.sandbox.create_channel({"key": "LDN01"})
    assert shop.refused(sync("LDN01")).code == "InvalidInput"
    assert shop.refused(sync("none")).code == "ReferencedResourceNotFound"


def pay(shop: Shop, key: str = "pay-1") -> Fields:
    if shop.sandbox.payments.find("key", key) is None:
        shop.sandbox.create_payment({"key": key, "amountPlanned": MONEY})
    return action("addPayment", payment={"typeId": "payment", "key": key})


def test_payments_are_added_once_and_removed() -> None:
    shop = Shop()
    body = shop.act(pay(shop), pay(shop, "pay-2"), pay(shop))
    assert len(body["paymentInfo"]["payments"]) == 2
    assert shop.types() == ["OrderPaymentAdded"] * 2
    removals = [
        action("removePayment", payment={"typeId": "payment", "key": key})
        for key in ("pay-1", "pay-2")
    ]
    body = shop.act(*removals)
    assert "paymentInfo" not in body
    removed = [
        each.happening.fields["removedPaymentInfo"] for each in shop.messages()[2:]
    ]
    assert removed == [False, True]
    assert shop.refused(removals[0]).code == "InvalidOperation"


def test_a_payment_belongs_to_one_order() -> None:
    shop = Shop()
    shop.act(pay(shop))
    other = shop.sandbox.place_order([{"sku": "A"}], mode="None")
    with pytest.raises(ApiError) as raised:
        shop.sandbox.update_order("id", other.id, update(1, pay(shop)))
    assert raised.value.code == "InvalidOperation"
    shop.sandbox.delete_order("id", shop.order_id, shop.order.version)
    shop.sandbox.update_order("id", other.id, update(1, pay(shop)))


def test_an_order_number_is_set_once_and_unique() -> None:
    shop = Shop()
    renumber = action("setOrderNumber", orderNumber="W-2")
    assert shop.refused(renumber).code == "InvalidOperation"
    other = shop.sandbox.place_order([{"sku": "A"}], mode="None")
    taken = update(1, action("setOrderNumber", orderNumber="W-1"))
    with pytest.raises(ApiError) as raised:
        shop.sandbox.update_order("id", other.id, taken)
    assert raised.value.details == {"field": "orderNumber", "duplicateValue": "W-1"}
    shop.sandbox.update_order("id", other.id, update(1, renumber))
    assert shop.sandbox.orders.get("key", "W-2").version == 2
    assert shop.sandbox.orders.find("key", "W-1") == shop.order


def test_a_customer_must_exist() -> None:
    shop = Shop()
    unknown = action("setCustomerId", customerId="none")
    assert shop.refused(unknown).code == "ReferencedResourceNotFound"
    draft = {"email": "jo@example.org", "authenticationMode": "ExternalAuth"}
    customer = shop.sandbox.create_customer(draft)
    body = shop.act(
        action("setCustomerId", customerId=customer.id),
        action("setCustomerEmail", email="jo@example.org"),
    )
    assert (body["customerId"], body["customerEmail"]) == (
        customer.id,
        "jo@example.org",
    )
    assert shop.types() == ["OrderCustomerSet", "OrderCustomerEmailSet"]


def test_a_store_changes_or_is_refused() -> None:
    shop = Shop()
    change = action("setStore", store={"typeId": "store", "key": "de"})
    assert shop.act(change)["store"] == {"typeId": "store", "key": "de"}
    assert shop.refused(change).status == 400
    assert "store" not in shop.act(action("setStore"))


def with_type(shop: Shop, resource_type_id: str) -> None:
    shop.sandbox.create_type(
        {
            "key": f"type-{resource_type_id}",
            "name": {"en": "Ours"},
            "resourceTypeIds": [resource_type_id],
            "fieldDefinitions": [
                {
                    "name": "places",
                    "label": {"en": "Places"},
                    "required": False,
                    "type": SET_TYPE,
                },
                {
                    "name": "note",
                    "label": {"en": "Note"},
                    "required": False,
                    "type": {"name": "String"},
                },
            ],
        }
    )


PARTS = {
    "": ("order", {}),
    "LineItem": ("line-item", {"lineItemKey": "one"}),
    "Delivery": ("order-delivery", {"deliveryKey": "ns-1"}),
    "Parcel": ("order-parcel", {"parcelKey": "pc-1"}),
    "ReturnItem": ("order-return-item", {"returnItemKey": "r-1"}),
}


def custom_of(part: str, body: Fields) -> Fields | None:
    delivery = body["shippingInfo"]["deliveries"][0]
    held: dict[str, Fields] = {
        "": body,
        "LineItem": body["lineItems"][0],
        "Delivery": delivery,
        "Parcel": delivery["parcels"][0],
        "ReturnItem": body["returnInfo"][0]["items"][0],
    }
    return held[part].get("custom")


@pytest.mark.parametrize("part", PARTS)
def test_every_part_carries_custom_fields_of_its_own_type(part: str) -> None:
    shop = Shop()
    type_id, names = PARTS[part]
    with_type(shop, type_id)
    returned = {"lineItemId": shop.line_id(), "quantity": 1, "key": "r-1"}
    shop.act(
        action("addDelivery", deliveryKey="ns-1", parcels=[{"key": "pc-1"}]),
        action("addReturnInfo", items=[returned | {"shipmentState": "Returned"}]),
    )
    set_field = action(
        f"set{part}CustomField", name="places", value=["LDN01:2"], **names
    )
    assert shop.refused(set_field).code == "InvalidOperation"
    reference = {"typeId": "type", "key": f"type-{type_id}"}
    set_type = action(f"set{part}CustomType", type=reference, **names)
    body = shop.act(set_type, set_field)
    assert (custom_of(part, body) or {})["fields"] == {"places": ["LDN01:2"]}
    wrong = set_field | {"value": "LDN01:2"}
    assert shop.refused(wrong).code == "InvalidField"
    body = shop.act(set_field | {"value": None})
    assert (custom_of(part, body) or {})["fields"] == {}
    assert custom_of(part, shop.act(action(f"set{part}CustomType", **names))) is None


@pytest.mark.parametrize("part", PARTS)
def test_a_type_of_other_resources_is_refused(part: str) -> None:
    shop = Shop()
    with_type(shop, "inventory-entry")
    _, names = PARTS[part]
    reference = {"typeId": "type", "key": "type-inventory-entry"}
    returned = {"lineItemId": shop.line_id(), "quantity": 1, "key": "r-1"}
    shop.act(
        action("addDelivery", deliveryKey="ns-1", parcels=[{"key": "pc-1"}]),
        action("addReturnInfo", items=[returned | {"shipmentState": "Returned"}]),
    )
    change = action(f"set{part}CustomType", type=reference, **names)
    assert shop.refused(change).code == "InvalidOperation"


@pytest.mark.parametrize(
    ("value", "fits"),
    [([], True), (["a", "b"], True), (["a", "a"], False), ([1], False), ("a", False)],
)
def test_a_set_holds_its_elements_once_each(value: object, *, fits: bool) -> None:
    shop = Shop()
    with_type(shop, "order")
    reference = {"typeId": "type", "key": "type-order"}
    change = action("setCustomType", type=reference, fields={"places": value})
    if fits:
        assert shop.act(change)["custom"]["fields"] == {"places": value}
    else:
        assert shop.refused(change).code == "InvalidField"


def test_the_orders_own_fields_are_told_of_as_they_come_change_and_go() -> None:
    shop = Shop()
    with_type(shop, "order")
    reference = {"typeId": "type", "key": "type-order"}

    def note(value: object) -> Fields:
        return action("setCustomField", name="note", value=value)

    shop.act(action("setCustomType", type=reference), note("a"), note("b"), note(None))
    shop.act(action("setCustomType"))
    assert shop.types() == [
        "OrderCustomTypeSet",
        "OrderCustomFieldAdded",
        "OrderCustomFieldChanged",
        "OrderCustomFieldRemoved",
        "OrderCustomTypeRemoved",
    ]
    changed = shop.messages()[2].happening.fields
    assert changed == {"name": "note", "value": "b", "previousValue": "a"}
