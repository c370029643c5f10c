"""How long an order is remembered: when it is finished, and what is too old to follow.

A finished order is forgotten once it has not changed for long. What is told of it later
is told of an order that nobody knows: it waits for its order, or becomes a case.
"""

from datetime import datetime

from streams.domain.order_debts import is_under_way, owed_sequence
from streams.domain.order_notes import OrderPlaced
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.order_ties import units_of
from streams.domain.order_units import DONE
from streams.domain.returns import open_claims


def is_finished(order: Order) -> bool:
    """Say whether nothing of the order is open, owed, waited for or in trouble."""
    if order.troubles or owed_sequence(order) is not None or is_under_way(order):
        return False
    if order.wake_at is not None or open_claims(order):
        return False
    return all(unit.standing.state in DONE for unit in units_of(order).values())


def is_forgettable(order: Order, now: datetime, rules: OrderRules) -> bool:
    """Say whether the order is finished, and has not changed for long enough."""
    if order.changed_at is None or now < order.changed_at + rules.keep:
        return False
    return is_finished(order)


def is_bygone(
    order: Order, placing: OrderPlaced, now: datetime, rules: OrderRules
) -> bool:
    """Say whether a note would have an order followed that is too old for that.

    It was forgotten, or nobody ever knew it: what it once reserved, shipped and took
    back is not known any more, and would be done to the stock a second time.
    """
    return not order.is_placed and placing.placed_at + rules.keep <= now
