"""An order's units as they stand, by what is known of NewStore's that they are."""

from collections.abc import Mapping
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
    by_unit = _items_by_unit(order)
    return {
        name: _placed_unit(order, line_id, index, by_unit.get(name, []))
        for line_id, line in sorted(order.lines.items())
        for index in range(1, line.most + 1)
        if (name := unit_name(line_id, index))
    }


def units_after(before: Order, units: Units, order: Order) -> Units:
    """Return the order's units, those of which nothing has moved as they are known.

    Args:
        units: The units of `before`.
    """
    moved = _moved_names(before, order)
    if moved is None:
        return units_of(order)
    if not moved:
        return units
    if not order.is_placed:
        return {**units, **{name: _sold_unit(order, name) for name in moved}}
    by_unit = _items_by_unit(order)
    after = dict(units)
    for name in moved:
        line_id, _, index = name.rpartition("#")
        after[name] = _placed_unit(order, line_id, int(index), by_unit.get(name, []))
    return after


def _moved_names(before: Order, order: Order) -> set[str] | None:
    """Return the names of the units that may stand otherwise; None if all may."""
    if before.lines is not order.lines or before.reroutes != order.reroutes:
        return None
    if before.is_placed != order.is_placed or before.is_cancelled != order.is_cancelled:
        return None
    items = _moved(before.items, order.items)
    if before.newstore is not order.newstore:
        wholes = _moved(before.newstore, order.newstore)
        items |= {i for i, item in order.items.items() if item.newstore_id in wholes}
    moved = _moved(before.matches, order.matches)
    if not order.is_placed:
        # A new unit has its place among the others.
        return None if len(order.items) > len(before.items) else moved | items
    items |= _moved(before.ties, order.ties)
    moved |= _moved(before.runs, order.runs)
    return moved | {order.ties[item_id] for item_id in items if item_id in order.ties}


def _moved(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """Return the keys of what is new, gone or another."""
    if before is after:
        return set()
    gone = before.keys() - after.keys()
    return gone | {key for key, value in after.items() if before.get(key) is not value}


def loose_items(order: Order) -> dict[str, Item]:
    """Return NewStore's units that stand for none of the order's."""
    if not order.is_placed or len(order.ties) == len(order.items):
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


def _items_by_unit(order: Order) -> dict[str, list[str]]:
    by_unit: dict[str, list[str]] = {}
    for item_id, name in sorted(order.ties.items()):
        by_unit.setdefault(name, []).append(item_id)
    return by_unit


def _placed_unit(
    order: Order, line_id: str, index: int, item_ids: list[str]
) -> OrderUnit:
    line, name = order.lines[line_id], unit_name(line_id, index)
    withdrawn = index > line.quantity
    facts = NOTHING
    for item_id in item_ids:
        followed = _followed_facts(order, name, item_id)
        facts = followed if facts is NOTHING else join(facts, followed)
    facts = UnitFacts(
        line.sku,
        facts.latest,
        facts.completions,
        facts.carried_out,
        facts.cancelled or withdrawn or order.is_cancelled,
        facts.unavailable,
        _home(order, name) if order.matches else None,
    )
    return OrderUnit(
        name,
        line_id,
        line.sku,
        tuple(item_ids),
        facts,
        standing_of(facts),
        withdrawn,
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
    if not (whole.cancelled or whole.unavailable):
        return item.facts
    return item.facts._replace(
        cancelled=item.facts.cancelled or whole.cancelled,
        unavailable=item.facts.unavailable or whole.unavailable,
    )


def _home(order: Order, name: str) -> Homecoming | None:
    match = order.matches.get(name)
    if match is None:
        return None
    return Homecoming(match.claim.return_id, match.location_id, match.sellable)
