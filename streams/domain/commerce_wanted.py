"""What commercetools' order shall say: values only, keyed so that a repeat is known.

Wanted is the whole, not a change: what is missing of it in commercetools is found by
comparing. Deliveries and return items are only ever added, never edited.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LineQuantity:
    """Units of one line item."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedParcel:
    """A parcel of a delivery; its key is ours."""

    key: str
    items: tuple[LineQuantity, ...]
    tracking_id: str = ""
    carrier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDelivery:
    """A delivery; its key is ours, from the fulfilment request."""

    key: str
    items: tuple[LineQuantity, ...]
    parcels: tuple[WantedParcel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StateQuantity:
    """How many units of a line are in a state, by the state's key."""

    state_key: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """A line item: its units by state, and where they are fulfilled.

    Attributes:
        states: Sum to the line's quantity.
        locations: Location and units, in words for a custom field (`LDN01:2`).
    """

    line_id: str
    states: tuple[StateQuantity, ...]
    locations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedReturnItem:
    """A returned unit of a line; its key is ours, from return and unit.

    Attributes:
        shipment_state: `Returned`, `BackInStock` or `Unusable`.
        payment_state: `Initial`, `Refunded` or `NotRefunded`.
    """

    key: str
    line_id: str
    quantity: int
    shipment_state: str
    payment_state: str
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedReturn:
    """One return: all its items go into one entry of the order's return info."""

    return_id: str
    returned_at: datetime
    items: tuple[WantedReturnItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRefund:
    """A refund transaction on the order's payment; its interaction id is the return."""

    interaction_id: str
    amount_minor: int
    currency: str
    settled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedOrder:
    """All that commercetools' order shall say.

    Attributes:
        sequence: Grows with every change of what is wanted.
        shipment_state: Empty where we have nothing to say; so for the others.
    """

    order_number: str
    commerce_id: str
    sequence: int
    has_shipping: bool = True
    deliveries: tuple[WantedDelivery, ...] = ()
    lines: tuple[WantedLine, ...] = ()
    shipment_state: str = ""
    order_state: str = ""
    sync_id: str = ""
    returns: tuple[WantedReturn, ...] = ()
    refunds: tuple[WantedRefund, ...] = ()
    payment_ids: tuple[str, ...] = ()
