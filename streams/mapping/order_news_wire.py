"""What NewStore's events say about orders, on the wire: only what we read.

Mostly it is more than stock needs of the same event, so that is read once for both.
Amounts are read from the JSON text, so that no float ever touches them. News of an
order fits whole or not at all.
"""

from decimal import Decimal
from typing import Any

import msgspec

from streams.mapping.pos_wire import (
    FulfilmentItem,
    FulfilmentRequest,
    Moment,
    Order,
    OrderItem,
    Return,
    ReturnItem,
)


class Attribute(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None
    value: Any = None


class OpenedUnit(OrderItem, frozen=True, gc=False):
    external_item_id: str | None = None
    extended_attributes: list[Attribute] | None = None


class Exchange(msgspec.Struct, frozen=True, gc=False):
    return_id: str | None = None


class Opened(Order, frozen=True, gc=False, kw_only=True):
    """order.created and order.opened."""

    items: list[OpenedUnit]
    external_id: str | None = None
    currency: str | None = None
    exchanges: list[Exchange] | None = None


class CancelledUnit(msgspec.Struct, frozen=True, gc=False):
    id: str
    quantity: int | None = None
    item_type: str | None = None
    cancellation_reason: str | None = None


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """order.cancelled and order.items_cancelled: rare, and read on its own."""

    id: str
    items: list[CancelledUnit]


class Completed(msgspec.Struct, frozen=True, gc=False):
    """order.completed."""

    id: str


class FulfilledUnit(FulfilmentItem, frozen=True, gc=False):
    carrier: str | None = None
    tracking_code: str | None = None


class Fulfilment(FulfilmentRequest, frozen=True, gc=False, kw_only=True):
    """fulfillment_request.*"""

    items: list[FulfilledUnit]
    order_id: str | None = None


class ReturnedUnit(ReturnItem, frozen=True, gc=False):
    return_reason: str | None = None
    refund_amount: Decimal | None = None
    refund_amount_adjusted: Decimal | None = None


class Returned(Return, frozen=True, gc=False, kw_only=True):
    """return.processed."""

    items: list[ReturnedUnit]
    order_id: str | None = None
    external_order_id: str | None = None
    external_id: str | None = None
    currency: str | None = None
    total_refund_amount: Decimal | None = None
    total_refund_amount_adjusted: Decimal | None = None


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
