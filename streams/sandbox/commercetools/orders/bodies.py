"""Orders as the vendor writes them, and what queries may ask about them.

Source: API spec, `types/order/*`, `types/cart/LineItem`. Prices are plain, taxes and
discounts absent: the sandbox keeps no catalogue.
"""

from collections.abc import Iterable, Mapping
from uuid import NAMESPACE_URL, uuid5

from streams.sandbox.commercetools.custom import custom_body
from streams.sandbox.commercetools.orders.model import (
    SINGLE,
    Delivery,
    Item,
    Order,
    OrderLine,
    Parcel,
    ReturnInfo,
    ReturnItem,
    Shipping,
    SyncInfo,
)
from streams.sandbox.commercetools.predicates import ANY_NAME, FieldKind, Schema
from streams.sandbox.commercetools.resources import reference

REFERENCE: Schema = {"typeId": FieldKind.TEXT, "id": FieldKind.TEXT}
CUSTOM: Schema = {"type": REFERENCE, "fields": {ANY_NAME: FieldKind.ANY}}
ITEMS: Schema = {"id": FieldKind.TEXT, "quantity": FieldKind.NUMBER}
PARCEL: Schema = {
    "id": FieldKind.TEXT,
    "key": FieldKind.TEXT,
    "trackingData": {"trackingId": FieldKind.TEXT, "carrier": FieldKind.TEXT},
}
DELIVERY: Schema = {
    "id": FieldKind.TEXT,
    "key": FieldKind.TEXT,
    "items": ITEMS,
    "parcels": PARCEL,
    "custom": CUSTOM,
}
RETURN_ITEM: Schema = {
    "id": FieldKind.TEXT,
    "key": FieldKind.TEXT,
    "lineItemId": FieldKind.TEXT,
    "quantity": FieldKind.NUMBER,
    "shipmentState": FieldKind.TEXT,
    "paymentState": FieldKind.TEXT,
    "custom": CUSTOM,
}
ORDER_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "orderNumber": FieldKind.TEXT,
    "orderState": FieldKind.TEXT,
    "shipmentState": FieldKind.TEXT,
    "paymentState": FieldKind.TEXT,
    "state": REFERENCE,
    "customerId": FieldKind.TEXT,
    "customerEmail": FieldKind.TEXT,
    "store": {"key": FieldKind.TEXT},
    "inventoryMode": FieldKind.TEXT,
    "lineItems": {
        "id": FieldKind.TEXT,
        "key": FieldKind.TEXT,
        "variant": {"id": FieldKind.NUMBER, "sku": FieldKind.TEXT},
        "quantity": FieldKind.NUMBER,
        "supplyChannel": REFERENCE,
        "state": {"quantity": FieldKind.NUMBER, "state": REFERENCE},
        "custom": CUSTOM,
    },
    "shippingInfo": {"shippingMethodName": FieldKind.TEXT, "deliveries": DELIVERY},
    "syncInfo": {
        "channel": REFERENCE,
        "externalId": FieldKind.TEXT,
        "syncedAt": FieldKind.MOMENT,
    },
    "returnInfo": {
        "returnTrackingId": FieldKind.TEXT,
        "returnDate": FieldKind.MOMENT,
        "items": RETURN_ITEM,
    },
    "paymentInfo": {"payments": REFERENCE},
    "custom": CUSTOM,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


def present(body: Mapping[str, object]) -> dict[str, object]:
    """Leave out what has no value, as the vendor does."""
    return {name: value for name, value in body.items() if value is not None}


def order_body(order: Order) -> dict[str, object]:
    """Write an order as the vendor does."""
    is_single = order.shipping_mode == SINGLE
    shippings = [shipping_body(shipping) for shipping in order.shippings]
    payments = [reference("payment", each) for each in order.payment_ids]
    return {
        **order.stamp.body(),
        **present(
            {
                "orderNumber": order.key,
                "customerId": order.customer_id,
                "customerEmail": order.customer_email,
                "shipmentState": order.shipment_state,
                "paymentState": order.payment_state,
                "state": _state(order.workflow_state_id),
                "shippingInfo": shippings[0] if is_single and shippings else None,
                "returnInfo": _returns(order.returns),
                "paymentInfo": {"payments": payments} if payments else None,
                "custom": custom_body(order.custom),
                "cart": _optional("cart", order.cart_id),
                "recurringOrder": _optional(
                    "recurring-order", order.recurring_order_id
                ),
            }
        ),
        **(order.facts or {}),
        "orderState": order.state,
        "inventoryMode": order.mode,
        "shippingMode": order.shipping_mode,
        "shipping": [] if is_single else shippings,
        "totalPrice": order.total_price,
        "lineItems": [line_body(line) for line in order.lines],
        "customLineItems": [],
        "discountCodes": [],
        "syncInfo": [sync_body(sync) for sync in order.syncs],
    }


def line_body(line: OrderLine) -> dict[str, object]:
    """Write a line item."""
    return present(
        {
            "id": line.id,
            "key": line.key,
            "productId": str(uuid5(NAMESPACE_URL, line.sku)),
            "name": line.name,
            "variant": {"id": 1, "sku": line.sku},
            "quantity": line.quantity,
            "price": line.price,
            "totalPrice": _total(line.price, line.quantity),
            "inventoryMode": line.own_mode,
            "supplyChannel": _optional("channel", line.channel_id),
            "distributionChannel": _optional("channel", line.distribution_channel_id),
            "shippingDetails": line.shipping_details,
            "state": [
                {"quantity": quantity, "state": reference("state", state_id)}
                for state_id, quantity in line.states
            ],
            "custom": custom_body(line.custom),
        }
    )


def _total(price: Mapping[str, object], quantity: int) -> object:
    value = price.get("value")
    cents = value.get("centAmount") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(cents, int):
        return None
    return {**value, "centAmount": cents * quantity}


def shipping_body(shipping: Shipping) -> dict[str, object]:
    """Write the `shippingInfo`, or one `shipping` of several."""
    info: dict[str, object] = {
        **shipping.fields,
        "deliveries": [delivery_body(each) for each in shipping.deliveries],
        "shippingMethodState": "MatchesCart",
    }
    if shipping.key is None:
        return info
    return present(
        {
            "shippingKey": shipping.key,
            "shippingInfo": info,
            "shippingAddress": shipping.address,
        }
    )


def item_bodies(items: Iterable[Item]) -> list[dict[str, object]]:
    """Write the items of a delivery or a parcel."""
    return [{"id": item.line_id, "quantity": item.quantity} for item in items]


def delivery_body(delivery: Delivery) -> dict[str, object]:
    """Write a delivery with its parcels."""
    return present(
        {
            "id": delivery.id,
            "key": delivery.key,
            "createdAt": delivery.created_at,
            "items": item_bodies(delivery.items),
            "parcels": [parcel_body(parcel) for parcel in delivery.parcels],
            "address": delivery.address,
            "custom": custom_body(delivery.custom),
        }
    )


def parcel_body(parcel: Parcel) -> dict[str, object]:
    """Write a parcel."""
    return present(
        {
            "id": parcel.id,
            "key": parcel.key,
            "createdAt": parcel.created_at,
            "measurements": parcel.measurements,
            "trackingData": parcel.tracking,
            "items": item_bodies(parcel.items),
            "custom": custom_body(parcel.custom),
        }
    )


def return_body(info: ReturnInfo) -> dict[str, object]:
    """Write one return."""
    return present(
        {
            "returnTrackingId": info.tracking_id,
            "returnDate": info.return_date,
            "items": [_return_item_body(item) for item in info.items],
        }
    )


def _return_item_body(item: ReturnItem) -> dict[str, object]:
    return present(
        {
            "id": item.id,
            "key": item.key,
            "type": "LineItemReturnItem",
            "lineItemId": item.line_id,
            "quantity": item.quantity,
            "comment": item.comment,
            "shipmentState": item.shipment_state,
            "paymentState": item.payment_state,
            "custom": custom_body(item.custom),
            "createdAt": item.created_at,
            "lastModifiedAt": item.last_modified_at,
        }
    )


def sync_body(sync: SyncInfo) -> dict[str, object]:
    """Write when the order was exchanged with a channel."""
    return present(
        {
            "channel": reference("channel", sync.channel_id),
            "externalId": sync.external_id,
            "syncedAt": sync.synced_at,
        }
    )


def _returns(returns: tuple[ReturnInfo, ...] | None) -> object:
    return None if returns is None else [return_body(info) for info in returns]


def _state(state_id: str | None) -> object:
    return _optional("state", state_id)


def _optional(type_id: str, resource_id: str | None) -> object:
    return None if resource_id is None else reference(type_id, resource_id)
