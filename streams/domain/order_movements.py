"""What an order means for the stock: announcements, identities, releases.

Shipping and returning are told by NewStore's own events; the order adds what only it
knows. All that is due follows from what is known, so each is sent once, when it first
is due.
"""

from collections.abc import Callable
from datetime import datetime

from streams.domain.invariants import InvariantBroken
from streams.domain.movements import Movement, MovementKind
from streams.domain.order_names import ledger_unit
from streams.domain.order_record import Line, Order
from streams.domain.order_ties import Units

Make = Callable[[Order, str, datetime], Movement]


def new_movements(
    before: Order, units_before: Units, order: Order, units: Units, now: datetime
) -> list[Movement]:
    """Return the movements that the order gives cause for now and did not before.

    Args:
        now: When cancelled units were released, as far as we know.
    """
    # What the other units give cause for, they did before.
    moved = [name for name, unit in units.items() if units_before.get(name) is not unit]
    due = due_ids(order, {name: units[name] for name in moved})
    known = due_ids(before, {n: units_before[n] for n in moved if n in units_before})
    return [
        make(order, name, now) for key, (make, name) in due.items() if key not in known
    ]


def due_ids(order: Order, units: Units) -> dict[str, tuple[Make, str]]:
    """Return the ids of all movements that the units and ties give cause for.

    With each, how it is made, and the name of the unit or item that it is about.
    """
    if not order.is_placed or order.is_historical:
        return {}
    number = order.number
    due: dict[str, tuple[Make, str]] = {}
    for name, unit in units.items():
        due[f"announce:{ledger_unit(number, name)}"] = (_announcement, name)
        # Nobody wants it any more; it may have left all the same.
        if unit.facts.cancelled or unit.facts.unavailable:
            due[f"release:cancelled:{ledger_unit(number, name)}"] = (_release, name)
            line = order.lines[unit.line_id]
            if line.counted and line.home:
                due[f"announce:cancelled:{ledger_unit(number, name)}"] = (_home, name)
    for item_id in order.ties:
        due[f"identify:{item_id}"] = (_identity, item_id)
    return due


def _announcement(order: Order, name: str, _: datetime) -> Movement:
    line, unit_id = _line(order, name), ledger_unit(order.number, name)
    return Movement(
        movement_id=f"announce:{unit_id}",
        kind=MovementKind.ANNOUNCE,
        sku=line.sku,
        quantity=1,
        location_id=line.location_id,
        unit_id=unit_id,
        commerce_counted=line.counted,
        occurred_at=_placed_at(order),
        document_type="order",
        document_id=order.number,
    )


def _identity(order: Order, item_id: str, _: datetime) -> Movement:
    name = order.ties[item_id]
    return Movement(
        movement_id=f"identify:{item_id}",
        kind=MovementKind.IDENTIFY,
        sku=_line(order, name).sku,
        quantity=1,
        unit_id=item_id,
        same_as=ledger_unit(order.number, name),
        occurred_at=_placed_at(order),
        document_type="order",
        document_id=order.number,
    )


def _release(order: Order, name: str, now: datetime) -> Movement:
    unit_id = ledger_unit(order.number, name)
    return Movement(
        movement_id=f"release:cancelled:{unit_id}",
        kind=MovementKind.RELEASE,
        sku=_line(order, name).sku,
        quantity=1,
        unit_id=unit_id,
        occurred_at=now,
        document_type="order",
        document_id=order.number,
    )


def _home(order: Order, name: str, _: datetime) -> Movement:
    """Say where a cancelled unit was at home: there commerce is given back its count.

    Nothing is reserved for it any more; a unit that had a place is at home there.
    """
    line, announced = _line(order, name), _announcement(order, name, _placed_at(order))
    return announced._replace(
        movement_id=f"announce:cancelled:{announced.unit_id}",
        location_id=line.home,
        commerce_counted=False,
    )


def _line(order: Order, name: str) -> Line:
    return order.lines[name.rpartition("#")[0]]


def _placed_at(order: Order) -> datetime:
    commerce = order.commerce
    if commerce is None or commerce.placed_at is None:
        raise InvariantBroken(f"order {order.number} is not placed")
    return commerce.placed_at
