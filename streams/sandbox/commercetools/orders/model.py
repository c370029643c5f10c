"""Orders and what hangs on them, as frozen values: a change is a new order.

Source: API spec, `types/order/{Order,Delivery,Parcel,ReturnInfo,SyncInfo,ItemState}`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from streams.sandbox.commercetools.custom import CustomFields
from streams.sandbox.commercetools.resources import Stamped
from streams.sandbox.commercetools.values import Fields

ORDER_STATES = ("Open", "Confirmed", "Complete", "Cancelled")
SHIPMENT_STATES = (
    "Shipped",
    "Delivered",
    "Ready",
    "Pending",
    "Delayed",
    "Partial",
    "Backorder",
    "Canceled",
)
PAYMENT_STATES = ("BalanceDue", "Failed", "Pending", "CreditOwed", "Paid")
RETURN_SHIPMENT_STATES = ("Advised", "Returned", "BackInStock", "Unusable")
RETURN_PAYMENT_STATES = ("NonRefundable", "Initial", "Refunded", "NotRefunded")
SINGLE, MULTIPLE = "Single", "Multiple"


class InventoryMode(StrEnum):
    """How an order treats stock. `ReserveOnCart` is not offered: carts hold nothing."""

    NONE = "None"
    TRACK_ONLY = "TrackOnly"
    RESERVE_ON_ORDER = "ReserveOnOrder"


@dataclass(frozen=True, slots=True)
class Item:
    """So many units of a line, in a delivery or a parcel (`DeliveryItem`)."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel of a delivery."""

    id: str
    created_at: str
    key: str | None = None
    measurements: Fields | None = None
    tracking: Fields | None = None
    items: tuple[Item, ...] = ()
    custom: CustomFields | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is shipped together; its key is unique in the order."""

    id: str
    created_at: str
    key: str | None = None
    items: tuple[Item, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    address: Fields | None = None
    custom: CustomFields | None = None


@dataclass(frozen=True, slots=True)
class Shipping:
    """A shipping method of the order; `key` only where there are several."""

    fields: Fields
    key: str | None = None
    address: Fields | None = None
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class ReturnItem:
    """Units of a line that come back; the key is unique in the order."""

    id: str
    line_id: str
    quantity: int
    shipment_state: str
    payment_state: str
    created_at: str
    last_modified_at: str
    key: str | None = None
    comment: str | None = None
    custom: CustomFields | None = None


@dataclass(frozen=True, slots=True)
class ReturnInfo:
    """One return: items that come back together."""

    items: tuple[ReturnItem, ...]
    return_date: str
    tracking_id: str | None = None


@dataclass(frozen=True, slots=True)
class SyncInfo:
    """When and as what the order was exchanged with a channel."""

    channel_id: str
    synced_at: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line item. `states` share out its quantity: pairs of state id and quantity."""

    id: str
    sku: str
    quantity: int
    channel_id: str | None
    mode: InventoryMode
    states: tuple[tuple[str, int], ...]
    name: Fields
    price: Fields
    key: str | None = None
    own_mode: InventoryMode | None = None
    distribution_channel_id: str | None = None
    shipping_details: Fields | None = None
    custom: CustomFields | None = None

    def held(self, state_id: str) -> int:
        """Return how many units are in a state."""
        return sum(quantity for state, quantity in self.states if state == state_id)


@dataclass(frozen=True, slots=True)
class Order(Stamped):
    """An order; `key` is its order number."""

    key: str | None
    state: str
    mode: InventoryMode
    total_price: Fields
    lines: tuple[OrderLine, ...]
    shipment_state: str | None = None
    payment_state: str | None = None
    workflow_state_id: str | None = None
    shipping_mode: str = SINGLE
    shippings: tuple[Shipping, ...] = ()
    returns: tuple[ReturnInfo, ...] | None = None
    syncs: tuple[SyncInfo, ...] = ()
    payment_ids: tuple[str, ...] = ()
    custom: CustomFields | None = None
    customer_id: str | None = None
    customer_email: str | None = None
    # Kept as they came: addresses, country, store, origin, completedAt.
    facts: Fields | None = None
    cart_id: str | None = None
    recurring_order_id: str | None = None

    def deliveries(self) -> Iterator[tuple[Shipping, Delivery]]:
        """Go through the deliveries, each with the shipping method it belongs to."""
        for shipping in self.shippings:
            for delivery in shipping.deliveries:
                yield shipping, delivery

    def return_items(self) -> Iterator[ReturnItem]:
        """Go through the items of all returns."""
        for info in self.returns or ():
            yield from info.items

    def with_line(self, line: OrderLine) -> "Order":
        """Put a line in the place of the one with its id."""
        lines = tuple(line if held.id == line.id else held for held in self.lines)
        return replace(self, lines=lines)

    def with_shipping(self, held: Shipping, shipping: Shipping) -> "Order":
        """Put a shipping method in the place of another."""
        shippings = tuple(shipping if each is held else each for each in self.shippings)
        return replace(self, shippings=shippings)

    def with_delivery(self, shipping: Shipping, delivery: Delivery) -> "Order":
        """Put a delivery in the place of the one with its id."""
        deliveries = tuple(
            delivery if held.id == delivery.id else held for held in shipping.deliveries
        )
        return self.with_shipping(shipping, replace(shipping, deliveries=deliveries))

    def with_return_item(self, item: ReturnItem) -> "Order":
        """Put a return item in the place of the one with its id."""
        returns = tuple(
            replace(
                info,
                items=tuple(
                    item if held.id == item.id else held for held in info.items
                ),
            )
            for info in self.returns or ()
        )
        return replace(self, returns=returns)
