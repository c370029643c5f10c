"""Orders, fulfilment requests and returns, as NewStore's event stream tells them."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.newstore.common import Id, Line, Name, Units, VendorModel

LogicalTimestamp = Annotated[int, Field(ge=0, lt=2**63)]


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


class ReturnProcessed(VendorModel):
    """return.processed; without `order_id` for a blind return."""

    id: Id
    items: list[ReturnItem]
    order_id: Id | None = None
    return_location_id: Name | None = None
    returned_at: AwareDatetime | None = None
    is_historical: bool | None = None


class RefundRequest(VendorModel):
    """refund_request.issued: money only, never restocks."""

    id: Id
    order_id: Id | None = None
