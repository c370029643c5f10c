"""NewStore events with sane values: a test states only what matters to it."""

import json
from typing import Any

from streams.domain.reference import Location, Product, Reference
from streams.mapping.pos import IntakeRules, Mapped, map_event

RULES = IntakeRules()
PUBLISHED = "2025-03-01T10:15:02.345Z"

Json = dict[str, Any]


def shop_floor() -> Reference:
    """Two stores, a warehouse, three products; one with a NewStore id of its own."""
    reference = Reference()
    reference.put_location(
        Location(
            location_id="LDN01",
            newstore_node_id="NODE-L1",
            newstore_store_id="7d1e-store-uuid",
        )
    )
    reference.put_location(Location(location_id="LDN02"))
    reference.put_location(Location(location_id="DC01", type="dc"))
    reference.put_product(Product(sku="TEE-BLK-M", newstore_product_id="NS-100"))
    reference.put_product(Product(sku="TEE-BLK-L"))
    reference.put_product(Product(sku="MUG"))
    return reference


def event(name: str, /, **payload: Any) -> Json:
    """An envelope; `published_at` and `tenant` may be given beside the payload."""
    envelope: Json = {"tenant": payload.pop("tenant", "acme"), "name": name}
    envelope["published_at"] = payload.pop("published_at", PUBLISHED)
    envelope["payload"] = payload
    return {key: value for key, value in envelope.items() if value is not None}


def item(id_: str = "u1", **more: Any) -> Json:
    """One unit of an order that leaves with the customer."""
    return {
        "id": id_,
        "item_type": "product",
        "product_id": "TEE-BLK-M",
        "quantity": 1,
        "shipping_service_level": "IN_STORE_HANDOVER",
    } | more


def shipped_item(id_: str = "u1", **more: Any) -> Json:
    """One unit of an order that is to be sent."""
    return item(id_, shipping_service_level="STANDARD") | more


def opened(*items: Json, name: str = "order.opened", **more: Any) -> Json:
    """An order at the till of LDN01."""
    payload = {
        "id": "order-1",
        "placed_at": "2025-03-01T10:14:58.000Z",
        "channel_type": "store",
        "channel": "LDN01",
        "demand_location_id": "LDN01",
        "items": list(items or [item()]),
    } | more
    return event(name, **payload)


def web_order(*items: Json, name: str = "order.opened", **more: Any) -> Json:
    """An order of the web shop, not routed yet."""
    what = {"channel_type": "web", "channel": "shop", "demand_location_id": None} | more
    return opened(*(items or (shipped_item(),)), name=name, **what)


def cancelled(*items: Json, name: str = "order.cancelled", **more: Any) -> Json:
    """A cancelled order."""
    lines = list(items or [{"id": "u1", "product_id": "TEE-BLK-M", "quantity": 1}])
    return event(name, **({"id": "order-1", "items": lines} | more))


def request(name: str, *unit_ids: str, **more: Any) -> Json:
    """A fulfilment request's event."""
    units = unit_ids or ("u1",)
    payload = {
        "id": "fr-1",
        "order_id": "order-1",
        "logical_timestamp": 175,
        "fulfillment_location_id": "LDN01",
        "service_level": "STANDARD",
        "items": [{"id": unit, "product_id": "TEE-BLK-M"} for unit in units],
    } | more
    return event(f"fulfillment_request.{name}", **payload)


def returned(*items: Json, **more: Any) -> Json:
    """A return at LDN02."""
    payload = {
        "id": "ret-1",
        "order_id": "order-1",
        "returned_at": "2025-03-04T12:17:43.640Z",
        "return_location_id": "LDN02",
        "items": list(items or [return_item()]),
    } | more
    return event("return.processed", **payload)


def return_item(id_: str | None = "u1", **more: Any) -> Json:
    """A sellable unit that comes back."""
    return {
        "id": id_,
        "product_id": "TEE-BLK-M",
        "quantity": 1,
        "item_condition": "Sellable",
        "condition_code": 1,
    } | more


def stock_item(sku: str = "TEE-BLK-M", quantity: Any = 10, **more: Any) -> Json:
    """A line of an inventory document."""
    return {"product_id": sku, "quantity": quantity} | more


def received(*items: Json, **more: Any) -> Json:
    """Goods received at LDN01 against a shipment notice."""
    payload = {
        "id": "rcv-1",
        "fulfillment_location_id": "LDN01",
        "processed_at": "2025-03-02T08:01:07.971Z",
        "shipment_ref": "IF000123",
        "order_ref": "TO000045",
        "asn_id": "asn-5",
        "chunk_number": 1,
        "total_chunks": 1,
        "items": list(items or [stock_item()]),
    } | more
    return event("inventory_transaction.items_received", **payload)


def notice(*items: Json, **more: Any) -> Json:
    """A transfer that has left DC01."""
    payload = {
        "id": "asn-5",
        "origin_id": "DC01",
        "transfer_order_ref": "TO000045",
        "shipment_ref": "IF000123",
        "chunk_number": 1,
        "items": list(items or [stock_item()]),
    } | more
    return event("inventory_transaction.asn_created", **payload)


def adjusted(*items: Json, **more: Any) -> Json:
    """A stock adjustment at LDN01: thrown away."""
    payload = {
        "id": "adj-1",
        "fulfillment_node_id": "LDN01",
        "adjustment_type": "Write off",
        "adjustment_reason": "Expired",
        "origin_stock_location_name": "main",
        "processed_at": "2025-03-02T09:00:00.000Z",
        "chunk_number": 1,
        "items": list(items or [stock_item(quantity=2)]),
    } | more
    return event("inventory_transaction.adjustment_created", **payload)


def counted(*items: Json, **more: Any) -> Json:
    """A cycle count at LDN01."""
    payload = {
        "id": "cnt-3",
        "count_type": "cycle_count",
        "fulfillment_location_id": "LDN01",
        "started_at": "2025-03-05T07:00:00Z",
        "completed_at": "2025-03-05T07:40:00Z",
        "chunk_number": 1,
        "total_chunks": 1,
        "items": list(items or [count_item()]),
    } | more
    return event("inventory_count.items_counted", **payload)


def count_item(sku: str = "TEE-BLK-M", count: Any = 8, **more: Any) -> Json:
    """A line of a count."""
    return {"product_id": sku, "stock_on_hand": 9, "count": count} | more


def body(envelope: object) -> bytes:
    """An event as it arrives."""
    return json.dumps(envelope).encode()


def mapped(
    envelope: object,
    *,
    reference: Reference | None = None,
    rules: IntakeRules = RULES,
    only: set[int] | None = None,
) -> Mapped:
    """What an event means on the shop floor."""
    floor = shop_floor() if reference is None else reference
    return map_event(
        body(envelope), floor, rules, origin="newstore-events/0/7", only=only
    )
