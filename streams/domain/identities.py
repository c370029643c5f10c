"""One unit under two names: what is known under both becomes what is known of one.

A web order's unit has our name before NewStore gives it one; then NewStore's events
come under theirs. Knowledge only grows, so when the names are joined cannot matter.
"""

from collections import Counter
from datetime import datetime

from streams.domain.movement_checks import Problem
from streams.domain.movements import Movement, Pool
from streams.domain.postings import COUNTED, RELEASED, Effect, Outcome, Posting
from streams.domain.units import Unit, UnitDecision, only_current, standing


def decide_identity(movement: Movement, unit: Unit, other: Unit) -> UnitDecision:
    """Join what was known under another name to the unit.

    Args:
        unit: The unit under its own name, `movement.same_as`.
        other: What was known of it under `movement.unit_id` until now.
    """
    name = movement.unit_id
    joined = _join(unit, other, name)
    postings = _release(unit, other, joined)
    joined, told = _place(unit, other, joined)
    outcome = Outcome.APPLIED if postings else Outcome.NOTED
    return UnitDecision(outcome, (*postings, *told), joined)


def _join(unit: Unit, other: Unit, name: str) -> Unit:
    # What was reserved under the other name was reserved by it.
    latest = max(
        (unit.rank, unit.step, unit.location_id, unit.by),
        (other.rank, other.step, other.location_id, name),
    )
    rank, step, location_id, by = latest
    released = dict(unit.released)
    for place, at in other.released:
        released[place] = max(at, released.get(place, at))
    finals = [at for at in (unit.final_at, _end(other)) if at is not None]
    dropped = {*unit.dropped, *other.dropped, *([name] if other.cancelled else [])}
    return only_current(
        unit._replace(
            rank=rank,
            step=step,
            location_id=location_id,
            by=by if location_id else "",
            released=tuple(released.items()),
            undone=tuple(sorted({*unit.undone, *other.undone})),
            dropped=tuple(sorted(dropped)),
            gone=unit.gone or other.gone,
            final_at=min(finals, default=None),
        )
    )


def _end(other: Unit) -> datetime | None:
    """Return when it left; a name's cancellation does not end the unit itself."""
    return other.final_at if other.gone else None


def _release(unit: Unit, other: Unit, joined: Unit) -> tuple[Posting, ...]:
    """Give up what two names reserved beyond what the one unit needs."""
    held = Counter(place for place in (standing(unit), standing(other)) if place)
    held.subtract([standing(joined)] if standing(joined) else [])
    places = sorted(held.elements())
    return tuple(
        Posting(place, Pool.RESERVED, Pool.MAIN, 1, RELEASED + ":again" * index)
        for index, place in enumerate(places)
    )


def _place(unit: Unit, other: Unit, joined: Unit) -> tuple[Unit, tuple[Posting, ...]]:
    """Book what commerce has counted at a place that only the other name tells."""
    home = unit.home or other.home
    unplaced = unit.unplaced + other.unplaced
    if not (home and unplaced):
        return joined._replace(home=home, unplaced=unplaced), ()
    trace = Posting(
        home, Pool.MAIN, Pool.RESERVED, 0, COUNTED, unplaced, Effect.SUPERSEDED
    )
    return joined._replace(home=home, unplaced=0), (trace,)


def identity_taken(movement: Movement, known: str) -> Problem:
    """Say why a name cannot be joined: it stands for another unit already."""
    return Problem(
        "identity_taken",
        "same_as",
        movement.same_as,
        f"{movement.unit_id} is known as another name of {known}, so it cannot be "
        f"{movement.same_as} as well. Find out which order the unit belongs to.",
    )
