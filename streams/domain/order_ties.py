"""Which of its units NewStore's units are, and the order's units as they stand."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from streams.domain.order_names import run_of, split_unit_name, unit_name
from streams.domain.order_record import Item, Order
from streams.domain.order_units import (
    FAILED,
    GONE,
    NOTHING,
    Homecoming,
    Standing,
    Step,
    UnitFacts,
    join,
    standing_of,
)


class OrderUnit(NamedTuple):
    """One unit of an order, as it stands.

    Attributes:
        name: Our name: line and index, or NewStore's uuid where commercetools does not
            have the order.
        line_id: commercetools' line item; empty where it does not have the order.
        item_ids: NewStore's uuids of it; each fulfilment order has its own.
        is_withdrawn: commercetools' order no longer has it.
    """

    name: str
    line_id: str
    sku: str
    item_ids: tuple[str, ...]
    facts: UnitFacts
    standing: Standing
    is_withdrawn: bool = False


Units = dict[str, OrderUnit]


def tie(order: Order) -> Order:
    """Tie NewStore's units to the order's; a tie that is made stays.

    By our name of the unit where NewStore was given it, else by product: then all units
    of the NewStore order are known, in an order of their own.
    """
    if not order.is_placed:
        return order
    made = dict(_by_name(order))
    made |= _by_product(order, {**order.ties, **made})
    renamed = {made.get(name, name): match for name, match in order.matches.items()}
    # What was matched to a unit that the order turns out not to have is open again.
    matches = {name: match for name, match in renamed.items() if has_unit(order, name)}
    if not made and matches == order.matches:
        return order
    return replace(order, ties={**order.ties, **made}, matches=matches)


def claims_line(item: Item) -> bool:
    """Say whether the item comes with a name of our kind."""
    return split_unit_name(item.unit) is not None


def has_unit(order: Order, name: str) -> bool:
    """Say whether the order has, or once had, a unit of that name."""
    split = split_unit_name(name)
    if split is None:
        return False
    line = order.lines.get(split[0])
    return line is not None and 1 <= split[1] <= line.most


def units_of(order: Order) -> Units:
    """Return the order's units, each as it stands."""
    if not order.is_placed:
        return {item_id: _sold_unit(order, item_id) for item_id in sorted(order.items)}
    by_unit: dict[str, list[str]] = {}
    for item_id, name in order.ties.items():
        by_unit.setdefault(name, []).append(item_id)
    return {
        name: _placed_unit(order, line_id, index, sorted(by_unit.get(name, ())))
        for line_id, line in sorted(order.lines.items())
        for index in range(1, line.most + 1)
        if (name := unit_name(line_id, index))
    }


def units_after(before: Order, units: Units, order: Order) -> Units:
    """Return the order's units; the known ones where nothing that makes them moved."""
    same = all(
        getattr(before, name) is getattr(order, name)
        for name in ("commerce", "lines", "newstore", "items", "ties", "matches")
    )
    is_same_run = before.runs is order.runs and before.reroutes == order.reroutes
    return units if same and is_same_run else units_of(order)


def loose_items(order: Order) -> dict[str, Item]:
    """Return NewStore's units that stand for none of the order's."""
    if not order.is_placed:
        return {}
    return {
        item_id: item
        for item_id, item in sorted(order.items.items())
        if item_id not in order.ties
    }


def is_worked_on(order: Order, unit: OrderUnit) -> bool:
    """Say whether NewStore has the unit open, whatever commercetools says."""
    if unit.standing.state in GONE:
        return False
    for item_id in unit.item_ids:
        item = order.items[item_id]
        whole = order.newstore[item.newstore_id]
        told = item.facts.cancelled or item.facts.unavailable
        if not (told or whole.cancelled or whole.unavailable):
            return True
    return False


def _by_name(order: Order) -> Iterator[tuple[str, str]]:
    for item_id, item in order.items.items():
        if item_id not in order.ties and has_unit(order, item.unit):
            yield item_id, item.unit


def _by_product(order: Order, ties: dict[str, str]) -> dict[str, str]:
    taken = {(order.items[item_id].newstore_id, unit) for item_id, unit in ties.items()}
    made = {}
    for item_id, item in sorted(order.items.items()):
        if item_id in ties or not item.opened or claims_line(item):
            continue
        for line_id, line in sorted(order.lines.items()):
            free = (
                name
                for index in range(1, line.quantity + 1)
                if (name := unit_name(line_id, index))
                and (item.newstore_id, name) not in taken
            )
            name = next(free, "") if line.sku == item.facts.sku else ""
            if name:
                made[item_id] = name
                taken.add((item.newstore_id, name))
                break
    return made


def _placed_unit(
    order: Order, line_id: str, index: int, item_ids: list[str]
) -> OrderUnit:
    line, name = order.lines[line_id], unit_name(line_id, index)
    withdrawn = index > line.quantity
    facts = UnitFacts(cancelled=withdrawn or order.is_cancelled)
    for item_id in item_ids:
        facts = join(facts, _followed_facts(order, name, item_id))
    facts = facts._replace(sku=line.sku, home=_home(order, name))
    standing = standing_of(facts)
    return OrderUnit(
        name, line_id, line.sku, tuple(item_ids), facts, standing, withdrawn
    )


def _sold_unit(order: Order, item_id: str) -> OrderUnit:
    facts = _item_facts(order, item_id)._replace(home=_home(order, item_id))
    return OrderUnit(item_id, "", facts.sku, (item_id,), facts, standing_of(facts))


def _followed_facts(order: Order, name: str, item_id: str) -> UnitFacts:
    """Return what an item says of the unit where we, not NewStore, look for a place.

    Of a run that was given up only what is final counts; a lack of stock in the latest
    is a failure, after which we look on.
    """
    facts = _item_facts(order, item_id)
    if not order.reroutes:
        return facts
    run = run_of(order.newstore[order.items[item_id].newstore_id].external_id)
    if run < order.runs.get(name, 1):
        return facts._replace(latest=Step(), unavailable=False)
    if not facts.unavailable:
        return facts
    lacked = facts.latest._replace(rank=max(facts.latest.rank, 0), order=FAILED)
    return facts._replace(latest=lacked, unavailable=False)


def _item_facts(order: Order, item_id: str) -> UnitFacts:
    """Return what is known of an item, its whole order's cancellation included."""
    item = order.items[item_id]
    whole = order.newstore[item.newstore_id]
    said = NOTHING._replace(cancelled=whole.cancelled, unavailable=whole.unavailable)
    return join(item.facts, said)


def _home(order: Order, name: str) -> Homecoming | None:
    match = order.matches.get(name)
    if match is None:
        return None
    return Homecoming(match.claim.return_id, match.location_id, match.sellable)
