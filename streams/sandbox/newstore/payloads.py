"""Events' payloads, with the names that public documents and integrations show.

Sources: Event Stream webhooks; fixtures of public integrations. Money is in major
units. One item is one unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from streams.sandbox.newstore.money import ZERO
from streams.sandbox.newstore.orders import FulfilmentRequest, Order, Parcel
from streams.sandbox.newstore.units import Unit
from streams.sandbox.newstore.wire import moment

Payload = dict[str, Any]


def order_payload(order: Order, units: Sequence[Unit], status: str) -> Payload:
    """Write order.created and order.opened."""
    subtotal = sum((unit.price.price for unit in units), ZERO)
    discounts = sum((unit.price.order_discounts for unit in units), ZERO)
    taxes = sum((unit.price.tax for unit in units), ZERO)
    paid = sum((unit.paid for unit in units), ZERO)
    return {
        "id": order.id,
        "external_id": order.external_id,
        "created_at": moment(order.created_at),
        "placed_at": moment(order.placed_at),
        "channel_type": order.channel_type,
        "channel": order.channel,
        "demand_location_id": order.demand_location_id,
        "is_exchange": order.is_exchange,
        "exchanges": list(order.exchanges),
        "is_historical": order.is_historical,
        "price_method": order.price_method,
        "subtotal": subtotal,
        "discount_total": discounts,
        "shipping_total": order.shipping_price,
        "shipping_tax": order.shipping_tax,
        "tax_total": taxes + order.shipping_tax,
        "grand_total": paid + shipping_paid(order),
        "currency": order.currency,
        "tax_exempt": False,
        "extended_attributes": list(order.attributes),
        "items": [_order_item(unit, status) for unit in units],
        **order.details,
    }


def shipping_paid(order: Order) -> Decimal:
    """Return what the customer paid for shipping."""
    if order.price_method == "tax_included":
        return order.shipping_price
    return order.shipping_price + order.shipping_tax


def _order_item(unit: Unit, status: str) -> Payload:
    price = unit.price
    return {
        "id": unit.id,
        "item_type": "product",
        "product_id": unit.product_id,
        "pricebook_id": "default",
        "pricebook_price": price.list_price,
        "list_price": price.list_price,
        "item_discounts": price.item_discounts,
        "order_discounts": price.order_discounts,
        "tax": price.tax,
        "tax_provider_details": list(price.taxes),
        "quantity": 1,
        "status": status,
        "extended_attributes": list(unit.attributes),
        "external_identifiers": {"sku": unit.product_id},
        "shipping_service_level": unit.service_level,
        "is_preorder": False,
    }


def completed_payload(order: Order, units: Sequence[Unit]) -> Payload:
    """Write order.completed."""
    return {
        "id": order.id,
        "items": [
            {
                "id": unit.id,
                "product_id": unit.product_id,
                "quantity": 1,
                "status": unit.state,
                "fulfillment_location_id": unit.node_id,
                "shipping_service_level": unit.service_level,
            }
            for unit in units
        ],
    }


def cancelled_payload(order: Order, units: Sequence[Unit]) -> Payload:
    """Write order.cancelled."""
    return {
        "id": order.id,
        "items": [
            {
                "id": unit.id,
                "product_id": unit.product_id,
                "quantity": 1,
                "status": "cancelled",
            }
            for unit in units
        ],
    }


def items_cancelled_payload(
    order: Order, units: Sequence[Unit], reason: str
) -> Payload:
    """Write order.items_cancelled: one entry for each unit, no quantity."""
    return {
        "id": order.id,
        "items": [
            {
                "id": unit.id,
                "product_id": unit.product_id,
                "cancellation_reason": reason,
            }
            for unit in units
        ],
    }


def request_payload(
    request: FulfilmentRequest,
    units: Iterable[Unit],
    logical_timestamp: int,
    *,
    parcel: Parcel | None = None,
    reason: str | None = None,
) -> Payload:
    """Write a fulfillment_request event."""
    more: Mapping[str, object] = {}
    if parcel is not None:
        more = {
            "shipped_at": moment(parcel.shipped_at),
            "carrier": parcel.carrier,
            "tracking_code": parcel.tracking_code,
        }
    elif reason is not None:
        more = {"rejection_reason": reason}
    return {
        "id": request.id,
        "order_id": request.order_id,
        "logical_timestamp": logical_timestamp,
        "fulfillment_location_id": request.node_id,
        "associate_id": "sandbox",
        "service_level": request.service_level,
        "items": [
            {
                "id": unit.id,
                "product_id": unit.product_id,
                "extended_attributes": list(unit.attributes),
                **more,
            }
            for unit in units
        ],
    }


def stock_lines(lines: Iterable[tuple[str, int]]) -> list[Payload]:
    """Write the lines of a stock document."""
    return [
        {
            "product_id": product_id,
            "quantity": quantity,
            "external_identifiers": {"sku": product_id},
        }
        for product_id, quantity in lines
    ]
