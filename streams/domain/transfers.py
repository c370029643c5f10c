"""Transfers between locations: what was announced, and what arrived of it.

Whichever is heard first, announced units end in the receiving pool, and only what
nobody announced comes from the supplier.
"""

from datetime import datetime
from typing import NamedTuple

from streams.domain.movements import Movement, MovementKind, Outside, Pool
from streams.domain.postings import RECEIVED, UNANNOUNCED, Posting

TRANSFER_KINDS = frozenset((MovementKind.TRANSFER_IN, MovementKind.RECEIPT))

TRANSFER_DAYS = 60
"""How long a transfer with nothing on its way is remembered: a late announcement of
what was already received must find it."""


class Transfer(NamedTuple):
    """One SKU of one transfer to one location."""

    announced: int = 0
    received: int = 0
    touched_at: datetime | None = None


class TransferDecision(NamedTuple):
    postings: tuple[Posting, ...]
    transfer: Transfer


def is_forgettable(transfer: Transfer, *, touched_before: datetime) -> bool:
    """Say whether nothing is on its way and nothing was heard since that time."""
    arrived = transfer.received >= transfer.announced
    touched_at = transfer.touched_at
    return arrived and touched_at is not None and touched_at < touched_before


def decide_transfer(
    movement: Movement, transfer: Transfer, *, now: datetime
) -> TransferDecision:
    """Match an announcement or a receipt with what is known of the transfer."""
    here, quantity = movement.location_id, movement.quantity
    announced, received = transfer.announced, transfer.received
    if movement.kind == MovementKind.TRANSFER_IN:
        matched = min(quantity, max(0, received - announced))
        announced += quantity
        postings = (
            Posting(here, Outside.TRANSIT, Pool.IN_TRANSIT, quantity - matched),
            # The receipt took these from the supplier, not knowing of the transfer.
            Posting(here, Outside.TRANSIT, Outside.SUPPLIER, matched, RECEIVED),
        )
    else:
        matched = min(quantity, max(0, announced - received))
        received += quantity
        pool, rest = movement.pool, quantity - matched
        postings = (
            Posting(here, Pool.IN_TRANSIT, pool, matched),
            Posting(here, Outside.SUPPLIER, pool, rest, UNANNOUNCED),
        )
    return TransferDecision(
        tuple(posting for posting in postings if posting.quantity),
        Transfer(announced, received, now),
    )
