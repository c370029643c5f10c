"""One run of sourcing as a value: what is known, what is asked, what is owed.

Named tuples rather than dataclasses, so that it is stored as a bare array. New fields
go at the end, with a default; older runs then still read.
"""

from collections import Counter
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from streams.domain.order_answers import StockFound
from streams.domain.order_names import external_id_of
from streams.domain.reservations import Offer, RequestKind, ReservationRequest
from streams.domain.sourcing_choice import SourcedUnit

UNITS_IN_ORDER_MAX = 100
"""NewStore takes no larger shipment, and with a service level one shipment an order
(Order Injection API, "Importing orders")."""

ATTEMPTS_IN_RUN = 1000
"""More than there can be rounds (`sourcing.rounds_max` is at most 100)."""


class Phase(StrEnum):
    """How far a run has come; the last three are ends."""

    QUOTING = "quoting"
    RESERVING = "reserving"
    CHECKING = "checking"
    INJECTING = "injecting"
    CONFIRMED = "confirmed"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"


ENDS = frozenset((Phase.CONFIRMED, Phase.EXHAUSTED, Phase.CANCELLED))


class Placement(NamedTuple):
    """One unit at its place.

    Attributes:
        attempt: Under which its reservation was asked for.
    """

    unit: str
    sku: str
    location_id: str
    attempt: int


class Release(NamedTuple):
    """A reservation of ours to be undone: by place, rank and attempt, not final."""

    unit: str
    sku: str
    location_id: str
    attempt: int
    rank: int


class Tried(NamedTuple):
    """A place that a unit does not come from, and why.

    Attributes:
        available: The number that was seen; None if there was none to see.
    """

    unit: str
    sku: str
    location_id: str
    why: str
    available: int | None = None


class Asked(NamedTuple):
    """A request that the ledger has not answered yet."""

    request_id: str
    kind: RequestKind
    sku: str
    units: tuple[str, ...]
    location_id: str
    attempt: int
    rank: int


class SourcingTrouble(NamedTuple):
    """What a person should know of, in a sentence."""

    reason: str
    sentence: str


class Need(NamedTuple):
    """So many units of an order are to come from there."""

    sku: str
    location_id: str
    quantity: int


class CheckStock(NamedTuple):
    """The final check that is owed: does NewStore have these, too?

    Attributes:
        not_before: When to ask; later than now after a check that told nothing.
    """

    order_number: str
    run: int
    round: int
    check: int
    needs: tuple[Need, ...]
    not_before: datetime


class Injection(NamedTuple):
    """A fulfilment order that is owed to NewStore; always the same for its id.

    A run needs one for each place, and more where a place has very many units.

    Attributes:
        part: Which of the run's orders this is, from 1.
        parts: All of them, as the units' names.
    """

    order_number: str
    run: int
    external_id: str
    placements: tuple[Placement, ...]
    part: int
    parts: tuple[tuple[str, ...], ...]


class Sourcing(NamedTuple):
    """One run.

    Attributes:
        rank: NewStore's rank of the failure that this run follows; 0 for the first.
        units: The units still to be placed; what was cancelled is left out.
        plan: This round's places; once injected, those of the run.
        held: What the ledger granted and nothing released.
        asked: What the ledger has not answered, reservations of earlier rounds and
            runs included: if they are granted in the end, they are released.
        tried: Never to be tried again, in later runs neither.
        preferred: Unit and place to go to first, pairs.
        offers: The latest offers, by SKU.
        found: What the last check that told something found.
        checks: Checks in this round.
        repeats: How often this round's open requests were repeated.
        dropped: Units cancelled after the order was on its way to NewStore.
        injected: Units that NewStore has taken in this run.
    """

    order_number: str
    run: int
    phase: Phase
    units: tuple[SourcedUnit, ...]
    country: str = ""
    rank: int = 0
    round: int = 0
    plan: tuple[Placement, ...] = ()
    held: tuple[Placement, ...] = ()
    asked: tuple[Asked, ...] = ()
    tried: tuple[Tried, ...] = ()
    preferred: tuple[tuple[str, str], ...] = ()
    offers: tuple[tuple[str, tuple[Offer, ...]], ...] = ()
    found: tuple[StockFound, ...] = ()
    checks: int = 0
    check_at: datetime | None = None
    repeats: int = 0
    wake_at: datetime | None = None
    dropped: tuple[str, ...] = ()
    trouble: SourcingTrouble | None = None
    injected: tuple[str, ...] = ()

    @property
    def attempt(self) -> int:
        """Return this round's attempt; it grows over rounds and runs."""
        return self.run * ATTEMPTS_IN_RUN + self.round

    @property
    def is_over(self) -> bool:
        return self.phase in ENDS

    def parts(self) -> tuple[tuple[Placement, ...], ...]:
        """Divide the plan into what NewStore takes as one order: one place's units."""
        by_place: dict[str, list[Placement]] = {}
        for placement in sorted(self.plan):
            by_place.setdefault(placement.location_id, []).append(placement)
        return tuple(
            tuple(units[start : start + UNITS_IN_ORDER_MAX])
            for _, units in sorted(by_place.items())
            for start in range(0, len(units), UNITS_IN_ORDER_MAX)
        )

    def needs(self) -> tuple[Need, ...]:
        """Count the planned units by SKU and place."""
        counts = Counter((p.sku, p.location_id) for p in self.plan)
        return tuple(Need(*key, counts[key]) for key in sorted(counts))

    def owed_check(self) -> CheckStock | None:
        """Return the final check to be made, if one is."""
        if self.phase != Phase.CHECKING or self.check_at is None:
            return None
        number, needs = self.order_number, self.needs()
        return CheckStock(
            number, self.run, self.round, self.checks, needs, self.check_at
        )

    def owed_injection(self) -> Injection | None:
        """Return the next order to be brought to NewStore, if one is."""
        if self.phase != Phase.INJECTING:
            return None
        parts = self.parts()
        for number, part in enumerate(parts, 1):
            if part[0].unit not in self.injected:
                return Injection(
                    self.order_number,
                    self.run,
                    external_id_of(self.order_number, self.run, number),
                    part,
                    number,
                    tuple(tuple(p.unit for p in each) for each in parts),
                )
        return None


class Step(NamedTuple):
    """What a move brings: the run as it is then, and what is to be sent.

    Attributes:
        releases: To go to the ledger as movements; a repeat has the same id.
    """

    sourcing: Sourcing
    requests: tuple[ReservationRequest, ...] = ()
    releases: tuple[Release, ...] = ()

    @property
    def trouble(self) -> SourcingTrouble | None:
        return self.sourcing.trouble


def release_id(order_number: str, release: Release) -> str:
    """Name a release's movement: the same for a repeat."""
    place = f"{release.location_id}/{release.attempt}"
    return f"release:{order_number}/{release.unit}/{place}"
