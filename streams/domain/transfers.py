"""Transfers between locations: what was sent, announced and received of one SKU.

NewStore tells where a transfer left, and not always where it goes; the receipt names
the transfer. How its units are booked follows from three sums at each location alone,
so it ends the same in whatever order, in whatever parts, it is heard.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from streams.domain.movements import Movement, MovementKind
from streams.domain.postings import Posting
from streams.domain.transfer_booking import (
    Leg,
    Share,
    Shares,
    postings_of,
    shares,
    trace,
)

TRANSFER_KINDS = frozenset(
    (MovementKind.TRANSFER_OUT, MovementKind.TRANSFER_IN, MovementKind.RECEIPT)
)


class Transfer(NamedTuple):
    """One SKU of one transfer.

    Attributes:
        names: Every reference to it, sorted: documents that share one belong together.
            The first is the transfer's own.
        legs: By location.
        sent_at: When units were last sent or announced.
        touched_at: When it was last heard of.
        overdue: The names under which it is on the exceptions list.
        same_as: Where this is only another name: the transfer's own.
    """

    names: tuple[str, ...] = ()
    legs: tuple[Leg, ...] = ()
    sent_at: datetime | None = None
    touched_at: datetime | None = None
    overdue: tuple[str, ...] = ()
    same_as: str = ""


class TransferDecision(NamedTuple):
    """What to post, what is known afterwards, and which delays have ended."""

    postings: tuple[Posting, ...]
    transfer: Transfer
    ended: tuple[str, ...] = ()


def names_of(movement: Movement) -> tuple[str, ...]:
    """Return the transfer's names in a movement's document; none: of no transfer."""
    if not movement.transfer_ref:
        return ()
    return (movement.transfer_ref, *movement.transfer_also)


def sent(transfer: Transfer) -> int:
    """Return the units that were sent: each of them is announced at most once."""
    left = sum(leg.sent for leg in transfer.legs)
    return max(left, sum(leg.announced for leg in transfer.legs))


def received(transfer: Transfer) -> int:
    """Return the units that were received, wherever."""
    return sum(leg.received for leg in transfer.legs)


def under_way(transfer: Transfer) -> int:
    """Return the units that were sent and not received."""
    return max(0, sent(transfer) - received(transfer))


def decide_transfer(
    movement: Movement, known: Sequence[Transfer], *, now: datetime
) -> TransferDecision:
    """Match a dispatch, an announcement or a receipt with what is known.

    Args:
        known: All transfers that one of the movement's names stands for. There are
            several where this document is the first to say that they are one.
    """
    before = _joined_shares(known)
    transfer = _learn(movement, known, now)
    postings = tuple(postings_of(movement, before, shares(transfer.legs)))
    if not postings:
        # A receipt has said it all before; the announcement leaves its trace.
        postings = (trace(movement),)
    if under_way(transfer) or not transfer.overdue:
        return TransferDecision(postings, transfer)
    ended = transfer.overdue
    return TransferDecision(postings, transfer._replace(overdue=()), ended)


def _joined_shares(known: Sequence[Transfer]) -> Shares:
    """Add up what is booked for each, when they were not known to be one."""
    booked: Shares = {}
    for transfer in known:
        for place, share in shares(transfer.legs).items():
            other = booked.get(place, Share())
            booked[place] = Share(
                share.in_transit + other.in_transit, share.surplus + other.surplus
            )
    return booked


def _learn(movement: Movement, known: Sequence[Transfer], now: datetime) -> Transfer:
    """Join the known transfers, and add what the movement says."""
    kind, quantity = movement.kind, movement.quantity
    told = Leg(
        movement.location_id,
        sent=quantity if kind == MovementKind.TRANSFER_OUT else 0,
        announced=quantity if kind == MovementKind.TRANSFER_IN else 0,
        received=quantity if kind == MovementKind.RECEIPT else 0,
    )
    sent_at = [one.sent_at for one in known if one.sent_at is not None]
    if kind != MovementKind.RECEIPT:
        sent_at.append(movement.occurred_at)
    legs: dict[str, Leg] = {}
    for leg in (told, *(leg for transfer in known for leg in transfer.legs)):
        place, *units = leg
        other = legs.get(place, Leg(place))
        legs[place] = Leg(
            place, *(a + b for a, b in zip(units, other[1:], strict=True))
        )
    names = {*names_of(movement), *(name for one in known for name in one.names)}
    overdue = {name for transfer in known for name in transfer.overdue}
    return Transfer(
        tuple(sorted(names)),
        tuple(sorted(legs.values())),
        max(sent_at, default=None),
        now,
        tuple(sorted(overdue)),
    )
