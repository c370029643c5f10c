"""What can become known about an order: one value for each kind of news.

A note says what a vendor told us, in our words, without personal data. Notes about one
order may come in any order and more than once; what is known of it only grows.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OrderChannel(StrEnum):
    """Where the customer bought."""

    WEB = "web"
    STORE = "store"


class FulfilmentStep(StrEnum):
    """What a fulfilment request says of its units."""

    ASSIGNED = "assigned"
    READY = "ready"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line of a web order.

    Attributes:
        line_id: commercetools' line item id.
        channel_key: Key of the supply channel the line names; empty if none.
        commerce_counted: commercetools has lowered its own quantity for the line: its
            inventory mode is not `None`.
    """

    line_id: str
    sku: str
    quantity: int
    channel_key: str = ""
    commerce_counted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced:
    """commercetools has this order: by message, or as we read it.

    Attributes:
        number: The order number; commercetools' id where the project sets none.
        version: commercetools' version of the order this was read at.
        state: `Open`, `Confirmed`, `Complete` or `Cancelled`.
        country: Where it is to be sent, ISO 3166; empty if it names no address.
        has_shipping: It has shipping information; else it cannot hold deliveries.
        payment_ids: commercetools' ids of its payments.
        sequence: The message's place among those about the order; 0 if it was read.
    """

    commerce_id: str
    number: str
    version: int
    placed_at: datetime
    lines: tuple[PlacedLine, ...]
    state: str = "Open"
    currency: str = ""
    country: str = ""
    has_shipping: bool = True
    payment_ids: tuple[str, ...] = ()
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStateSeen:
    """commercetools says that the order's state is now this one.

    Attributes:
        number: The order number; empty where the message does not name it.
        sequence: The message's place among those about the order; 0 if not told.
    """

    commerce_id: str
    number: str
    version: int
    state: str
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedItem:
    """One unit of an order in NewStore.

    Attributes:
        item_id: NewStore's uuid of the unit, its name in all later events.
        external_item_id: Our name of the unit (`{line id}#{index}`) where we injected
            the order; empty otherwise.
    """

    item_id: str
    sku: str
    external_item_id: str = ""
    carried_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOpened:
    """NewStore has this order (`order.created`, `order.opened`, or an injection).

    Attributes:
        newstore_id: NewStore's order uuid.
        external_id: Its public number: what we sent, or what NewStore made up.
        exchanged_returns: The returns that this order is the exchange for.
        is_historical: Told for the record only: no stock, no money.
    """

    newstore_id: str
    external_id: str
    channel: OrderChannel
    placed_at: datetime
    items: tuple[OpenedItem, ...]
    currency: str = ""
    exchanged_returns: tuple[str, ...] = ()
    is_historical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilledItem:
    """One unit in a fulfilment event; parcel facts only where it was shipped."""

    item_id: str
    sku: str = ""
    shipped_at: datetime | None = None
    carrier: str = ""
    tracking_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentSeen:
    """A fulfilment request moved on (`fulfillment_request.*`).

    Attributes:
        rank: NewStore's `logical_timestamp`: orders the events of a unit.
        location_id: Our id; the vendor's own name where it is not known to us.
    """

    newstore_id: str
    request_id: str
    step: FulfilmentStep
    rank: int
    location_id: str
    occurred_at: datetime
    items: tuple[FulfilledItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsCancelled:
    """Units, or with no ids the whole order, will not be delivered."""

    newstore_id: str
    item_ids: tuple[str, ...]
    occurred_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCompleted:
    """NewStore has closed the order (`order.completed`)."""

    newstore_id: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedItem:
    """One returned unit, or for a blind return some units of a product.

    Attributes:
        item_id: The sold unit's uuid; empty where the vendor does not know it.
        sellable: Its condition allows it to be sold again.
    """

    sku: str
    item_id: str = ""
    quantity: int = 1
    sellable: bool = True
    reason: str = ""
    refund_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsReturned:
    """A return was accepted (`return.processed`).

    Attributes:
        newstore_id: The order's uuid; empty on a blind return.
        external_order: Another system's order number, where a blind return names it.
        refund_minor: All that is to be refunded, shipping included, in minor units.
    """

    return_id: str
    location_id: str
    returned_at: datetime
    items: tuple[ReturnedItem, ...]
    newstore_id: str = ""
    external_order: str = ""
    currency: str = ""
    refund_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSettled:
    """Money has gone back (`payment_account.amount_refunded`).

    Attributes:
        correlation_id: The return, or the refund request, that caused it.
        transaction_id: NewStore's id of the money transaction: counts once.
    """

    newstore_id: str
    correlation_id: str
    transaction_id: str
    amount_minor: int
    currency: str
    settled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AppeasementGiven:
    """Money without goods (`refund_request.issued`): never moves stock."""

    newstore_id: str
    refund_id: str
    amount_minor: int
    currency: str
    occurred_at: datetime


OrderNote = (
    OrderPlaced
    | OrderStateSeen
    | OrderOpened
    | FulfilmentSeen
    | UnitsCancelled
    | OrderCompleted
    | GoodsReturned
    | RefundSettled
    | AppeasementGiven
)
