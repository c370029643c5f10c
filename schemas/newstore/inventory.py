"""Receipts, transfers, adjustments and counts, as NewStore's event stream tells them.

Large documents come in chunks: one event each, with the same `id`.
"""

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.newstore.common import QUANTITY_MAX, Id, Line, Name, Quantity, VendorModel

ChunkNumber = Annotated[int, Field(ge=0, le=1_000_000)]


class StockItem(Line):
    """So many units of one product; a product may be on several lines."""

    quantity: Quantity


class ItemsReceived(VendorModel):
    """inventory_transaction.items_received: all that physically came."""

    id: Id
    items: list[StockItem]
    chunk_number: ChunkNumber = 1
    fulfillment_location_id: Name | None = None
    fulfillment_node_id: Name | None = None
    processed_at: AwareDatetime | None = None
    asn_id: Name | None = None
    """The shipment notice received against; missing with a manual reference."""
    order_ref: Name | None = None
    shipment_ref: Name | None = None


class ShipmentNotice(VendorModel):
    """inventory_transaction.asn_created: a transfer has left its origin."""

    id: Id
    items: list[StockItem]
    chunk_number: ChunkNumber = 1
    origin_id: Name | None = None
    destination_id: Name | None = None
    """Not in NewStore's public examples; read where a tenant sends it."""
    transfer_order_ref: str | None = None
    shipment_ref: str | None = None
    shipment_date: str | None = None
    processed_at: AwareDatetime | None = None


class Adjustment(VendorModel):
    """inventory_transaction.adjustment_created: types and reasons are free text."""

    id: Id
    items: list[StockItem]
    chunk_number: ChunkNumber = 1
    fulfillment_node_id: Name | None = None
    fulfillment_location_id: Name | None = None
    processed_at: AwareDatetime | None = None
    adjustment_type: str | None = None
    adjustment_reason: str | None = None
    origin_stock_location_name: str | None = None
    destination_stock_location_name: str | None = None


class TransferStep(VendorModel):
    """inventory_transaction.transfer_order_created, items_ready_for_handover: plans
    only, nothing has moved yet."""

    id: Id
    transfer_order_ref: str | None = None


class CountItem(Line):
    """What was found of one product."""

    count: Annotated[int, Field(ge=0, le=QUANTITY_MAX)]
    """Units physically there."""
    stock_on_hand: int | None = None
    """NewStore's own book figure; not used."""


class ItemsCounted(VendorModel):
    """inventory_count.items_counted: absolute as of `completed_at`."""

    id: Id
    items: list[CountItem]
    chunk_number: ChunkNumber = 1
    fulfillment_location_id: Name | None = None
    fulfillment_node_id: Name | None = None
    completed_at: AwareDatetime | None = None
