"""The rounds of a sourcing run: quote, choose, reserve, check, or give up.

Each function takes the run as it is and returns a step; what leads there is decided in
`streams.domain.sourcing`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from streams.domain.reservations import RequestKind
from streams.domain.sourcing_asking import ask, is_current
from streams.domain.sourcing_choice import Question, SourcingRules, choose
from streams.domain.sourcing_run import (
    Phase,
    Placement,
    Release,
    Sourcing,
    SourcingTrouble,
    Step,
    Tried,
)
from streams.domain.sourcing_words import nowhere, too_many_rounds

CHECK_WAIT_MAX_S = 60.0

SILENCE_S = 900.0
"""So long nothing is heard of NewStore before a person is told; it stays owed."""


def quote(sourcing: Sourcing, now: datetime, rules: SourcingRules) -> Step:
    """Begin a round: ask what is where. What is held counts as available there."""
    sourcing = sourcing._replace(
        phase=Phase.QUOTING,
        plan=(),
        offers=(),
        checks=0,
        check_at=None,
        asked=tuple(a for a in sourcing.asked if a.kind == RequestKind.RESERVE),
    )
    if sourcing.round >= rules.rounds_max:
        return give_up(sourcing, Phase.EXHAUSTED, too_many_rounds(sourcing))
    sourcing = sourcing._replace(round=sourcing.round + 1)
    wanted: dict[str, list[str]] = {}
    for unit in sourcing.units:
        wanted.setdefault(unit.sku, []).append(unit.unit)
    places = {(sku, ""): units for sku, units in wanted.items()}
    return ask(sourcing, RequestKind.QUOTE, places, now, rules)


def plan_places(sourcing: Sourcing, now: datetime, rules: SourcingRules) -> Step:
    """Choose the places; keep what is held there already, reserve the rest."""
    question = Question(
        units=sourcing.units,
        offers={
            sku: {offer.location_id: offer.available for offer in offers}
            for sku, offers in sourcing.offers
        },
        rules=rules,
        country=sourcing.country,
        tried=frozenset((t.unit, t.location_id) for t in sourcing.tried),
        preferred=dict(sourcing.preferred),
    )
    choice = choose(question)
    if choice.missing:
        trouble = nowhere(sourcing, question, choice)
        return give_up(sourcing, Phase.EXHAUSTED, trouble)
    held = {p.unit: p for p in sourcing.held}
    plan: list[Placement] = []
    new: dict[tuple[str, str], list[str]] = {}
    for unit, sku, _ in sourcing.units:
        place = choice.places[unit]
        known = held.get(unit)
        if known is not None and known.location_id == place:
            plan.append(known)
            continue
        plan.append(Placement(unit, sku, place, sourcing.attempt))
        new.setdefault((sku, place), []).append(unit)
    sourcing = sourcing._replace(plan=tuple(plan))
    sourcing, releases = release(sourcing, lambda p: p not in sourcing.plan, "moved")
    if not new:
        return with_releases(releases, check(sourcing, now))
    sourcing = sourcing._replace(phase=Phase.RESERVING)
    return with_releases(releases, ask(sourcing, RequestKind.RESERVE, new, now, rules))


def go_on(sourcing: Sourcing, now: datetime, rules: SourcingRules) -> Step:
    """Go on to the next phase when every open question of this one is answered."""
    if any(is_current(sourcing, asked) for asked in sourcing.asked):
        return Step(sourcing)
    if sourcing.phase == Phase.QUOTING:
        return plan_places(sourcing, now, rules)
    if sourcing.phase == Phase.RESERVING:
        if set(sourcing.plan) <= set(sourcing.held):
            return check(sourcing, now)
        return quote(sourcing, now, rules)
    return Step(sourcing)


def check(sourcing: Sourcing, now: datetime, *, wait_s: float = 0.0) -> Step:
    return Step(
        sourcing._replace(
            phase=Phase.CHECKING,
            checks=sourcing.checks + 1,
            check_at=now + timedelta(seconds=wait_s),
            wake_at=now + timedelta(seconds=SILENCE_S),
            trouble=None,
        )
    )


def check_again(
    sourcing: Sourcing,
    doubtful: Sequence[Placement],
    limit: int,
    now: datetime,
    rules: SourcingRules,
) -> Step:
    """Ask NewStore again after a while; in the end look for another place."""
    if sourcing.checks >= limit:
        return elsewhere(sourcing, doubtful, "unknown", now, rules)
    wait_s = min(CHECK_WAIT_MAX_S, 2.0 ** (sourcing.checks - 1))
    return check(sourcing, now, wait_s=wait_s)


def found_at(sourcing: Sourcing, placement: Placement) -> int | None:
    """Return what the last check found of the unit's SKU at its place."""
    for found in sourcing.found:
        if (found.sku, found.location_id) == (placement.sku, placement.location_id):
            return found.available
    return None


def too_few(sourcing: Sourcing) -> list[Placement]:
    """List the units that their place lacks by the last check; the first ones stay."""
    room = {(f.sku, f.location_id): f.available for f in sourcing.found}
    lacking = []
    for placement in sourcing.plan:
        key = (placement.sku, placement.location_id)
        available = room.get(key)
        if available is None:
            continue
        room[key] = available - 1
        if available <= 0:
            lacking.append(placement)
    return lacking


def elsewhere(
    sourcing: Sourcing,
    placements: Sequence[Placement],
    why: str,
    now: datetime,
    rules: SourcingRules,
) -> Step:
    """Give these places up, and begin a round in which their fallbacks come first."""
    tried = tuple(
        Tried(p.unit, p.sku, p.location_id, why, found_at(sourcing, p))
        for p in placements
    )
    places = {p.unit: p.location_id for p in placements}
    preferred = dict(sourcing.preferred) | dict(fallbacks(places, rules))
    sourcing = sourcing._replace(
        tried=(*sourcing.tried, *tried), preferred=tuple(preferred.items())
    )
    sourcing, releases = release(sourcing, lambda p: p in placements)
    return with_releases(releases, quote(sourcing, now, rules))


def fallbacks(
    places: Mapping[str, str], rules: SourcingRules
) -> tuple[tuple[str, str], ...]:
    """Pair units with the fallback of the place they cannot come from."""
    known = rules.reference.locations
    return tuple(
        (unit, known[place].fallback_location_id)
        for unit, place in places.items()
        if place in known and known[place].fallback_location_id
    )


def give_up(sourcing: Sourcing, phase: Phase, trouble: SourcingTrouble | None) -> Step:
    """End without a place: whatever is held is released."""
    sourcing, releases = release(sourcing, lambda _: True)
    sourcing = ended(sourcing._replace(plan=()), phase, trouble)
    return Step(sourcing, (), releases)


def ended(
    sourcing: Sourcing, phase: Phase, trouble: SourcingTrouble | None = None
) -> Sourcing:
    return sourcing._replace(phase=phase, wake_at=None, check_at=None, trouble=trouble)


def release(
    sourcing: Sourcing, is_meant: Callable[[Placement], bool], why: str = ""
) -> tuple[Sourcing, tuple[Release, ...]]:
    """Let go of held places; with `why` they are not to be tried again."""
    meant = [p for p in sourcing.held if is_meant(p)]
    tried = (Tried(p.unit, p.sku, p.location_id, why) for p in meant if why)
    sourcing = sourcing._replace(
        held=tuple(p for p in sourcing.held if p not in meant),
        tried=(*sourcing.tried, *tried),
    )
    return sourcing, tuple(Release(*p, sourcing.rank) for p in meant)


def with_releases(releases: tuple[Release, ...], step: Step) -> Step:
    return step._replace(releases=(*releases, *step.releases))
