"""What NewStore's events say about orders, on the wire: only what we read.

The documented contract is `schemas.newstore`. Amounts are read from the JSON text, so
that no float ever touches them. News of an order fits whole or not at all.
"""

from decimal import Decimal
from typing import Any

import msgspec

from streams.mapping.pos_wire import Moment


class Attribute(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None
    value: Any = None


class OpenedUnit(msgspec.Struct, frozen=True, gc=False):
    id: str
    product_id: str | None = None
    quantity: int | None = None
    item_type: str | None = None
    external_identifiers: dict[str, Any] | None = None
    external_item_id: str | None = None
    extended_attributes: list[Attribute] | None = None
    shipping_service_level: str | None = None


class Exchange(msgspec.Struct, frozen=True, gc=False):
    return_id: str | None = None


class Opened(msgspec.Struct, frozen=True, gc=False):
    """order.created and order.opened."""

    id: str
    items: list[OpenedUnit]
    external_id: str | None = None
    channel_type: str | None = None
    placed_at: Moment | None = None
    created_at: Moment | None = None
    currency: str | None = None
    exchanges: list[Exchange] | None = None
    is_historical: bool | None = None


class CancelledUnit(msgspec.Struct, frozen=True, gc=False):
    id: str
    quantity: int | None = None
    item_type: str | None = None
    cancellation_reason: str | None = None


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """order.cancelled and order.items_cancelled."""

    id: str
    items: list[CancelledUnit]


class Completed(msgspec.Struct, frozen=True, gc=False):
    """order.completed."""

    id: str


class FulfilledUnit(msgspec.Struct, frozen=True, gc=False):
    id: str
    product_id: str | None = None
    external_identifiers: dict[str, Any] | None = None
    shipped_at: Moment | None = None
    carrier: str | None = None
    tracking_code: str | None = None


class Fulfilment(msgspec.Struct, frozen=True, gc=False):
    """fulfillment_request.*"""

    id: str
    items: list[FulfilledUnit]
    order_id: str | None = None
    logical_timestamp: int | None = None
    fulfillment_location_id: str | None = None
    fulfillment_node_id: str | None = None


class ReturnedUnit(msgspec.Struct, frozen=True, gc=False):
    id: str | None = None
    product_id: str | None = None
    quantity: int | None = None
    item_type: str | None = None
    external_identifiers: dict[str, Any] | None = None
    condition_code: int | str | None = None
    item_condition: str | None = None
    return_reason: str | None = None
    refund_amount: Decimal | None = None
    refund_amount_adjusted: Decimal | None = None


class Returned(msgspec.Struct, frozen=True, gc=False):
    """return.processed."""

    id: str
    items: list[ReturnedUnit]
    order_id: str | None = None
    external_order_id: str | None = None
    external_id: str | None = None
    return_location_id: str | None = None
    returned_at: Moment | None = None
    currency: str | None = None
    total_refund_amount: Decimal | None = None
    total_refund_amount_adjusted: Decimal | None = None
    is_historical: bool | None = None


class Transaction(msgspec.Struct, frozen=True, gc=False):
    id: str
    amount: Decimal
    currency: str
    correlation_id: str | None = None


class Refunded(msgspec.Struct, frozen=True, gc=False):
    """payment_account.amount_refunded; an account has its order's id."""

    id: str
    transactions: list[Transaction]
    order_id: str | None = None


class Appeased(msgspec.Struct, frozen=True, gc=False):
    """refund_request.issued."""

    id: str
    amount: Decimal
    currency: str
    order_id: str | None = None
    payment_account_id: str | None = None
    requested_at: Moment | None = None
