"""What vendors send of orders, with all that they send in one message."""

import json
import random
from collections.abc import Iterable
from typing import Any
from uuid import UUID

Json = dict[str, Any]
Pair = tuple[str, bytes]
"""A key and a value."""


def newstore_id(number: str) -> str:
    return str(UUID(int=random.Random(number).getrandbits(128), version=4))


def item_id(number: str, unit: str) -> str:
    return newstore_id(f"{number}/{unit}")


def event(name: str, payload: Json) -> Pair:
    """Return an event of NewStore's with its key."""
    told = {
        "tenant": "acme",
        "name": name,
        "published_at": "2025-03-01T10:15:02.345Z",
        "payload": payload,
    }
    key = str(payload.get("order_id", payload["id"]))
    return key, json.dumps(told).encode()


def order_opened(number: str, channel: str, units: Iterable[tuple[str, str]]) -> Pair:
    """Return an order of NewStore's, with all that the vendor sends in one."""
    service = "IN_STORE_HANDOVER" if channel == "store" else "STANDARD"
    items = [_opened_item(number, *unit, service) for unit in units]
    payload = {
        "id": newstore_id(number),
        "external_id": number,
        "created_at": "2025-03-01T10:15:00.120Z",
        "placed_at": "2025-03-01T10:14:58.000Z",
        "associate_id": "12",
        "channel_type": channel,
        "channel": "LDN01" if channel == "store" else "webshop",
        "demand_location_id": "LDN01" if channel == "store" else None,
        "is_exchange": False,
        "exchanges": [],
        "is_historical": False,
        "customer_id": None,
        "price_method": "tax_included",
        "subtotal": 50.0,
        "discount_total": 5.0,
        "shipping_total": 0,
        "shipping_tax": 0,
        "tax_total": 7.5,
        "grand_total": 45.0,
        "currency": "GBP",
        "tax_exempt": False,
        "extended_attributes": [{"name": "till", "value": "2"}],
        "items": items,
    }
    return event("order.opened", payload)


def _opened_item(number: str, unit: str, sku: str, service: str) -> Json:
    ours = {"external_item_id": unit} if service == "STANDARD" else {}
    return {
        "id": item_id(number, unit),
        "item_type": "product",
        "product_id": sku,
        "pricebook_id": "default",
        "pricebook_price": 50.0,
        "list_price": 50.0,
        "item_discounts": 0,
        "order_discounts": 5.0,
        "tax": 7.5,
        "tax_provider_details": [{"name": "UK VAT", "amount": 7.5, "rate": 0.2}],
        "quantity": 1,
        "status": "opened",
        "external_identifiers": {"sku": sku, "ean13": "5000000000017"},
        "shipping_service_level": service,
        "is_preorder": False,
        "extended_attributes": [],
        **ours,
    }


def fulfilment(step: str, number: str, rank: int, *units: tuple[str, str]) -> Pair:
    """Return an event of a fulfilment request."""
    payload = {
        "id": f"fr-{number}",
        "order_id": newstore_id(number),
        "logical_timestamp": rank,
        "fulfillment_location_id": "LDN01",
        "associate_id": "4",
        "service_level": "STANDARD",
        "items": [
            {"id": item_id(number, unit), "product_id": sku} for unit, sku in units
        ],
    }
    return event(f"fulfillment_request.{step}", payload)


def order_created(number: str, lines: Iterable[tuple[str, str, int]]) -> Pair:
    """Return commercetools' message of a new order."""
    commerce_id = newstore_id(f"commerce {number}")
    order = {
        "id": commerce_id,
        "version": 1,
        "orderNumber": number,
        "orderState": "Open",
        "createdAt": "2025-03-01T10:00:00.000Z",
        "inventoryMode": "TrackOnly",
        "totalPrice": {"currencyCode": "GBP", "centAmount": 9000},
        "shippingAddress": {"country": "GB"},
        "shippingInfo": {"shippingMethodName": "Standard"},
        "paymentInfo": {"payments": [{"typeId": "payment", "id": "pay-1"}]},
        "lineItems": [
            {"id": line_id, "quantity": quantity, "variant": {"sku": sku}}
            for line_id, sku, quantity in lines
        ],
    }
    told = {
        "notificationType": "Message",
        "id": f"m-{number}",
        "version": 1,
        "sequenceNumber": 1,
        "resource": {"typeId": "order", "id": commerce_id},
        "resourceVersion": 1,
        "type": "OrderCreated",
        "resourceUserProvidedIdentifiers": {"orderNumber": number},
        "order": order,
    }
    return commerce_id, json.dumps(told).encode()


def returned(number: str, unit: str, sku: str) -> Pair:
    """Return the event of one unit that comes back."""
    item = {"id": item_id(number, unit), "product_id": sku, "quantity": 1}
    payload = {
        "id": f"ret-{number}",
        "order_id": newstore_id(number),
        "returned_at": "2025-03-04T12:17:43.640Z",
        "return_location_id": "LDN02",
        "currency": "GBP",
        "total_refund_amount": 45.0,
        "items": [{**item, "item_condition": "Sellable", "condition_code": 1}],
    }
    return event("return.processed", payload)
