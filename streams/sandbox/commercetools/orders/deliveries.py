"""The update actions of deliveries and parcels.

Source: API spec, `types/order/updates/Order{AddDelivery,RemoveDelivery,SetDelivery*,
AddParcelToDelivery,RemoveParcelFromDelivery,SetParcel*}Action`.
"""

from collections.abc import Callable
from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.bodies import (
    delivery_body,
    item_bodies,
    parcel_body,
)
from streams.sandbox.commercetools.orders.drafts import (
    read_delivery,
    read_items,
    read_measurements,
    read_parcel,
    read_tracking,
)
from streams.sandbox.commercetools.orders.finding import (
    check_keys,
    delivery_finder,
    parcel_finder,
)
from streams.sandbox.commercetools.orders.model import (
    SINGLE,
    Delivery,
    Order,
    Parcel,
    Shipping,
)
from streams.sandbox.commercetools.values import Fields, needed, optional

Change = updates.Change[Order, Desk]


def _shipping_of(order: Order, key: str | None) -> Shipping:
    """Return the shipping method of a new delivery.

    Without `shippingInfo`, or `shipping` where there are several, an order can hold no
    delivery (`OrderAddDeliveryAction`). `shippingKey` is required for `Multiple` only.
    """
    if not order.shippings:
        name = "shippingInfo" if order.shipping_mode == SINGLE else "shipping"
        raise errors.invalid_operation(
            f"A delivery cannot be added: the order has no '{name}'."
        )
    if order.shipping_mode == SINGLE:
        return order.shippings[0]
    if key is None:
        raise errors.required_field("shippingKey")
    for shipping in order.shippings:
        if shipping.key == key:
            return shipping
    raise errors.invalid_operation(f"The order has no shipping method '{key}'.")


def add_delivery(action: Fields) -> Change:
    """Add a delivery; its quantities are not held against the order's.

    `DeliveryAdded` shows the delivery without the parcels of the same action; each of
    those has a `ParcelAddedToDelivery` of its own (`DeliveryAddedMessage`).
    """
    shipping_key = optional(action, "shippingKey", values.text)

    def change(order: Order, desk: Desk) -> Order:
        shipping = _shipping_of(order, shipping_key)
        delivery = read_delivery(action, order.lines, desk, key_name="deliveryKey")
        changed = order.with_shipping(
            shipping, replace(shipping, deliveries=(*shipping.deliveries, delivery))
        )
        check_keys(changed)
        bare = replace(delivery, parcels=())
        desk.tell(
            "DeliveryAdded", delivery=delivery_body(bare), shippingKey=shipping.key
        )
        for parcel in delivery.parcels:
            _tell_parcel(desk, shipping, delivery, parcel)
        return changed

    return change


def _tell_parcel(
    desk: Desk, shipping: Shipping, delivery: Delivery, parcel: Parcel
) -> None:
    desk.tell(
        "ParcelAddedToDelivery",
        delivery=delivery_body(delivery),
        parcel=parcel_body(parcel),
        shippingKey=shipping.key,
    )


def remove_delivery(action: Fields) -> Change:
    """Remove a delivery with its parcels."""
    find = delivery_finder(action)

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery = find(order)
        rest = tuple(each for each in shipping.deliveries if each is not delivery)
        desk.tell(
            "DeliveryRemoved",
            delivery=delivery_body(delivery),
            shippingKey=shipping.key,
        )
        return order.with_shipping(shipping, replace(shipping, deliveries=rest))

    return change


def set_delivery_items(action: Fields) -> Change:
    """Replace a delivery's items; an empty list removes them."""
    find = delivery_finder(action)
    drafts = needed(action, "items", values.objects)

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery = find(order)
        items = read_items(drafts, order.lines)
        desk.tell(
            "DeliveryItemsUpdated",
            deliveryId=delivery.id,
            items=item_bodies(items),
            oldItems=item_bodies(delivery.items),
            shippingKey=shipping.key,
        )
        return order.with_delivery(shipping, replace(delivery, items=items))

    return change


def set_delivery_address(action: Fields) -> Change:
    """Set or remove a delivery's address."""
    find = delivery_finder(action)
    address = optional(action, "address", values.mapping)

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery = find(order)
        desk.tell(
            "DeliveryAddressSet",
            deliveryId=delivery.id,
            address=address,
            oldAddress=delivery.address,
            shippingKey=shipping.key,
        )
        return order.with_delivery(shipping, replace(delivery, address=address))

    return change


def add_parcel(action: Fields) -> Change:
    """Add a parcel to a delivery; its key comes as `parcelKey`."""
    find = delivery_finder(action)
    draft = {**action, "key": action.get("parcelKey")}

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery = find(order)
        parcel = read_parcel(draft, order.lines, desk)
        held = replace(delivery, parcels=(*delivery.parcels, parcel))
        changed = order.with_delivery(shipping, held)
        check_keys(changed)
        _tell_parcel(desk, shipping, held, parcel)
        return changed

    return change


def remove_parcel(action: Fields) -> Change:
    """Remove a parcel from its delivery."""
    find = parcel_finder(action)

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery, parcel = find(order)
        rest = tuple(each for each in delivery.parcels if each is not parcel)
        desk.tell(
            "ParcelRemovedFromDelivery",
            deliveryId=delivery.id,
            parcel=parcel_body(parcel),
            shippingKey=shipping.key,
        )
        return order.with_delivery(shipping, replace(delivery, parcels=rest))

    return change


def _change_parcel(
    action: Fields,
    message_type: str,
    changed: Callable[[Parcel, Order], Parcel],
    told: Callable[[Parcel, Parcel], dict[str, object]],
) -> Change:
    find = parcel_finder(action)

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery, held = find(order)
        parcel = changed(held, order)
        desk.tell(
            message_type,
            deliveryId=delivery.id,
            parcelId=parcel.id,
            shippingKey=shipping.key,
            **told(held, parcel),
        )
        parcels = tuple(parcel if each is held else each for each in delivery.parcels)
        return order.with_delivery(shipping, replace(delivery, parcels=parcels))

    return change


def set_parcel_tracking(action: Fields) -> Change:
    """Set a parcel's tracking data; without any, the existing are removed."""
    tracking = read_tracking(action)
    return _change_parcel(
        action,
        "ParcelTrackingDataUpdated",
        lambda parcel, _: replace(parcel, tracking=tracking),
        lambda _, parcel: {"trackingData": parcel.tracking},
    )


def set_parcel_measurements(action: Fields) -> Change:
    """Set or remove a parcel's measurements."""
    measurements = read_measurements(action)
    return _change_parcel(
        action,
        "ParcelMeasurementsUpdated",
        lambda parcel, _: replace(parcel, measurements=measurements),
        lambda _, parcel: {"measurements": parcel.measurements},
    )


def set_parcel_items(action: Fields) -> Change:
    """Replace a parcel's items."""
    drafts = needed(action, "items", values.objects)
    return _change_parcel(
        action,
        "ParcelItemsUpdated",
        lambda parcel, order: replace(parcel, items=read_items(drafts, order.lines)),
        lambda held, parcel: {
            "items": item_bodies(parcel.items),
            "oldItems": item_bodies(held.items),
        },
    )


DELIVERY_ACTIONS: dict[str, updates.Reader[Order, Desk]] = {
    "addDelivery": add_delivery,
    "addParcelToDelivery": add_parcel,
    "removeDelivery": remove_delivery,
    "removeParcelFromDelivery": remove_parcel,
    "setDeliveryAddress": set_delivery_address,
    "setDeliveryItems": set_delivery_items,
    "setParcelItems": set_parcel_items,
    "setParcelMeasurements": set_parcel_measurements,
    "setParcelTrackingData": set_parcel_tracking,
}
