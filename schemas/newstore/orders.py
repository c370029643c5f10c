"""Orders, fulfilment requests and returns, as NewStore's event stream tells them."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from schemas.newstore.common import Id, Line, Name, Units, VendorModel

LogicalTimestamp = Annotated[int, Field(ge=0, lt=2**63)]


Amount = Annotated[
    Decimal,
    Field(description="Money in major units; read from the text, never as a float."),
]
Currency = Annotated[str, Field(description="ISO 4217.", examples=["GBP"])]


class Attribute(VendorModel):
    """A name and a value that the retailer or we have given."""

    name: str | None = None
    value: Any = None


class Exchange(VendorModel):
    """The return that an order is the exchange for."""

    return_id: str | None = None


class OrderItem(Line):
    """One unit, unless `quantity` says more."""

    id: Id
    """The unit's uuid, the same in order, fulfilment, cancellation and return."""
    quantity: Units | None = None
    item_type: str | None = None
    """`product` for goods; lines of other types move no stock."""
    shipping_service_level: str | None = None
    """`IN_STORE_HANDOVER`: carried out of the shop."""
    is_preorder: bool | None = None
    external_item_id: Name | None = None
    """Our name of the unit (`{line id}#{index}`), sent when we inject the order."""
    extended_attributes: list[Attribute] | None = None
    """Carries `external_item_id` too, where NewStore does not repeat it itself."""
    cancellation_reason: str | None = None


class Order(VendorModel):
    """order.created, order.opened."""

    id: Id
    items: list[OrderItem]
    channel_type: str | None = None
    """`store` or `web`."""
    channel: Name | None = None
    """The store's id where `channel_type` is `store`."""
    demand_location_id: Name | None = None
    placed_at: AwareDatetime | None = None
    """When it happened; an offline sale is published hours later."""
    created_at: AwareDatetime | None = None
    is_historical: bool | None = None
    """Recorded for the books only: no effect on stock."""
    external_id: str | None = None
    """Its public number; what we sent, for an order that we injected."""
    currency: Currency | None = None
    exchanges: list[Exchange] | None = None


class OrderCancelled(VendorModel):
    """order.cancelled, order.items_cancelled: items without quantity are one unit."""

    id: Id
    items: list[OrderItem]


class OrderCompleted(VendorModel):
    """order.completed: moves no stock, fulfilment has said it all before."""

    id: Id
    items: list[OrderItem]


class FulfilmentItem(Line):
    """One unit of a fulfilment request."""

    id: Id
    shipped_at: AwareDatetime | None = None
    carrier: Name | None = None
    tracking_code: Name | None = None


class FulfilmentRequest(VendorModel):
    """fulfillment_request.assigned, items_ready_for_handover, items_completed,
    items_failed."""

    id: Id
    items: list[FulfilmentItem]
    order_id: Id | None = None
    logical_timestamp: LogicalTimestamp | None = None
    """Only grows within a tenant: orders the fulfilment events."""
    fulfillment_location_id: Name | None = None
    fulfillment_node_id: Name | None = None
    service_level: str | None = None


class ReturnItem(Line):
    """A returned unit; a blind return may not know its id."""

    id: Name | None = None
    quantity: Units | None = None
    item_type: str | None = None
    condition_code: int | str | None = None
    """The retailer's own codes; in NewStore's example 1 is sellable, 2 damaged."""
    item_condition: str | None = None
    return_reason: str | None = None
    refund_amount: Amount | None = None
    refund_amount_adjusted: Amount | None = None
    """What is given back after somebody changed the amount; wins."""


class ReturnProcessed(VendorModel):
    """return.processed; without `order_id` for a blind return."""

    id: Id
    items: list[ReturnItem]
    order_id: Id | None = None
    return_location_id: Name | None = None
    returned_at: AwareDatetime | None = None
    is_historical: bool | None = None
    external_order_id: Name | None = None
    """Another system's order number; also seen as `external_id`."""
    external_id: Name | None = None
    currency: Currency | None = None
    total_refund_amount: Amount | None = None
    total_refund_amount_adjusted: Amount | None = None
    """With shipping, so it can be more than the items' sum."""


class RefundRequest(VendorModel):
    """refund_request.issued: money only, never restocks."""

    id: Id
    amount: Amount
    currency: Currency
    order_id: Id | None = None
    payment_account_id: Id | None = None
    """The order's id too."""
    requested_at: AwareDatetime | None = None


class Transaction(VendorModel):
    """Money that has gone back through one instrument."""

    id: Id
    amount: Amount
    currency: Currency
    correlation_id: Id | None = None
    """The return, or the refund request, that caused it."""


class AmountRefunded(VendorModel):
    """payment_account.amount_refunded; an account has its order's id."""

    id: Id
    transactions: list[Transaction]
    order_id: Id | None = None
