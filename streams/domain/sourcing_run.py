"""One run of sourcing as a value: what is known, what is asked, what is owed.

Named tuples rather than dataclasses, so that it is stored as a bare array. New fields
go at the end, with a default; older runs then still read.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from streams.domain.order_answers import StockFound
from streams.domain.reservations import Offer, RequestKind, ReservationRequest
from streams.domain.sourcing_choice import SourcedUnit

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
    """The fulfilment order that is owed to NewStore; always the same for a run."""

    order_number: str
    run: int
    external_id: str
    placements: tuple[Placement, ...]


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

    @property
    def attempt(self) -> int:
        """Return this round's attempt; it grows over rounds and runs."""
        return self.run * ATTEMPTS_IN_RUN + self.round

    @property
    def is_over(self) -> bool:
        return self.phase in ENDS

    @property
    def external_id(self) -> str:
        """Return the id under which NewStore gets the order: unique to the run."""
        if self.run == 1:
            return self.order_number
        return f"{self.order_number}~{self.run}"

    def needs(self) -> tuple[Need, ...]:
        """Count the planned units by SKU and place."""
        counts: dict[tuple[str, str], int] = {}
        for placement in self.plan:
            key = (placement.sku, placement.location_id)
            counts[key] = counts.get(key, 0) + 1
        return tuple(Need(*key, counts[key]) for key in sorted(counts))

    def owed_check(self) -> CheckStock | None:
        """Return the final check to be made, if one is."""
        if self.phase != Phase.CHECKING or self.check_at is None:
            return None
        return CheckStock(
            self.order_number,
            self.run,
            self.round,
            self.checks,
            self.needs(),
            self.check_at,
        )

    def owed_injection(self) -> Injection | None:
        """Return the order to be brought to NewStore, if one is."""
        if self.phase != Phase.INJECTING:
            return None
        return Injection(self.order_number, self.run, self.external_id, self.plan)


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
