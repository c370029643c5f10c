"""The saga that finds a place for a web order's units and brings them to NewStore.

Quote, reserve, check, inject. Whatever order answers come in, however often or late:
a unit has at most one place, none is confirmed that NewStore did not say it has, and
what was granted is confirmed or released in the end.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from streams.domain.invariants import InvariantBroken
from streams.domain.order_answers import (
    InjectionRefused,
    OrderInjected,
    StockChecked,
)
from streams.domain.reservations import (
    RequestKind,
    ReservationAnswer,
    ReservationOutcome,
)
from streams.domain.sourcing_asking import (
    declined,
    granted,
    is_current,
    requests_of,
    wait,
)
from streams.domain.sourcing_choice import SourcedUnit, SourcingRules
from streams.domain.sourcing_rounds import (
    SILENCE_S,
    check_again,
    elsewhere,
    ended,
    fallbacks,
    found_at,
    give_up,
    go_on,
    quote,
    release,
    too_few,
    with_releases,
)
from streams.domain.sourcing_run import (
    Phase,
    Release,
    Sourcing,
    SourcingTrouble,
    Step,
    Tried,
)
from streams.domain.sourcing_words import cancelled_late, no_answer, silent

CHECKS_MAX = 8
"""Checks without any answer before the next place is tried: two minutes in all."""

UNKNOWN_MAX = 3
"""Checks that do not know a product at a place before the next place is tried."""

CHECK_GOOD_FOR_S = 30.0
"""An older answer says nothing of now; it was waiting in the log."""


def start(
    order_number: str,
    run: int,
    units: Iterable[SourcedUnit],
    *,
    country: str,
    now: datetime,
    rules: SourcingRules,
    previous: Sourcing | None = None,
    failed: Mapping[str, str] | None = None,
    rank: int = 0,
    anew: bool = False,
) -> Step:
    """Begin a run: 1 for a new order, the next one where a fulfilment failed.

    Args:
        previous: The run before, which is over; what it tried is not tried again.
        failed: Where each unit was that has to go elsewhere.
        rank: NewStore's rank of that failure.
        anew: A person asks: what was tried may be tried again.
    """
    if previous is not None and not previous.is_over:
        raise InvariantBroken(f"{order_number}: run {previous.run} is not over")
    units, failed = tuple(units), failed or {}
    tried = () if previous is None or anew else previous.tried
    asked = () if previous is None else previous.asked
    sourcing = Sourcing(
        order_number,
        run,
        Phase.QUOTING,
        units,
        country=country,
        rank=rank,
        asked=asked,
        tried=(*tried, *_failed(units, failed)),
        preferred=fallbacks(failed, rules),
    )
    if not units:
        return Step(ended(sourcing, Phase.CANCELLED))
    return quote(sourcing, now, rules)


def on_reply(
    sourcing: Sourcing, answer: ReservationAnswer, now: datetime, rules: SourcingRules
) -> Step:
    """Hear the ledger's answer; one that was heard before changes nothing."""
    asked = next((a for a in sourcing.asked if a.request_id == answer.request_id), None)
    if asked is None:
        return Step(sourcing)
    sourcing = sourcing._replace(
        asked=tuple(a for a in sourcing.asked if a is not asked)
    )
    if is_current(sourcing, asked):
        known = dict(sourcing.offers) | {asked.sku: answer.offers}
        sourcing = sourcing._replace(offers=tuple(sorted(known.items())))
    releases: tuple[Release, ...] = ()
    if asked.kind == RequestKind.RESERVE:
        if answer.outcome == ReservationOutcome.GRANTED:
            sourcing, releases = granted(sourcing, asked)
        else:
            sourcing = declined(sourcing, asked, answer)
    if not is_current(sourcing, asked):
        return Step(sourcing, (), releases)
    return with_releases(releases, go_on(sourcing, now, rules))


def on_checked(
    sourcing: Sourcing, answer: StockChecked, now: datetime, rules: SourcingRules
) -> Step:
    """Hear NewStore's word; only enough of everything lets the order go there."""
    asked = (sourcing.run, sourcing.round, sourcing.checks)
    if sourcing.phase != Phase.CHECKING:
        return Step(sourcing)
    if (answer.run, answer.round, answer.check) != asked:
        return Step(sourcing)
    is_late = now - answer.answered_at > timedelta(seconds=CHECK_GOOD_FOR_S)
    if answer.trouble or is_late:
        return check_again(sourcing, sourcing.plan, CHECKS_MAX, now, rules)
    sourcing = sourcing._replace(found=answer.found)
    if missing := too_few(sourcing):
        return elsewhere(sourcing, missing, "checked", now, rules)
    if unknown := [p for p in sourcing.plan if found_at(sourcing, p) is None]:
        return check_again(sourcing, unknown, UNKNOWN_MAX, now, rules)
    return Step(
        sourcing._replace(
            phase=Phase.INJECTING,
            check_at=None,
            trouble=None,
            wake_at=now + timedelta(seconds=SILENCE_S),
        )
    )


def on_injected(sourcing: Sourcing, answer: OrderInjected) -> Step:
    """Hear that NewStore has an order: when it has all, the places are confirmed."""
    owed = sourcing.owed_injection()
    if owed is None or answer.external_id != owed.external_id:
        return Step(sourcing)
    taken = tuple(placement.unit for placement in owed.placements)
    sourcing = sourcing._replace(injected=(*sourcing.injected, *taken))
    if sourcing.owed_injection() is not None:
        return Step(sourcing)
    trouble = cancelled_late(sourcing, owed) if sourcing.dropped else None
    return Step(ended(sourcing, Phase.CONFIRMED, trouble))


def on_refused(sourcing: Sourcing, answer: InjectionRefused) -> Step:
    """Hear that NewStore will never take it: what it has not taken is released."""
    owed = sourcing.owed_injection()
    if owed is None or answer.external_id != owed.external_id:
        return Step(sourcing)
    left = {p.unit for p in sourcing.plan}.difference(sourcing.injected)
    trouble = None
    if not left <= set(sourcing.dropped):
        trouble = SourcingTrouble(answer.reason, answer.sentence)
    sourcing, releases = release(sourcing, lambda p: p.unit in left)
    plan = tuple(p for p in sourcing.plan if p.unit not in left)
    phase = Phase.EXHAUSTED if trouble else Phase.CANCELLED
    sourcing = ended(
        sourcing._replace(plan=plan), Phase.CONFIRMED if plan else phase, trouble
    )
    return Step(sourcing, (), releases)


def on_time(sourcing: Sourcing, now: datetime, rules: SourcingRules) -> Step:
    """Do what is due: repeat unanswered questions, or tell a person of a silence."""
    if sourcing.wake_at is None or now < sourcing.wake_at:
        return Step(sourcing)
    if sourcing.phase in (Phase.CHECKING, Phase.INJECTING):
        return Step(sourcing._replace(wake_at=None, trouble=silent(sourcing)))
    if sourcing.repeats >= rules.rounds_max:
        return give_up(sourcing, Phase.EXHAUSTED, no_answer(sourcing))
    sourcing = sourcing._replace(repeats=sourcing.repeats + 1)
    open_now = tuple(a for a in sourcing.asked if is_current(sourcing, a))
    return Step(wait(sourcing, now, rules), requests_of(sourcing, open_now, now))


def cancel(
    sourcing: Sourcing, units: Iterable[str], now: datetime, rules: SourcingRules
) -> Step:
    """Leave units out; the final release of a cancelled unit is the order's matter.

    An order on its way to NewStore stays as it is, because its body must not change.
    """
    gone = {unit.unit for unit in sourcing.units}.intersection(units)
    if not gone or sourcing.is_over:
        return Step(sourcing)
    if sourcing.phase == Phase.INJECTING:
        dropped = tuple(sorted(gone.union(sourcing.dropped)))
        return Step(sourcing._replace(dropped=dropped))
    sourcing, releases = release(sourcing, lambda p: p.unit in gone)
    sourcing = sourcing._replace(
        units=tuple(unit for unit in sourcing.units if unit.unit not in gone),
        plan=tuple(p for p in sourcing.plan if p.unit not in gone),
    )
    if not sourcing.units:
        return Step(ended(sourcing, Phase.CANCELLED), (), releases)
    return with_releases(releases, go_on(sourcing, now, rules))


def _failed(
    units: Iterable[SourcedUnit], failed: Mapping[str, str]
) -> tuple[Tried, ...]:
    return tuple(
        Tried(unit, sku, failed[unit], "failed")
        for unit, sku, _ in units
        if failed.get(unit)
    )
