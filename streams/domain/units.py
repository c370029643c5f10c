"""Single units on their way to a customer: announced, reserved, released, gone.

What is known of a unit only ever grows, and where its reservation stands follows from
what is known. So the order in which events arrive cannot matter.
"""

from datetime import datetime
from typing import NamedTuple

from streams.domain.movements import Movement, MovementKind, Outside, Pool
from streams.domain.postings import COUNTED, RELEASED, Effect, Outcome, Posting

UNIT_KINDS = frozenset(
    (
        MovementKind.ANNOUNCE,
        MovementKind.RESERVE,
        MovementKind.RELEASE,
        MovementKind.SHIP,
        MovementKind.SALE,
        MovementKind.IDENTIFY,
    )
)
LEAVING = frozenset((MovementKind.SHIP, MovementKind.SALE))

UNIT_DAYS = 60
"""How long a unit is remembered after it left or was cancelled: longer than a carrier
or a customer takes, so that a late reservation does not hold stock for ever."""

NAME_DAYS = 365
"""How long another name of a unit is remembered: longer than an order is open."""


class Unit(NamedTuple):
    """What is known of one unit of one SKU.

    New fields go at the end, with a default; older units then still read.

    Attributes:
        rank, step, location_id: The latest reservation known; `step` sets an
            announcement (0) before a reservation (1) of the same rank.
        released: The latest release known by location, "" for any location; only
            those not older than the reservation.
        home: The first location named for it.
        unplaced: Units commerce has counted without our knowing at which location;
            they go to the first one named.
        final_at: When we learnt that it left or was cancelled.
        undone: Our own releases, by location, rank and step; only those not older than
            the reservation.
        by: The name under which the latest reservation was made; empty for its own.
        dropped: Other names under which it was cancelled: a vendor gave up, we need
            not.
        same_as: Not a unit but another name for this one.
    """

    rank: int = -1
    step: int = 0
    location_id: str = ""
    released: tuple[tuple[str, int], ...] = ()
    cancelled: bool = False
    gone: bool = False
    home: str = ""
    unplaced: int = 0
    final_at: datetime | None = None
    undone: tuple[tuple[str, int, int], ...] = ()
    by: str = ""
    dropped: tuple[str, ...] = ()
    same_as: str = ""


class UnitDecision(NamedTuple):
    outcome: Outcome
    postings: tuple[Posting, ...]
    unit: Unit


def sale_id(unit_id: str) -> str:
    """Return the id of the movement that says the unit was carried out of the shop."""
    return f"sale:{unit_id}"


def is_cancellation(movement: Movement) -> bool:
    """Say whether a release is final for its unit: an order's event has no rank and
    names no place; a failed assignment has both."""
    return (
        movement.kind == MovementKind.RELEASE
        and movement.rank == 0
        and not movement.location_id
    )


def standing(unit: Unit) -> str:
    """Return the location where the unit is reserved now; empty if nowhere."""
    if unit.gone or unit.cancelled or (unit.by and unit.by in unit.dropped):
        return ""
    if any(place == unit.location_id for place, _, _ in _current(unit.undone, unit)):
        return ""
    if any(
        rank >= unit.rank and location_id in ("", unit.location_id)
        for location_id, rank in unit.released
    ):
        return ""
    return unit.location_id


def is_forgettable(unit: Unit, *, final_before: datetime) -> bool:
    """Say whether the unit's story ended before that time."""
    return unit.final_at is not None and unit.final_at < final_before


def decide_unit(
    movement: Movement, unit: Unit, *, now: datetime, name: str = ""
) -> UnitDecision:
    """Answer a movement about a unit: what to post, and what is known afterwards.

    Args:
        name: The name by which the movement calls the unit, where it is not its own.
    """
    learned = _learn(unit, movement, now, name)
    before, after = standing(unit), standing(learned)
    if movement.kind in LEAVING:
        postings = () if unit.gone else _leave(movement, before)
    else:
        postings = _move(movement, before, after)
    outcome = _outcome(movement, unit, learned, moved=bool(postings))
    learned, postings = _tell_commerce(movement, unit, learned, postings)
    return UnitDecision(outcome, postings, learned)


def _learn(unit: Unit, movement: Movement, now: datetime, name: str) -> Unit:
    if movement.kind in LEAVING:
        return unit._replace(gone=True, final_at=unit.final_at or now)
    if is_cancellation(movement):
        if name:
            return unit._replace(dropped=tuple(sorted({*unit.dropped, name})))
        return unit._replace(cancelled=True, final_at=unit.final_at or now)
    if movement.kind == MovementKind.RELEASE:
        return _learn_release(unit, movement)
    if not movement.location_id:
        return unit
    step = 0 if movement.kind == MovementKind.ANNOUNCE else 1 + movement.attempt
    latest = (movement.rank, step, movement.location_id, name)
    if latest <= (unit.rank, unit.step, unit.location_id, unit.by):
        return unit
    return only_current(
        unit._replace(
            rank=movement.rank, step=step, location_id=movement.location_id, by=name
        )
    )


def _learn_release(unit: Unit, movement: Movement) -> Unit:
    place, rank = movement.location_id, movement.rank
    if movement.attempt:
        release = (place, rank, 1 + movement.attempt)
        undone = tuple(sorted({*unit.undone, release}))
        return only_current(unit._replace(undone=undone))
    ranks = dict(unit.released)
    ranks[place] = max(ranks.get(place, 0), rank)
    return only_current(unit._replace(released=tuple(ranks.items())))


def only_current(unit: Unit) -> Unit:
    """Forget those releases that a later reservation has overtaken."""
    return unit._replace(
        released=tuple(sorted(r for r in unit.released if r[1] >= unit.rank)),
        undone=_current(unit.undone, unit),
    )


def _current(
    undone: tuple[tuple[str, int, int], ...], unit: Unit
) -> tuple[tuple[str, int, int], ...]:
    if not undone:
        return undone
    latest = (unit.rank, unit.step)
    return tuple(release for release in undone if release[1:] >= latest)


def _leave(movement: Movement, standing_at: str) -> tuple[Posting, ...]:
    here, quantity = movement.location_id, movement.quantity
    if standing_at == here and quantity == 1:
        return (Posting(here, Pool.RESERVED, Outside.CUSTOMER, 1),)
    taken = Posting(here, Pool.MAIN, Outside.CUSTOMER, quantity)
    if not standing_at:
        return (taken,)
    return (Posting(standing_at, Pool.RESERVED, Pool.MAIN, 1, RELEASED), taken)


def _move(movement: Movement, before: str, after: str) -> tuple[Posting, ...]:
    if before == after:
        return ()
    suffix = "" if movement.kind == MovementKind.RELEASE else RELEASED
    released = Posting(before, Pool.RESERVED, Pool.MAIN, 1, suffix)
    reserved = Posting(after, Pool.MAIN, Pool.RESERVED, 1)
    if not before:
        return (reserved,)
    return (released, reserved) if after else (released,)


def _outcome(movement: Movement, unit: Unit, learned: Unit, *, moved: bool) -> Outcome:
    if moved:
        return Outcome.APPLIED
    if movement.kind in LEAVING:
        return Outcome.ALREADY_GONE
    if unit.gone:
        late = is_cancellation(movement)
        return Outcome.LATE_CANCEL if late else Outcome.STALE_RANK
    if movement.kind == MovementKind.RELEASE:
        return Outcome.STALE_RANK if learned == unit else Outcome.NOTED
    if not movement.location_id:
        return Outcome.NOTED
    overtaken = learned == unit or not standing(learned)
    return Outcome.STALE_RANK if overtaken else Outcome.NOTED


def _tell_commerce(
    movement: Movement, unit: Unit, learned: Unit, postings: tuple[Posting, ...]
) -> tuple[Unit, tuple[Posting, ...]]:
    """Book what commerce has counted by itself, whatever became of the movement."""
    counted = movement.quantity if movement.commerce_counted else 0
    place = movement.location_id
    if place and not unit.home and movement.kind != MovementKind.RELEASE:
        counted += unit.unplaced
        learned = learned._replace(home=place, unplaced=0)
    if not counted:
        return learned, postings
    place = place or unit.home
    if not place:
        return learned._replace(unplaced=unit.unplaced + counted), postings
    told = [
        p._replace(counted=counted) if p.location_id == place else p for p in postings
    ]
    if all(posting.location_id != place for posting in postings):
        trace = Posting(
            place, Pool.MAIN, Pool.RESERVED, 0, COUNTED, counted, Effect.SUPERSEDED
        )
        told.append(trace)
    return learned, tuple(told)
