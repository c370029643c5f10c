"""What a sourcing run asks of the ledger, how long it waits, what an answer means."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from streams.domain.reservations import (
    RequestKind,
    ReservationAnswer,
    ReservationRequest,
)
from streams.domain.sourcing_choice import SourcingRules
from streams.domain.sourcing_run import (
    Asked,
    Phase,
    Release,
    Sourcing,
    Step,
    Tried,
)

WAIT_MAX_S = 300.0
"""A repeated question waits twice as long each time, up to this."""


def is_current(sourcing: Sourcing, asked: Asked) -> bool:
    """Say whether the run is waiting for this answer in order to go on."""
    kinds = {Phase.QUOTING: RequestKind.QUOTE, Phase.RESERVING: RequestKind.RESERVE}
    return asked.attempt == sourcing.attempt and kinds.get(sourcing.phase) == asked.kind


def wait(sourcing: Sourcing, now: datetime, rules: SourcingRules) -> Sourcing:
    """Wait for answers; twice as long after each repeat."""
    wait_s = min(WAIT_MAX_S, rules.answer_timeout_s * 2.0**sourcing.repeats)
    return sourcing._replace(wake_at=now + timedelta(seconds=wait_s))


def requests_of(
    sourcing: Sourcing, asked: Iterable[Asked], now: datetime
) -> tuple[ReservationRequest, ...]:
    """Write the questions; a repeat has the same id."""
    number = sourcing.order_number
    return tuple(
        ReservationRequest(
            request_id=one.request_id,
            kind=one.kind,
            order_number=number,
            sku=one.sku,
            unit_ids=tuple(f"{number}/{unit}" for unit in one.units),
            requested_at=now,
            attempt=one.attempt,
            location_id=one.location_id,
            rank=one.rank,
        )
        for one in asked
    )


def ask(
    sourcing: Sourcing,
    kind: RequestKind,
    units: Mapping[tuple[str, str], Sequence[str]],
    now: datetime,
    rules: SourcingRules,
) -> Step:
    """Ask the ledger about units, by SKU and place, and wait for its answers."""
    base = f"{sourcing.order_number}/{sourcing.run}.{sourcing.round}"
    asked = tuple(
        Asked(
            f"{base}/{sku}/{place}",
            kind,
            sku,
            tuple(names),
            place,
            sourcing.attempt,
            sourcing.rank,
        )
        for (sku, place), names in units.items()
    )
    sourcing = sourcing._replace(asked=(*sourcing.asked, *asked), repeats=0)
    return Step(wait(sourcing, now, rules), requests_of(sourcing, asked, now))


def granted(sourcing: Sourcing, asked: Asked) -> tuple[Sourcing, tuple[Release, ...]]:
    """Keep what the plan still wants there; let go of the rest, however late it is."""
    wanted = {
        placement
        for placement in sourcing.plan
        if placement.attempt == asked.attempt
        and placement.location_id == asked.location_id
        and placement.unit in asked.units
        and sourcing.phase == Phase.RESERVING
    }
    kept = tuple(p for p in sourcing.plan if p in wanted)
    names = {placement.unit for placement in kept}
    releases = tuple(
        Release(unit, asked.sku, asked.location_id, asked.attempt, asked.rank)
        for unit in asked.units
        if unit not in names
    )
    return sourcing._replace(held=(*sourcing.held, *kept)), releases


def declined(sourcing: Sourcing, asked: Asked, answer: ReservationAnswer) -> Sourcing:
    """Note that a place cannot be had, with the number that the ledger saw there."""
    planned = {p.unit for p in sourcing.plan}
    if not planned.issuperset(asked.units):
        return sourcing  # Declined perhaps only for the units cancelled meanwhile.
    seen = {offer.location_id: offer.available for offer in answer.offers}
    number = seen.get(asked.location_id)
    tried = (
        Tried(unit, asked.sku, asked.location_id, "declined", number)
        for unit in asked.units
    )
    return sourcing._replace(tried=(*sourcing.tried, *tried))
