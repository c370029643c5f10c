"""An order moves on: by news, by answers, or by time alone. One function for all.

What is known comes first and only grows; what follows is derived from it, or is a step
of a small saga. So it cannot matter in which order news arrive, or how often.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from streams.domain.fulfilment import draft_of, due_at, gather, steadied
from streams.domain.movements import Movement
from streams.domain.order_answers import (
    CommerceDeclined,
    CommerceTold,
    InjectionRefused,
    LookAgainAsked,
    OrderAnswer,
    OrderInjected,
    StockChecked,
)
from streams.domain.order_learning import learn, learn_injected
from streams.domain.order_movements import new_movements
from streams.domain.order_notes import OrderNote
from streams.domain.order_record import Declined, Order, Settlement, Shown
from streams.domain.order_rules import OrderRules
from streams.domain.order_sourcing import (
    LookAgain,
    Sourced,
    hear,
    look_again,
    source,
    undo,
)
from streams.domain.order_ties import Units, tie, units_after, units_of
from streams.domain.order_troubles import asked_in_vain, troubles_of
from streams.domain.order_units import latest_of
from streams.domain.reservations import ReservationAnswer, ReservationRequest
from streams.domain.returns import match_returns, wake_times
from streams.domain.sourcing_rounds import SILENCE_S
from streams.domain.sourcing_run import Release
from streams.domain.troubles import Trouble
from streams.domain.wanted import blank_of, content_of

Input = OrderNote | OrderAnswer | ReservationAnswer | LookAgain


@dataclass(frozen=True, slots=True)
class Effects:
    """What is to be sent because an order moved on.

    Attributes:
        withdrawn: Troubles that are none any more.
    """

    movements: tuple[Movement, ...] = ()
    requests: tuple[ReservationRequest, ...] = ()
    raised: tuple[Trouble, ...] = ()
    withdrawn: tuple[Trouble, ...] = ()


def advance(
    order: Order, inputs: Sequence[Input], now: datetime, rules: OrderRules
) -> tuple[Order, Effects]:
    """Take in what is new, and do what it or the time asks for.

    The same order, and no effects, where nothing changes.
    """
    before = order
    heard = _hear(_steadied(order, now), inputs, now, rules)
    if heard == (before, (), ()) and not _is_due(before, now):
        return before, Effects(raised=asked_in_vain(before, inputs, ()))
    units_before = units_of(before)
    order = tie(heard.order)
    units = units_after(before, units_before, order)
    sourced = source(order, units, now, rules)
    units, order = units_after(order, units, sourced.order), sourced.order
    matched = match_returns(order, units, now, rules)
    units, order = units_after(order, units, matched), matched
    order = _gather(order, units, before, units_before, now, rules)
    order = _count_change(before, order)
    order = replace(order, troubles=troubles_of(order, units, now, rules))
    order = replace(order, wake_at=_wake_at(order, units, now, rules))
    raised = _difference(order.troubles, before.troubles)
    effects = Effects(
        movements=(
            *new_movements(before, units_before, order, units, now),
            *_undone(order, (*heard.releases, *sourced.releases), now),
        ),
        requests=(*heard.requests, *sourced.requests),
        raised=(*raised, *asked_in_vain(order, inputs, raised)),
        withdrawn=_gone(before.troubles, order.troubles),
    )
    return replace(order, first_at=order.first_at or now, changed_at=now), effects


def _is_due(order: Order, now: datetime) -> bool:
    return order.wake_at is not None and now >= order.wake_at


def _hear(
    order: Order, inputs: Sequence[Input], now: datetime, rules: OrderRules
) -> Sourced:
    heard = Sourced(order)
    for each in inputs:
        step = _hear_one(heard.order, each, now, rules)
        heard = Sourced(
            step.order,
            (*heard.requests, *step.requests),
            (*heard.releases, *step.releases),
        )
    return heard


def _hear_one(order: Order, each: Input, now: datetime, rules: OrderRules) -> Sourced:
    match each:
        case CommerceTold() | CommerceDeclined():
            return Sourced(_learn_told(order, each))
        case LookAgain() | LookAgainAsked():
            return look_again(order, units_of(order), now, rules)
        case OrderInjected():
            order = learn_injected(
                order, each.newstore_id, each.external_id, each.items
            )
            return hear(order, each, now, rules)
        case ReservationAnswer() | StockChecked() | InjectionRefused():
            return hear(order, each, now, rules)
        case _:
            return Sourced(learn(order, each, now, rules))


def _learn_told(order: Order, answer: CommerceTold | CommerceDeclined) -> Order:
    """Note what commercetools said; an older answer than the last changes nothing."""
    if isinstance(answer, CommerceDeclined):
        known = order.declined
        if known is not None and known.sequence >= answer.wanted_sequence:
            return order
        declined = Declined(answer.wanted_sequence, answer.reason, answer.sentence)
        return replace(order, declined=declined)
    if (answer.wanted_sequence, answer.version) <= (
        order.told_sequence,
        order.told_version,
    ):
        return order
    return replace(
        order,
        told_sequence=max(order.told_sequence, answer.wanted_sequence),
        told_version=max(order.told_version, answer.version),
        told_at=latest_of(order.told_at, answer.told_at),
        calls=order.calls + answer.calls,
    )


def _steadied(order: Order, now: datetime) -> Order:
    """Bring to now what a clock set back has put into the future."""
    window = steadied(order.window, now)
    sourcing = order.sourcing
    if sourcing is not None and sourcing.wake_at is not None:
        last = now + timedelta(seconds=SILENCE_S)
        sourcing = sourcing._replace(wake_at=min(sourcing.wake_at, last))
    learnt = [back.learnt_at for back in order.returns.values()]
    learnt += [each.learnt_at for each in order.settlements.values()]
    is_steady = (window, sourcing) == (order.window, order.sourcing)
    if is_steady and max(learnt, default=now) <= now:
        return order
    return replace(
        order,
        window=window,
        returns={
            key: back._replace(learnt_at=min(back.learnt_at, now))
            for key, back in order.returns.items()
        },
        settlements={
            key: each._replace(learnt_at=min(each.learnt_at, now))
            for key, each in order.settlements.items()
        },
        sourcing=sourcing,
    )


def _gather(
    order: Order,
    units: Units,
    before: Order,
    units_before: Units,
    now: datetime,
    rules: OrderRules,
) -> Order:
    if not order.is_placed:
        return order
    draft = draft_of(units, order.places)
    known = _draft(before, units_before)
    return gather(order, units, draft, has_news=draft != known, now=now, rules=rules)


def _draft(order: Order, units: Units) -> dict[str, Shown]:
    return draft_of(units, order.places) if order.is_placed else {}


def _count_change(before: Order, order: Order) -> Order:
    """Count a change of what is wanted; the first is one against saying nothing."""
    if not order.is_placed:
        return order
    wanted = content_of(order)
    known = content_of(before) if before.is_placed else blank_of(order)
    if wanted == known:
        return order
    return replace(order, wanted_sequence=order.wanted_sequence + 1)


def _wake_at(
    order: Order, units: Units, now: datetime, rules: OrderRules
) -> datetime | None:
    times = list(wake_times(order, units, rules))
    if order.window is not None:
        times.append(due_at(order.window, rules))
    if order.sourcing is not None and order.sourcing.wake_at is not None:
        times.append(order.sourcing.wake_at)
    times += [each.learnt_at + rules.return_wait for each in _unclear(order)]
    return min((time for time in times if time > now), default=None)


def _unclear(order: Order) -> Iterable[Settlement]:
    known = {*order.returns, *order.appeasements}
    return (s for s in order.settlements.values() if s.correlation_id not in known)


def _undone(
    order: Order, releases: Iterable[Release], now: datetime
) -> Iterable[Movement]:
    return (undo(order, release, now) for release in releases)


def _difference(
    ones: tuple[Trouble, ...], others: tuple[Trouble, ...]
) -> tuple[Trouble, ...]:
    return tuple(trouble for trouble in ones if trouble not in others)


def _gone(
    before: tuple[Trouble, ...], after: tuple[Trouble, ...]
) -> tuple[Trouble, ...]:
    still = {trouble.identity for trouble in after}
    return tuple(trouble for trouble in before if trouble.identity not in still)
