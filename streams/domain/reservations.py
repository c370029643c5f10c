"""Questions to the ledger: may these units be reserved there, and what is where?

A reservation is a request and may be declined; a fact never is. The ledger answers
every request once, and the same request again with the same answer.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RequestKind(StrEnum):
    """What is asked of the ledger."""

    QUOTE = "quote"
    """Only say what is available where."""
    RESERVE = "reserve"
    """Reserve all of these units at that location, or none."""


class ReservationOutcome(StrEnum):
    """The ledger's answer."""

    QUOTED = "quoted"
    GRANTED = "granted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequest:
    """A request about units of one SKU, for one order.

    Attributes:
        request_id: The same for a repeat; another for another try.
        order_number: Whom to answer.
        unit_ids: Our names of the units in the ledger, `{order number}/{unit}`.
        attempt: 1, 2, 3 … per unit; a later attempt's reservation moves the unit.
        rank: The highest rank of NewStore's that the order knows for these units: the
            reservation comes after that, and before anything later.
        location_id: Where; empty for a quote.
        rank: NewStore's rank of what made another place necessary (a failed
            fulfilment); 0 at first. A reservation of that rank and this attempt is
            later than what NewStore said then, and earlier than what it says next.
    """

    request_id: str
    kind: RequestKind
    order_number: str
    sku: str
    unit_ids: tuple[str, ...]
    requested_at: datetime
    attempt: int = 0
    location_id: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is available of a SKU at a location, for this order.

    Attributes:
        available: Units that could be reserved, after safety stock, signed; units of
            the request that stand reserved there already count as available.
    """

    location_id: str
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationAnswer:
    """The ledger's answer, with what was available everywhere when it was given."""

    request_id: str
    order_number: str
    sku: str
    outcome: ReservationOutcome
    location_id: str = ""
    offers: tuple[Offer, ...] = ()
