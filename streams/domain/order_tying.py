"""Which of its units NewStore's units are: by our name of the unit, else by product."""

from collections.abc import Iterator

from streams.domain.order_names import unit_name
from streams.domain.order_record import Order
from streams.domain.order_ties import claims_line, has_unit


def tie(order: Order) -> Order:
    """Tie NewStore's units to the order's; a tie that is made stays.

    By our name of the unit where NewStore was given it, else by product: then all units
    of the NewStore order are known, in an order of their own.
    """
    if not order.is_placed:
        return order
    made: dict[str, str] = {}
    if len(order.ties) < len(order.items):
        made = dict(_by_name(order))
        made |= _by_product(order, {**order.ties, **made})
    if not made and not order.matches:
        return order
    renamed = {made.get(name, name): match for name, match in order.matches.items()}
    # What was matched to a unit that the order turns out not to have is open again.
    matches = {name: match for name, match in renamed.items() if has_unit(order, name)}
    if not made and matches == order.matches:
        return order
    return order._replace(ties={**order.ties, **made}, matches=matches)


def _by_name(order: Order) -> Iterator[tuple[str, str]]:
    for item_id, item in order.items.items():
        if item_id not in order.ties and has_unit(order, item.unit):
            yield item_id, item.unit


def _by_product(order: Order, ties: dict[str, str]) -> dict[str, str]:
    loose = [
        (item_id, item)
        for item_id, item in sorted(order.items.items())
        if item_id not in ties and item.opened and not claims_line(item)
    ]
    if not loose:
        return {}
    taken = {(order.items[item_id].newstore_id, unit) for item_id, unit in ties.items()}
    names: dict[str, list[str]] = {}
    for line_id, line in sorted(order.lines.items()):
        units = (unit_name(line_id, index) for index in range(1, line.quantity + 1))
        names.setdefault(line.sku, []).extend(units)
    free: dict[tuple[str, str], Iterator[str]] = {}
    made = {}
    for item_id, item in loose:
        sold = item.newstore_id, item.facts.sku
        if sold not in free:
            free[sold] = iter(
                [n for n in names.get(sold[1], ()) if (sold[0], n) not in taken]
            )
        name = next(free[sold], "")
        if name:
            made[item_id] = name
    return made
