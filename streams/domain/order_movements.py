"""What an order means for the stock: announcements, identities, releases.

Shipping and returning are told by NewStore's own events; the order adds what only it
knows. All that is due follows from what is known, so each is sent once, when it first
is due.
"""

from collections.abc import Iterator
from datetime import datetime

from streams.domain.movements import Movement, MovementKind
from streams.domain.order_names import ledger_unit
from streams.domain.order_record import Order
from streams.domain.order_ties import OrderUnit, Units, has_unit


def due_movements(order: Order, units: Units, now: datetime) -> dict[str, Movement]:
    """Return all movements that the order has given cause for, by their ids.

    Args:
        now: When cancelled units were released, as far as we know.
    """
    if not order.is_placed or order.is_historical:
        return {}
    made = [_announcement(order, unit) for unit in units.values()]
    made += _identities(order)
    made += [_release(order, unit, now) for unit in units.values() if _is_over(unit)]
    return {movement.movement_id: movement for movement in made}


def _is_over(unit: OrderUnit) -> bool:
    """Say whether nobody wants the unit any more, it may have left all the same."""
    return unit.facts.cancelled or unit.facts.unavailable


def _announcement(order: Order, unit: OrderUnit) -> Movement:
    line, name = order.lines[unit.line_id], ledger_unit(order.number, unit.name)
    return Movement(
        movement_id=f"announce:{name}",
        kind=MovementKind.ANNOUNCE,
        sku=line.sku,
        quantity=1,
        location_id=line.location_id,
        unit_id=name,
        commerce_counted=line.counted,
        occurred_at=_placed_at(order),
        document_type="order",
        document_id=order.number,
    )


def _identities(order: Order) -> Iterator[Movement]:
    for item_id, name in sorted(order.ties.items()):
        if has_unit(order, name):
            yield Movement(
                movement_id=f"identify:{item_id}",
                kind=MovementKind.IDENTIFY,
                sku=order.lines[name.rpartition("#")[0]].sku,
                quantity=1,
                unit_id=item_id,
                same_as=ledger_unit(order.number, name),
                occurred_at=_placed_at(order),
                document_type="order",
                document_id=order.number,
            )


def _release(order: Order, unit: OrderUnit, now: datetime) -> Movement:
    name = ledger_unit(order.number, unit.name)
    return Movement(
        movement_id=f"release:cancelled:{name}",
        kind=MovementKind.RELEASE,
        sku=unit.sku,
        quantity=1,
        unit_id=name,
        occurred_at=now,
        document_type="order",
        document_id=order.number,
    )


def _placed_at(order: Order) -> datetime:
    commerce = order.commerce
    if commerce is None or commerce.placed_at is None:
        raise ValueError(f"order {order.number} is not placed")
    return commerce.placed_at
