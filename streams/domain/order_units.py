"""One unit of an order: what is known of it, and where it stands by that.

Facts only ever join, like sets: it cannot matter in which order they arrive, nor how
often. Where the unit stands is not kept anywhere, it follows.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

from streams.domain.order_notes import FulfilledItem, FulfilmentSeen, FulfilmentStep

OUT_OF_STOCK = frozenset({"insufficient_stock", "out_of_stock"})
"""Reasons with which NewStore cancels what no place had (NewStore event stream:
order.items_cancelled): nobody wants the unit less, another place may have it."""

_ORDER = {
    FulfilmentStep.ASSIGNED: 0,
    FulfilmentStep.READY: 1,
    FulfilmentStep.FAILED: 2,
}


class UnitState(StrEnum):
    """Where a unit stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    RETURNED = "returned"


DONE = frozenset({UnitState.CANCELLED, UnitState.COMPLETED, UnitState.RETURNED})
"""States in which no place works on the unit any more."""

GONE = frozenset({UnitState.COMPLETED, UnitState.RETURNED})
"""States of a unit that the customer got."""

FAILED = _ORDER[FulfilmentStep.FAILED]

_STATES = (UnitState.ASSIGNED, UnitState.READY, UnitState.FAILED)


class Step(NamedTuple):
    """The latest that a fulfilment request said of the unit; the greater is later."""

    rank: int = -1
    order: int = 0
    request_id: str = ""
    location_id: str = ""


class Completion(NamedTuple):
    """A request has handed the unit over or sent it off."""

    request_id: str
    rank: int = 0
    location_id: str = ""
    shipped_at: datetime | None = None
    carrier: str = ""
    tracking_code: str = ""


class Homecoming(NamedTuple):
    """The return that brought the unit back."""

    return_id: str
    location_id: str
    sellable: bool


class UnitFacts(NamedTuple):
    """What is known of a unit. New fields go at the end, with a default.

    Attributes:
        completions: By request, sorted; more than one is a mistake of the source.
        carried_out: It left with the customer when it was bought.
        cancelled: Nobody wants it any more.
        unavailable: It was cancelled because no place had it.
        home: Set where a return was matched to it.
    """

    sku: str = ""
    latest: Step = Step()
    completions: tuple[Completion, ...] = ()
    carried_out: bool = False
    cancelled: bool = False
    unavailable: bool = False
    home: Homecoming | None = None


class Standing(NamedTuple):
    """Where a unit stands, and by whose word: a request's, or a return's.

    Attributes:
        location_id: Of a returned unit the place that has it now.
    """

    state: UnitState
    location_id: str = ""
    request_id: str = ""
    return_id: str = ""
    sellable: bool = True


NOTHING = UnitFacts()


def join(one: UnitFacts, other: UnitFacts) -> UnitFacts:
    """Put together what two sources know of the same unit."""
    if one == other:
        return one
    homes = [home for home in (one.home, other.home) if home is not None]
    return UnitFacts(
        sku=max(one.sku, other.sku),
        latest=max(one.latest, other.latest),
        completions=_join_completions(one.completions, other.completions),
        carried_out=one.carried_out or other.carried_out,
        cancelled=one.cancelled or other.cancelled,
        unavailable=one.unavailable or other.unavailable,
        home=min(homes, default=None),
    )


def fulfilment_facts(note: FulfilmentSeen, item: FulfilledItem) -> UnitFacts:
    """Return what a fulfilment event says of one of its units."""
    if note.step is FulfilmentStep.COMPLETED:
        completion = Completion(
            note.request_id,
            note.rank,
            note.location_id,
            item.shipped_at,
            item.carrier,
            item.tracking_code,
        )
        return UnitFacts(sku=item.sku, completions=(completion,))
    order = _ORDER[note.step]
    latest = Step(note.rank, order, note.request_id, note.location_id)
    return UnitFacts(sku=item.sku, latest=latest)


def cancellation_facts(reason: str) -> UnitFacts:
    """Return what a cancellation says of a unit."""
    lacked = reason.casefold() in OUT_OF_STOCK
    return UnitFacts(cancelled=not lacked, unavailable=lacked)


def completion_of(facts: UnitFacts) -> Completion | None:
    """Return how the unit left, where it did; of several the latest ranked."""
    if len(facts.completions) == 1:
        return facts.completions[0]
    return max(
        facts.completions, key=lambda each: (each.rank, each.request_id), default=None
    )


def standing_of(facts: UnitFacts) -> Standing:
    """Say where the unit stands.

    Leaving is final: a cancellation that comes too late changes nothing. A return
    counts from when the unit is known to have left.
    """
    completion = completion_of(facts)
    if completion is not None or facts.carried_out:
        place, request = (
            (completion.location_id, completion.request_id) if completion else ("", "")
        )
        if facts.home is None:
            return Standing(UnitState.COMPLETED, place, request)
        return_id, location_id, sellable = facts.home
        return Standing(UnitState.RETURNED, location_id, request, return_id, sellable)
    if facts.cancelled or facts.unavailable:
        return Standing(UnitState.CANCELLED)
    latest = facts.latest
    if latest.rank < 0:
        return Standing(UnitState.OPEN)
    return Standing(_STATES[latest.order], latest.location_id, latest.request_id)


def _join_completions(
    ones: tuple[Completion, ...], others: tuple[Completion, ...]
) -> tuple[Completion, ...]:
    if ones == others or not others:
        return ones
    joined = {each.request_id: each for each in ones}
    for other in others:
        one = joined.get(other.request_id, other)
        joined[other.request_id] = Completion(
            other.request_id,
            max(one.rank, other.rank),
            max(one.location_id, other.location_id),
            latest_of(one.shipped_at, other.shipped_at),
            max(one.carrier, other.carrier),
            max(one.tracking_code, other.tracking_code),
        )
    return tuple(joined[request_id] for request_id in sorted(joined))


Time = TypeVar("Time", bound=datetime)


def latest_of(one: Time | None, other: Time | None) -> Time | None:
    """Return the later of two times, either of which may not be known."""
    if one is None or other is None:
        return one or other
    return max(one, other)
