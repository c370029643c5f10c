"""Returned goods, each matched to the unit of the order that came back.

By the unit's name where the return tells it, else by product. A match once made stays,
so returns are gathered for a quiet time first: then it does not matter which of two
came earlier. Of several that name one unit the earliest stands, as far as it is told no
later than `return_lateness`. The goods themselves are in the stock already.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from streams.domain.order_notes import ReturnedItem
from streams.domain.order_record import Claim, GoodsBack, Match, Order
from streams.domain.order_rules import OrderRules
from streams.domain.order_ties import OrderUnit, Units
from streams.domain.order_units import UnitState

QUANTITY_MAX = 1_000
"""Units of one returned item that are followed; more is a mistake of the source."""


class Open(NamedTuple):
    """A returned unit that no unit of the order is found for yet."""

    claim: Claim
    item: ReturnedItem
    back: GoodsBack


def match_returns(
    order: Order, units: Units, now: datetime, rules: OrderRules
) -> Order:
    """Match what can be matched, once returns have been quiet."""
    waiting = open_claims(order)
    if not waiting or now < _gathered_at(waiting, rules):
        return order
    matches = dict(order.matches)
    held: set[str] = set()
    # Named units first, so that none is taken from under its name by product alone.
    for one in waiting:
        name = _named(order, units, one)
        if name and now < _ripe_at(one, rules):
            held.add(name)
        elif name and name not in matches and _is_out(units[name]):
            matches[name] = _match(one, by_name=True)
        elif name and name in matches and not matches[name].by_name:
            matches |= _swapped(units, matches, name, one)
    taken = {match.claim for match in matches.values()}
    for one in waiting:
        if one.claim in taken or not _goes_by_product(order, units, one, now, rules):
            continue
        name = _by_product(units, held | matches.keys(), one.item.sku)
        if name:
            matches[name] = _match(one, by_name=False)
    return order if matches == order.matches else order._replace(matches=matches)


def open_claims(order: Order) -> list[Open]:
    """Return the unmatched units of all returns, earliest return first."""
    taken = {match.claim for match in order.matches.values()}
    returns = sorted(order.returns.items(), key=lambda r: (r[1].returned_at, r[0]))
    return [
        one
        for return_id, back in returns
        for one in _claims(return_id, back)
        if one.claim not in taken
    ]


def wake_times(order: Order, units: Units, rules: OrderRules) -> Iterator[datetime]:
    """Yield when something about open returns changes by time alone."""
    waiting = open_claims(order)
    if waiting:
        yield _gathered_at(waiting, rules)
    for one in waiting:
        yield _overdue_at(one, rules)
        if _named(order, units, one):
            yield _ripe_at(one, rules)


def is_overdue(one: Open, now: datetime, rules: OrderRules) -> bool:
    """Say whether the return has waited for its sale long enough."""
    return now >= _overdue_at(one, rules)


def named_unit(order: Order, units: Units, one: Open) -> OrderUnit | None:
    """Return the unit that the return names, where the order has it."""
    name = _named(order, units, one)
    return units[name] if name else None


def candidates(units: Units, sku: str) -> list[OrderUnit]:
    """Return the units of the product that are out and have not come back."""
    return [u for u in units.values() if u.sku == sku and _is_out(u)]


def _claims(return_id: str, back: GoodsBack) -> Iterator[Open]:
    for index, item in enumerate(back.items):
        for number in range(min(item.quantity, QUANTITY_MAX)):
            yield Open(Claim(return_id, index, number), item, back)


def _gathered_at(waiting: list[Open], rules: OrderRules) -> datetime:
    learnt = [one.back.learnt_at for one in waiting]
    last = max(learnt)
    # One that waits for its sale since long ago must not hurry the new ones.
    first = min(at for at in learnt if at > last - rules.window_longest or at == last)
    return min(last + rules.window_quiet, first + rules.window_longest)


def _ripe_at(one: Open, rules: OrderRules) -> datetime:
    """Return when all returns before this one have been told."""
    return min(one.back.returned_at, one.back.learnt_at) + rules.return_lateness


def _overdue_at(one: Open, rules: OrderRules) -> datetime:
    return one.back.learnt_at + max(rules.return_wait, rules.return_lateness)


def _named(order: Order, units: Units, one: Open) -> str:
    """Return the name of the unit that the return names; the first stands for all."""
    if not one.item.item_id or one.claim.number > 0:
        return ""
    name = order.ties.get(one.item.item_id, one.item.item_id)
    return name if name in units else ""


def _goes_by_product(
    order: Order, units: Units, one: Open, now: datetime, rules: OrderRules
) -> bool:
    """Say whether any unit of the product will do: none is named that may yet come."""
    if _named(order, units, one):
        return False
    is_nameless = not one.item.item_id or one.claim.number > 0
    return is_nameless or is_overdue(one, now, rules)


def _swapped(
    units: Units, matches: dict[str, Match], name: str, one: Open
) -> dict[str, Match]:
    """Match a named unit that a nameless return was matched to: another will do.

    The match that was made stays, so the other unit stands for the named one.
    """
    other = _by_product(units, matches, units[name].sku)
    return {other: _match(one, by_name=True)} if other else {}


def _by_product(units: Units, taken: Collection[str], sku: str) -> str:
    free = (unit.name for unit in candidates(units, sku) if unit.name not in taken)
    return next(free, "")


def _is_out(unit: OrderUnit) -> bool:
    return unit.standing.state is UnitState.COMPLETED


def _match(one: Open, *, by_name: bool) -> Match:
    return Match(
        one.claim, one.back.location_id, one.item.sellable, by_name, one.item.reason
    )
