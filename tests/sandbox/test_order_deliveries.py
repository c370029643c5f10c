"""Deliveries and parcels: what they need, which keys are free, what is said."""

import pytest

from tests.sandbox.trade_support import Fields, Shop, action, as_json


def delivery(shop: Shop, key: str = "ns-1", **fields: object) -> Fields:
    items = [{"id": shop.line_id(), "quantity": 1}]
    base: Fields = {"deliveryKey": key, "items": items}
    return action("addDelivery", **base | fields)


def test_a_delivery_is_added_with_its_parcels_items_and_keys() -> None:
    shop = Shop()
    tracking = {"trackingId": "T1", "carrier": "DHL"}
    item = {"id": shop.line_id(), "quantity": 1}
    parcel = {"key": "pc-1", "trackingData": tracking, "items": [item]}
    shop.clock.move(5)
    body = shop.act(delivery(shop, parcels=[parcel]))
    (held,) = body["shippingInfo"]["deliveries"]
    assert (held["key"], held["items"]) == ("ns-1", [item])
    assert held["createdAt"] == "2026-11-01T08:00:05.000Z"
    (shown,) = held["parcels"]
    assert (shown["key"], shown["items"]) == ("pc-1", [item])
    assert shown["trackingData"] == {**tracking, "isReturn": False}
    assert body["version"] == 2


def test_a_delivery_without_items_or_key_is_taken() -> None:
    shop = Shop()
    (held,) = shop.act(action("addDelivery"))["shippingInfo"]["deliveries"]
    assert (held["items"], held["parcels"]) == ([], [])
    assert "key" not in held


def test_the_message_shows_the_delivery_without_parcels_and_each_parcel_after() -> None:
    shop = Shop()
    shop.act(delivery(shop, parcels=[{"key": "pc-1"}, {"key": "pc-2"}]))
    added, first, second = shop.messages()
    assert shop.types() == ["DeliveryAdded", *["ParcelAddedToDelivery"] * 2]
    assert as_json(added.happening.fields["delivery"])["parcels"] == []
    keys = [as_json(each.happening.fields["parcel"])["key"] for each in (first, second)]
    assert keys == ["pc-1", "pc-2"]


def test_an_order_without_shipping_holds_no_delivery() -> None:
    shop = Shop(is_shipped=False)
    assert "shippingInfo" not in shop.body
    assert shop.refused(delivery(shop)).code == "InvalidOperation"


def test_a_delivery_key_is_unique_in_the_order_within_and_across_requests() -> None:
    shop = Shop()
    error = shop.refused(delivery(shop), delivery(shop))
    assert (error.code, error.details["duplicateValue"]) == ("DuplicateField", "ns-1")
    shop.act(delivery(shop))
    assert shop.refused(delivery(shop)).code == "DuplicateField"
    shop.act(action("removeDelivery", deliveryKey="ns-1"), delivery(shop))


def test_two_orders_may_use_one_delivery_key() -> None:
    shop = Shop()
    shop.act(delivery(shop))
    other = shop.sandbox.place_order([{"sku": "A"}], mode="None")
    update = {"version": 1, "actions": [action("addDelivery", deliveryKey="ns-1")]}
    assert shop.sandbox.update_order("id", other.id, update).version == 2


@pytest.mark.parametrize("key", ["x", "a b", "ä" * 3, "x" * 257])
def test_a_delivery_key_has_the_vendors_form(key: str) -> None:
    shop = Shop()
    assert shop.refused(delivery(shop, key)).code == "InvalidInput"


def test_a_parcel_key_is_unique_in_the_order() -> None:
    shop = Shop()
    shop.act(delivery(shop, parcels=[{"key": "pc-1"}]), delivery(shop, "ns-2"))
    again = action("addParcelToDelivery", deliveryKey="ns-2", parcelKey="pc-1")
    assert shop.refused(again).code == "DuplicateField"


def test_quantities_over_all_deliveries_are_not_held_against_the_order() -> None:
    shop = Shop()
    many = [{"id": shop.line_id(), "quantity": 99}]
    shop.act(delivery(shop, items=many), delivery(shop, "ns-2", items=many))
    assert len(shop.body["shippingInfo"]["deliveries"]) == 2


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([{"id": "none", "quantity": 1}], "InvalidOperation"),
        ([{"id": "LINE", "quantity": 0}], "InvalidJsonInput"),
        ([{"id": "LINE", "quantity": "1"}], "InvalidJsonInput"),
        ([{"id": "LINE"}], "InvalidJsonInput"),
        (["LINE"], "InvalidJsonInput"),
    ],
)
def test_wrong_items_are_refused(items: list[Fields], code: str) -> None:
    shop = Shop()
    for item in items:
        if isinstance(item, dict) and item["id"] == "LINE":
            item["id"] = shop.line_id()
    assert shop.refused(delivery(shop, items=items)).code == code


def test_the_items_of_a_delivery_are_replaced() -> None:
    shop = Shop()
    shop.act(delivery(shop))
    items = [{"id": shop.line_id(1), "quantity": 1}]
    body = shop.act(action("setDeliveryItems", deliveryKey="ns-1", items=items))
    assert body["shippingInfo"]["deliveries"][0]["items"] == items
    told = shop.messages()[-1]
    assert told.type == "DeliveryItemsUpdated"
    assert told.happening.fields["oldItems"] == [{"id": shop.line_id(), "quantity": 1}]
    empty = action("setDeliveryItems", deliveryKey="ns-1", items=[])
    assert shop.act(empty)["shippingInfo"]["deliveries"][0]["items"] == []


def test_a_delivery_is_named_by_id_or_by_key_and_not_by_both() -> None:
    shop = Shop()
    body = shop.act(delivery(shop))
    delivery_id = body["shippingInfo"]["deliveries"][0]["id"]
    for names in ({}, {"deliveryId": delivery_id, "deliveryKey": "ns-1"}):
        assert shop.refused(action("removeDelivery", **names)).code == "InvalidInput"
    unknown = action("removeDelivery", deliveryKey="ns-9")
    assert shop.refused(unknown).code == "InvalidOperation"
    gone = shop.act(action("removeDelivery", deliveryId=delivery_id))
    assert gone["shippingInfo"]["deliveries"] == []
    assert shop.types()[-1] == "DeliveryRemoved"


def test_a_parcel_is_added_tracked_measured_filled_and_removed() -> None:
    shop = Shop()
    shop.act(delivery(shop))
    shop.act(
        action("addParcelToDelivery", deliveryKey="ns-1", parcelKey="pc-1"),
        action(
            "setParcelTrackingData", parcelKey="pc-1", trackingData={"trackingId": "T"}
        ),
        action(
            "setParcelMeasurements", parcelKey="pc-1", measurements={"weightInGram": 5}
        ),
        action(
            "setParcelItems",
            parcelKey="pc-1",
            items=[{"id": shop.line_id(), "quantity": 1}],
        ),
    )
    (parcel,) = shop.body["shippingInfo"]["deliveries"][0]["parcels"]
    assert parcel["trackingData"] == {"trackingId": "T", "isReturn": False}
    assert parcel["measurements"] == {"weightInGram": 5}
    assert parcel["items"] == [{"id": shop.line_id(), "quantity": 1}]
    assert shop.types()[1:] == [
        "ParcelAddedToDelivery",
        "ParcelTrackingDataUpdated",
        "ParcelMeasurementsUpdated",
        "ParcelItemsUpdated",
    ]
    body = shop.act(action("setParcelTrackingData", parcelId=parcel["id"]))
    assert "trackingData" not in body["shippingInfo"]["deliveries"][0]["parcels"][0]
    body = shop.act(action("removeParcelFromDelivery", parcelKey="pc-1"))
    assert body["shippingInfo"]["deliveries"][0]["parcels"] == []
    assert shop.types()[-1] == "ParcelRemovedFromDelivery"


def test_an_address_of_a_delivery_is_set_and_removed() -> None:
    shop = Shop()
    shop.act(delivery(shop))
    set_address = action(
        "setDeliveryAddress", deliveryKey="ns-1", address={"country": "FR"}
    )
    held = shop.act(set_address)["shippingInfo"]["deliveries"][0]
    assert held["address"] == {"country": "FR"}
    body = shop.act(action("setDeliveryAddress", deliveryKey="ns-1"))
    assert "address" not in body["shippingInfo"]["deliveries"][0]


def several() -> Fields:
    rate = {"price": {"currencyCode": "EUR", "centAmount": 490}}
    return {
        "shippingMode": "Multiple",
        "customShipping": [
            {"key": key, "shippingMethodName": key, "shippingRate": rate}
            for key in ("fast", "slow")
        ],
    }


def test_with_several_shipping_methods_a_delivery_names_its_own() -> None:
    shop = Shop(is_shipped=False, fields=several())
    assert shop.refused(delivery(shop)).code == "RequiredField"
    unknown = delivery(shop, shippingKey="none")
    assert shop.refused(unknown).code == "InvalidOperation"
    body = shop.act(delivery(shop, shippingKey="slow"))
    assert "shippingInfo" not in body
    found = {
        each["shippingKey"]: len(each["shippingInfo"]["deliveries"])
        for each in body["shipping"]
    }
    assert found == {"fast": 0, "slow": 1}
    assert shop.messages()[0].happening.fields["shippingKey"] == "slow"
    other = delivery(shop, shippingKey="fast")
    assert shop.refused(other).code == "DuplicateField"
