"""How a transfer's units are booked: a function of what each location told, alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from streams.domain.movements import Account, Movement, MovementKind, Outside, Pool
from streams.domain.postings import (
    ARRIVED,
    RECEIVED,
    REDIRECTED,
    RESTORED,
    UNADDRESSED,
    UNANNOUNCED,
    UNRECEIVED,
    Effect,
    Posting,
)


class Leg(NamedTuple):
    """What one location has told of a transfer, in units."""

    location_id: str
    sent: int = 0
    announced: int = 0
    received: int = 0


class Share(NamedTuple):
    """How a location's part is booked: still on the way there, or of no transfer."""

    in_transit: int = 0
    surplus: int = 0


Shares = dict[str, Share]


def shares(legs: Sequence[Leg]) -> Shares:
    """Say how each location's part is booked, from the sums alone.

    What was received beyond what was announced there comes from units whose
    destination nobody named, then from those announced elsewhere; what is left came
    from the supplier: nobody has sent it. Locations draw in the order of their names,
    so that two that ask for the same unit never take turns.
    """
    unaddressed = sum(leg.sent for leg in legs) - sum(leg.announced for leg in legs)
    unaddressed = max(0, unaddressed)
    waiting = [max(0, leg.announced - leg.received) for leg in legs]
    lacking = [max(0, leg.received - leg.announced) for leg in legs]
    found = min(sum(lacking), unaddressed + sum(waiting))
    surplus = _drawn(lacking, found)
    in_transit = _drawn(waiting, max(0, found - unaddressed))
    return {
        leg.location_id: Share(*share)
        for leg, *share in zip(legs, in_transit, surplus, strict=True)
    }


def _drawn(units: Sequence[int], limit: int) -> list[int]:
    """Take so many units in all, from the first on; return what is left of each."""
    left = []
    for number in units:
        taken = min(number, limit)
        limit -= taken
        left.append(number - taken)
    return left


def postings_of(movement: Movement, before: Shares, after: Shares) -> Iterator[Posting]:
    """Move from what was booked to what is to be booked, the movement's own row first.

    A pool that can be counted changes in the movement's own row only, and by all of
    its quantity; everything else moves between the accounts of goods that are not
    there yet. So counts need not know of transfers.
    """
    here, quantity = movement.location_id, movement.quantity
    if movement.kind == MovementKind.TRANSFER_OUT:
        yield Posting(here, Pool.MAIN, Outside.TRANSIT, quantity)
    for place in sorted(after, key=lambda place: (place != here, place)):
        old, new = before.get(place, Share()), after[place]
        coming = new.in_transit - old.in_transit
        surplus = new.surplus - old.surplus
        change: dict[Account, int] = {
            Pool.IN_TRANSIT: coming,
            Outside.TRANSIT: surplus - coming,
            Outside.SUPPLIER: -surplus,
        }
        if place == here and movement.kind == MovementKind.RECEIPT:
            change[Outside.TRANSIT] -= quantity
            change[movement.pool] = quantity
        for source, target, units in _flows(change):
            suffix = _suffix(movement, place, source, target)
            yield Posting(place, source, target, units, suffix)


def _flows(change: Mapping[Account, int]) -> Iterator[tuple[Account, Account, int]]:
    """Pair accounts that lose units with those that gain them, the last one first."""
    gains = {account: units for account, units in change.items() if units > 0}
    for source, units in change.items():
        losing = -units
        while losing > 0:
            target, wanted = gains.popitem()
            moved = min(losing, wanted)
            yield source, target, moved
            losing -= moved
            if moved < wanted:
                gains[target] = wanted - moved


_ENTERING: Mapping[Account, str] = {
    Pool.IN_TRANSIT: "",
    Outside.TRANSIT: UNADDRESSED,
    Outside.SUPPLIER: UNANNOUNCED,
}
_REBOOKED: Mapping[tuple[Account, Account], str] = {
    (Outside.TRANSIT, Pool.IN_TRANSIT): RESTORED,
    (Pool.IN_TRANSIT, Outside.TRANSIT): REDIRECTED,
    (Pool.IN_TRANSIT, Outside.SUPPLIER): ARRIVED,
    (Outside.TRANSIT, Outside.SUPPLIER): RECEIVED,
    (Outside.SUPPLIER, Outside.TRANSIT): UNRECEIVED,
}


def _suffix(movement: Movement, place: str, source: Account, target: Account) -> str:
    """Set the entries of one movement apart, by what they do and where."""
    if place == movement.location_id:
        if movement.kind == MovementKind.RECEIPT and target == movement.pool:
            return _ENTERING[source]
        is_announced = target == Pool.IN_TRANSIT
        if movement.kind == MovementKind.TRANSFER_IN and is_announced:
            return ""
        return _REBOOKED[source, target]
    return f"{_REBOOKED[source, target]}:{place}"


def trace(movement: Movement) -> Posting:
    """Leave a trace of an announcement whose units were received before."""
    here, nothing = movement.location_id, Effect.SUPERSEDED
    return Posting(here, Outside.TRANSIT, Pool.IN_TRANSIT, 0, effect=nothing)
