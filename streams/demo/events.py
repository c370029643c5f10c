"""NewStore's events as the demo's shops cause them (NewStore event stream)."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

TENANT = "demo"
IN_STORE = "IN_STORE_HANDOVER"
DELIVERY = "TRADITIONAL_CARRIER"

Units = Sequence[tuple[str, str]]
"""Units with the SKU of each: (unit id, sku)."""


def envelope(name: str, at: datetime, **payload: Any) -> bytes:
    """Return an event as NewStore sends it."""
    return json.dumps(
        {
            "tenant": TENANT,
            "name": name,
            "published_at": at.isoformat(),
            "payload": payload,
        }
    ).encode()


def store_sale(order_id: str, shop: str, units: Units, at: datetime) -> bytes:
    """Say that customers carried units out of a shop."""
    return _opened(order_id, units, at, "store", shop, IN_STORE)


def web_order(order_id: str, place: str, units: Units, at: datetime) -> bytes:
    """Say that somebody ordered units on the web, to be sent from a place."""
    return _opened(order_id, units, at, "web", place, DELIVERY)


def _opened(
    order_id: str, units: Units, at: datetime, channel: str, place: str, service: str
) -> bytes:
    items = [
        {
            "id": unit,
            "item_type": "product",
            "product_id": sku,
            "quantity": 1,
            "shipping_service_level": service,
        }
        for unit, sku in units
    ]
    return envelope(
        "order.opened",
        at,
        id=order_id,
        channel_type=channel,
        channel=place if channel == "store" else "webshop",
        demand_location_id=place,
        placed_at=at.isoformat(),
        items=items,
    )


def handed_over(order_id: str, shop: str, units: Units, at: datetime) -> bytes:
    """Say a second time, as fulfilment does, that units were carried out of a shop."""
    return fulfilment(
        "items_completed", order_id, "till", shop, units, at, service=IN_STORE
    )


def fulfilment(
    what: str,
    order_id: str,
    request: str,
    place: str,
    units: Units,
    at: datetime,
    *,
    service: str = DELIVERY,
) -> bytes:
    """Say what became of a request to fulfil units: assigned, completed or failed."""
    return envelope(
        f"fulfillment_request.{what}",
        at,
        id=f"{order_id}-{request}",
        order_id=order_id,
        logical_timestamp=int(at.timestamp() * 1000),
        fulfillment_location_id=place,
        service_level=service,
        items=[
            {"id": unit, "product_id": sku, "shipped_at": at.isoformat()}
            for unit, sku in units
        ],
    )


def items_cancelled(order_id: str, units: Units, at: datetime) -> bytes:
    """Say that the customer cancelled units before they were sent."""
    items = [
        {"id": unit, "item_type": "product", "product_id": sku} for unit, sku in units
    ]
    return envelope("order.items_cancelled", at, id=order_id, items=items)


def returned(
    return_id: str, shop: str, units: Units, at: datetime, *, sellable: bool
) -> bytes:
    """Say that customers brought units back to a shop."""
    condition = (1, "Sellable") if sellable else (2, "Damaged")
    items = [
        {
            "id": unit,
            "product_id": sku,
            "quantity": 1,
            "condition_code": condition[0],
            "item_condition": condition[1],
        }
        for unit, sku in units
    ]
    return envelope(
        "return.processed",
        at,
        id=return_id,
        return_location_id=shop,
        returned_at=at.isoformat(),
        items=items,
    )


Lines = Iterable[tuple[str, int]]


def receipt(
    document: str, place: str, chunks: Sequence[Lines], at: datetime, asn: str = ""
) -> list[bytes]:
    """Say what came with a delivery, in chunks; `asn` ties it to a transfer."""
    return [
        envelope(
            "inventory_transaction.items_received",
            at,
            id=document,
            fulfillment_location_id=place,
            processed_at=at.isoformat(),
            chunk_number=number,
            total_chunks=len(chunks),
            items=_items(lines),
            **({"asn_id": asn} if asn else {}),
        )
        for number, lines in enumerate(chunks, 1)
    ]


def transfer(asn: str, origin: str, shop: str, lines: Lines, at: datetime) -> bytes:
    """Say that goods left one place for another."""
    return envelope(
        "inventory_transaction.asn_created",
        at,
        id=asn,
        origin_id=origin,
        destination_id=shop,
        processed_at=at.isoformat(),
        items=_items(lines),
    )


def damage(document: str, shop: str, lines: Lines, at: datetime) -> bytes:
    """Say that goods were found damaged in a shop."""
    return envelope(
        "inventory_transaction.adjustment_created",
        at,
        id=document,
        fulfillment_location_id=shop,
        processed_at=at.isoformat(),
        adjustment_type="Damage out",
        adjustment_reason="Damaged",
        origin_stock_location_name="main",
        items=_items(lines),
    )


def counted(document: str, shop: str, lines: Lines, at: datetime) -> bytes:
    """Say what was found on a shop's shelves at a time."""
    return envelope(
        "inventory_count.items_counted",
        at,
        id=document,
        count_type="cycle",
        fulfillment_location_id=shop,
        completed_at=at.isoformat(),
        chunk_number=1,
        total_chunks=1,
        items=[{"product_id": sku, "count": units} for sku, units in lines],
    )


def broken(document: str, at: datetime) -> bytes:
    """Return an event that nobody can read: its items are no list."""
    return envelope("order.opened", at, id=document, items="see attachment")


def _items(lines: Lines) -> list[dict[str, object]]:
    return [{"product_id": sku, "quantity": units} for sku, units in lines]
