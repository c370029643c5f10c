"""An order moves on: by news, by answers, or by time alone. One function for all.

What is known comes first and only grows; what follows is derived from it, or is a step
of a small saga. So it cannot matter in which order news arrive, or how often.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from streams.domain.fulfilment import counted_from, draft_of, due_at, gather
from streams.domain.movements import Movement
from streams.domain.order_hearing import Input as Input
from streams.domain.order_hearing import hear_all
from streams.domain.order_movements import new_movements
from streams.domain.order_plain import is_plain
from streams.domain.order_record import Order, Settlement, Shown
from streams.domain.order_rules import OrderRules
from streams.domain.order_sourcing import Sourced, source, undo
from streams.domain.order_ties import Units, units_after, units_of
from streams.domain.order_troubles import asked_in_vain, troubles_of
from streams.domain.order_tying import tie
from streams.domain.reservations import ReservationRequest
from streams.domain.returns import match_returns, wake_times
from streams.domain.sourcing_run import Release
from streams.domain.troubles import Trouble
from streams.domain.wanted import blank_of, content_of, has_same_content


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


NO_EFFECTS = Effects()


def advance(
    order: Order,
    inputs: Sequence[Input],
    now: datetime,
    rules: OrderRules,
    told_at: datetime | None = None,
) -> tuple[Order, Effects]:
    """Take in what is new, and do what it or the time asks for.

    The same order, and no effects, where nothing changes.

    Args:
        told_at: When the last of it was told to us; windows count from there.
    """
    heard = hear_all(order, inputs, now, rules)
    if heard == (order, (), ()) and not _is_due(order, now):
        return order, Effects(raised=asked_in_vain(order, inputs, ()))
    if is_plain(heard):
        return _dated(heard.order, now), NO_EFFECTS
    return follow(order, inputs, heard, now, rules, told_at)


def follow(
    before: Order,
    inputs: Sequence[Input],
    heard: Sourced,
    now: datetime,
    rules: OrderRules,
    told_at: datetime | None = None,
) -> tuple[Order, Effects]:
    """Do all that follows from what was heard, and from the time."""
    units_before = units_of(before)
    order = tie(heard.order)
    units = units_after(before, units_before, order)
    sourced = source(order, units, now, rules)
    units, order = units_after(order, units, sourced.order), sourced.order
    matched = match_returns(order, units, now, rules)
    units, order = units_after(order, units, matched), matched
    order = _gather(order, units, before, units_before, now, rules, told_at)
    order = order._replace(
        wanted_sequence=_wanted_sequence(before, order),
        troubles=troubles_of(order, units, now, rules),
        wake_at=_wake_at(order, units, now, rules),
    )
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
    return _dated(order, now), effects


def _dated(order: Order, now: datetime) -> Order:
    return order._replace(first_at=order.first_at or now, changed_at=now)


def _is_due(order: Order, now: datetime) -> bool:
    return order.wake_at is not None and now >= order.wake_at


def _gather(
    order: Order,
    units: Units,
    before: Order,
    units_before: Units,
    now: datetime,
    rules: OrderRules,
    told_at: datetime | None,
) -> Order:
    if not order.is_placed:
        return order
    draft = draft_of(units, order.places)
    is_new = draft != _draft(before, units_before)
    news_at = counted_from(told_at or now, now, rules) if is_new else None
    return gather(order, units, draft, news_at=news_at, now=now, rules=rules)


def _draft(order: Order, units: Units) -> dict[str, Shown]:
    return draft_of(units, order.places) if order.is_placed else {}


def _wanted_sequence(before: Order, order: Order) -> int:
    """Count a change of what is wanted; the first is one against saying nothing."""
    if not order.is_placed or (before.is_placed and has_same_content(before, order)):
        return order.wanted_sequence
    wanted = content_of(order)
    known = content_of(before) if before.is_placed else blank_of(order)
    return order.wanted_sequence + (wanted != known)


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
