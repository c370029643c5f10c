"""When an order's units look for a place: at first, and again where one failed.

The saga itself is in `sourcing`; here it meets the order: which units it is to place,
what becomes of their cancellation, and when a failed place calls for another run.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from streams.domain import sourcing as saga
from streams.domain.movements import Movement, MovementKind
from streams.domain.order_answers import InjectionRefused, OrderInjected, StockChecked
from streams.domain.order_names import ledger_unit, run_of
from streams.domain.order_record import Order, PastRun
from streams.domain.order_rules import OrderRules
from streams.domain.order_ties import OrderUnit, Units
from streams.domain.order_units import FAILED, GONE, UnitFacts
from streams.domain.reservations import ReservationAnswer, ReservationRequest
from streams.domain.sourcing_choice import SourcedUnit, SourcingRules
from streams.domain.sourcing_run import (
    Phase,
    Release,
    Sourcing,
    Step,
    release_id,
)

PAST_RUNS_MAX = 20
"""Runs kept for people to see; nothing depends on them."""

_FRESH = frozenset({"Open", "Confirmed"})


class LookAgain(NamedTuple):
    """A person asks for another look at an order that found no place."""


SagaInput = ReservationAnswer | StockChecked | OrderInjected | InjectionRefused


class Sourced(NamedTuple):
    """An order after its saga moved, and what is to be sent."""

    order: Order
    requests: tuple[ReservationRequest, ...] = ()
    releases: tuple[Release, ...] = ()


def hear(order: Order, answer: SagaInput, now: datetime, rules: OrderRules) -> Sourced:
    """Hand an answer to the run; without one, or another's, it changes nothing."""
    if order.sourcing is None or rules.sourcing is None:
        return Sourced(order)
    match answer:
        case ReservationAnswer():
            step = saga.on_reply(order.sourcing, answer, now, rules.sourcing)
        case StockChecked():
            step = saga.on_checked(order.sourcing, answer, now, rules.sourcing)
        case OrderInjected():
            step = saga.on_injected(order.sourcing, answer)
        case _:
            step = saga.on_refused(order.sourcing, answer)
    return _taken(Sourced(order), step)


def source(order: Order, units: Units, now: datetime, rules: OrderRules) -> Sourced:
    """Let the order's saga do what units and time ask for."""
    if rules.sourcing is None:
        return Sourced(order)
    moved = Sourced(order)
    known = rules.sourcing
    if order.sourcing is None:
        if not _is_ours(order):
            return moved
        return _begin(moved, units, now, known, reroutes=rules.reroutes)
    over = [name for name, unit in units.items() if _is_over(unit)]
    moved = _move(moved, lambda run: saga.cancel(run, over, now, known))
    moved = _move(moved, lambda run: saga.on_time(run, now, known))
    if order.reroutes and moved.order.sourcing and moved.order.sourcing.is_over:
        moved = _go_on(moved, units, now, known)
    return moved


def look_again(order: Order, units: Units, now: datetime, rules: OrderRules) -> Sourced:
    """Begin anew for what found no place; what was tried may be tried again."""
    previous = order.sourcing
    if previous is None or not previous.is_over or rules.sourcing is None:
        return Sourced(order)
    # A run may be confirmed in part: NewStore took one place's units and no more.
    placed = {placement.unit for placement in previous.plan}
    names = {unit.unit for unit in previous.units}.difference(placed)
    wanted = [u for u in units.values() if u.name in names and not _is_over(u)]
    if not wanted and previous.phase is not Phase.EXHAUSTED:
        return Sourced(order)
    return _next_run(Sourced(order), previous, wanted, now, rules.sourcing, anew=True)


def undo(order: Order, release: Release, now: datetime) -> Movement:
    """Return the movement that gives up one reservation of ours."""
    return Movement(
        movement_id=release_id(order.number, release),
        kind=MovementKind.RELEASE,
        sku=release.sku,
        quantity=1,
        location_id=release.location_id,
        unit_id=ledger_unit(order.number, release.unit),
        rank=release.rank,
        attempt=release.attempt,
        occurred_at=now,
        document_type="order",
        document_id=order.number,
    )


def _is_ours(order: Order) -> bool:
    """Say whether we are to find places: a new web order that NewStore lacks."""
    return (
        order.is_placed
        and not order.is_cancelled
        and order.commerce is not None
        and order.commerce.state in _FRESH
        and not order.newstore
    )


def _is_over(unit: OrderUnit) -> bool:
    return unit.facts.cancelled or unit.standing.state in GONE


def _begin(
    moved: Sourced, units: Units, now: datetime, rules: SourcingRules, *, reroutes: bool
) -> Sourced:
    order = moved.order
    wanted = [unit for unit in units.values() if not _is_over(unit)]
    step = saga.start(
        order.number,
        1,
        _to_place(order, wanted),
        country=order.commerce.country if order.commerce else "",
        now=now,
        rules=rules,
    )
    order = order._replace(reroutes=reroutes)
    return _taken(_in_care(moved._replace(order=order), wanted, 1), step)


def _go_on(
    moved: Sourced, units: Units, now: datetime, rules: SourcingRules
) -> Sourced:
    """Begin another run for units that the place they were sent to did not fulfil."""
    order, previous = moved.order, moved.order.sourcing
    lost = [u for u in units.values() if not _is_over(u) and lost_facts(order, u)]
    if previous is None or not lost:
        return moved
    return _next_run(moved, previous, lost, now, rules, anew=False)


def _next_run(
    moved: Sourced,
    previous: Sourcing,
    units: list[OrderUnit],
    now: datetime,
    rules: SourcingRules,
    *,
    anew: bool,
) -> Sourced:
    order, run = moved.order, previous.run + 1
    past = PastRun(
        previous.run, previous.phase, tuple((p[0], p[2]) for p in previous.plan)
    )
    failed = {unit.name: _failed_at(order, unit) for unit in units}
    step = saga.start(
        order.number,
        run,
        _to_place(order, units),
        country=previous.country,
        now=now,
        rules=rules,
        previous=previous,
        failed={} if anew else {name: at for name, at in failed.items() if at},
        rank=max([0, *(unit.facts.latest.rank for unit in units)]),
        anew=anew,
    )
    order = order._replace(
        past_runs=(*order.past_runs, past)[-PAST_RUNS_MAX:],
        places={name: at for name, at in order.places.items() if name not in failed},
    )
    return _taken(_in_care(moved._replace(order=order), units, run), step)


def lost_facts(order: Order, unit: OrderUnit) -> UnitFacts | None:
    """Return what says that the latest run's place will not fulfil the unit."""
    for item_id in unit.item_ids:
        item = order.items[item_id]
        whole = order.newstore[item.newstore_id]
        if run_of(whole.external_id) != order.runs.get(unit.name):
            continue
        failed = item.facts.latest.order == FAILED
        if failed or item.facts.unavailable or whole.unavailable:
            return item.facts
    return None


def _failed_at(order: Order, unit: OrderUnit) -> str:
    facts = lost_facts(order, unit)
    if facts is not None and facts.latest.location_id:
        return facts.latest.location_id
    return order.places.get(unit.name, "")


def _to_place(order: Order, units: Iterable[OrderUnit]) -> list[SourcedUnit]:
    return [
        SourcedUnit(unit.name, unit.sku, order.lines[unit.line_id].location_id)
        for unit in units
    ]


def _in_care(moved: Sourced, units: Iterable[OrderUnit], run: int) -> Sourced:
    runs = {**moved.order.runs, **{unit.name: run for unit in units}}
    return moved._replace(order=moved.order._replace(runs=runs))


def _move(moved: Sourced, act: Callable[[Sourcing], Step]) -> Sourced:
    run = moved.order.sourcing
    return moved if run is None else _taken(moved, act(run))


def _taken(moved: Sourced, step: Step) -> Sourced:
    """Take over what a step brings; a run that is confirmed has placed its units."""
    order, before = moved.order, moved.order.sourcing
    if step == (before, (), ()):
        return moved
    places = order.places
    if step.sourcing.phase is Phase.CONFIRMED:
        places = {**places, **{p.unit: p.location_id for p in step.sourcing.plan}}
    return Sourced(
        order._replace(sourcing=step.sourcing, places=places),
        (*moved.requests, *step.requests),
        (*moved.releases, *step.releases),
    )
