"""Movements: the one thing that changes stock. Pure values, no clock."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Pool(StrEnum):
    """A part of a location's stock. On hand is `main` plus `reserved`."""

    MAIN = "main"
    RESERVED = "reserved"
    DAMAGED = "damaged"
    HELD = "held"
    IN_TRANSIT = "in_transit"


class Outside(StrEnum):
    """An account outside a location's pools: where units come from or go to."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    TRANSIT = "transit"
    SHRINK = "shrink"
    UNKNOWN = "unknown"


Account = Pool | Outside


class MovementKind(StrEnum):
    """What happened, in the trade's words."""

    SALE = "sale"
    RETURN = "return"
    RECEIPT = "receipt"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    ADJUSTMENT = "adjustment"
    COUNT = "count"
    ANNOUNCE = "announce"
    RESERVE = "reserve"
    RELEASE = "release"
    SHIP = "ship"
    IDENTIFY = "identify"
    HOLD = "hold"
    UNHOLD = "unhold"
    CORRECTION = "correction"


class Movement(NamedTuple):
    """One thing that changes the stock of one SKU at one location.

    A named tuple, because one is made for every unit sold: 1 us, against 3.5 us for a
    frozen dataclass of so many fields.

    Attributes:
        movement_id: From the unit, not from the message (`sale:{item uuid}`), so that
            a re-send and a second event about the same unit carry the same id.
        quantity: Units, positive; for a count the absolute quantity found (>= 0).
        location_id: Empty only where the ledger knows the place itself (a release of
            a unit that was reserved somewhere).
        pool: For a return the pool the goods go into, for a count the pool counted.
        source, target: The accounts of an adjustment, correction, hold or unhold.
        unit_id: The sales item's uuid where the movement is about one physical unit.
        rank: Orders events about one unit (NewStore's `logical_timestamp`); 0 if none.
        attempt: Orders our own reservations of one unit within a rank, 1, 2, 3 …; 0 for
            what a vendor says.
        same_as: For an identification, the unit's other name: that of the order.
        commerce_counted: Commerce has lowered its own quantity for this already.
        transfer_ref: The transfer it belongs to, by the most exact reference that its
            document gives: `asn:…`, `order:…` or `shipment:…`.
        transfer_also: The other references in that document; any of them matches.
        corrects: For a correction, the entry that it corrects.
        occurred_at: When it happened in the world; aware, UTC.
        origin: `topic/partition/offset` of the event that told us.
    """

    movement_id: str
    kind: MovementKind
    sku: str
    quantity: int
    occurred_at: datetime
    location_id: str = ""
    pool: Pool = Pool.MAIN
    source: Account | None = None
    target: Account | None = None
    unit_id: str = ""
    rank: int = 0
    commerce_counted: bool = False
    transfer_ref: str = ""
    transfer_also: tuple[str, ...] = ()
    corrects: str = ""
    attempt: int = 0
    same_as: str = ""
    event_name: str = ""
    document_type: str = ""
    document_id: str = ""
    origin: str = ""
