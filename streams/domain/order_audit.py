"""Do orders and stock agree? Compared once all is quiet; pure, so it can be tested.

Reservations are promises to units that are open: no more, no fewer, and at the place
where the order has its unit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from streams.domain.order_names import ledger_unit
from streams.domain.order_record import Order
from streams.domain.order_ties import OrderUnit, units_of
from streams.domain.order_units import DONE, UnitState
from streams.domain.units import Unit, standing
from streams.domain.wanted import wanted_of

_ASSIGNED = (UnitState.ASSIGNED, UnitState.READY)

UnitsBySku = Mapping[tuple[str, str], Unit]
"""What the ledger knows of units, by SKU and name."""


def reserved_by_units(units: UnitsBySku) -> Counter[tuple[str, str]]:
    """Count the units that stand reserved, by SKU and location."""
    held: Counter[tuple[str, str]] = Counter()
    for (sku, _), unit in units.items():
        place = "" if unit.same_as else standing(unit)
        if place:
            held[sku, place] += 1
    return held


def reservation_faults(
    reserved: Mapping[tuple[str, str], int], units: UnitsBySku
) -> list[str]:
    """Compare each row's reserved quantity with the units that stand there."""
    held = reserved_by_units(units)
    return [
        f"{sku}|{place}: {reserved.get((sku, place), 0)} reserved, "
        f"{held[sku, place]} units stand there"
        for sku, place in sorted({*reserved, *held})
        if reserved.get((sku, place), 0) != held[sku, place]
    ]


def order_faults(order: Order, units: UnitsBySku) -> list[str]:
    """List what is wrong with one order in itself, and with its units in the ledger."""
    faults = [*_line_faults(order)]
    if order.sourcing is not None and not order.sourcing.is_over:
        faults.append(f"still looks for a place ({order.sourcing.phase})")
    for unit in units_of(order).values() if order.is_placed else ():
        faults += _unit_faults(order, unit, units)
    return [f"order {order.number}: {fault}" for fault in faults]


def _line_faults(order: Order) -> Iterable[str]:
    """Every unit of a line is in exactly one state, and in one delivery at most."""
    wanted = wanted_of(order)
    for line in wanted.lines:
        quantity = order.lines[line.line_id].quantity
        said = sum(state.quantity for state in line.states)
        if said != quantity:
            yield f"line {line.line_id} has {quantity} units, {said} are in a state"
    delivered = Counter(
        each.unit for delivery in order.deliveries for each in delivery.units
    )
    for unit, times in delivered.items():
        if times > 1:
            yield f"unit {unit} is in {times} deliveries"


def _unit_faults(order: Order, unit: OrderUnit, units: UnitsBySku) -> Iterable[str]:
    name = ledger_unit(order.number, unit.name)
    known = units.get((unit.sku, name))
    if known is None:
        # Announced without a place and never given one, it is no business of stock.
        # The ledger forgets sooner than orders do what is not to be reserved any more.
        if unit.standing.state not in DONE and _has_place(order, unit):
            yield f"the ledger does not know unit {unit.name}"
        return
    place, state = standing(known), unit.standing.state
    if state in DONE and place:
        yield f"unit {unit.name} is {state} and still reserved at {place}"
    there = order.places.get(unit.name, "")
    if state in _ASSIGNED:
        there = unit.standing.location_id
    if state not in DONE and place and there not in ("", place):
        yield f"unit {unit.name} is at {there}, its reservation at {place}"


def _has_place(order: Order, unit: OrderUnit) -> bool:
    named = order.lines[unit.line_id].location_id or order.places.get(unit.name)
    return bool(named or unit.standing.location_id or unit.item_ids)
