"""The orders stage forgets what is long finished, and follows nothing that old."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from streams.agents.expiries import Expiries, Expiry, expiry_key, milliseconds
from streams.agents.orders_inbox import Heard
from streams.domain.order_keeping import is_bygone, is_forgettable
from streams.domain.order_notes import OrderPlaced
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.engine.fold import Record, Result, View
from streams.mapping.orders_state import decode_order, timer_key
from streams.tables import ORDER_EXPIRIES, ORDER_TIMERS, ORDERS


class Forgetting:
    """Forgets orders, some at each tick."""

    def __init__(self, keep: timedelta) -> None:
        self._expiries = Expiries(ORDER_EXPIRIES, keep)

    def due(self, view: View, now: datetime) -> list[Expiry]:
        """Return the orders that may have been kept for long enough."""
        return self._expiries.due(view, milliseconds(now))

    def forget(
        self,
        view: View,
        due: Sequence[Expiry],
        now: datetime,
        rules: OrderRules,
        result: Result,
    ) -> None:
        """Forget those that are; note for the others when to look at them again."""
        rows = view.get(ORDERS, [each.name for each in due])
        moved = result.writes.get(ORDERS, {})
        for each in due:
            if each.name in moved:
                continue  # It has just been woken; the next tick sees what it is.
            result.put(ORDER_EXPIRIES, each.key, None)
            row = rows.get(each.name)
            if row is not None:
                self._settle(each.name, decode_order(row), now, rules, result)

    def _settle(
        self,
        key: bytes,
        order: Order,
        now: datetime,
        rules: OrderRules,
        result: Result,
    ) -> None:
        if is_forgettable(order, now, rules):
            result.put(ORDERS, key, None)
            if order.wake_at is not None:
                result.put(ORDER_TIMERS, timer_key(order.wake_at, order.number), None)
            result.count("forgotten")
            return
        kept_ms, now_ms = milliseconds(order.changed_at or now), milliseconds(now)
        if self._expiries.is_over(kept_ms, now_ms):
            kept_ms = now_ms  # Unfinished: once it is, it will have changed.
        result.put(ORDER_EXPIRIES, expiry_key(kept_ms, key), b"")


def without_bygone(
    order: Order, said: Heard, now: datetime, rules: OrderRules, result: Result
) -> Heard:
    """Park what would have an order followed that is too old for that."""
    if order.is_placed or not any(isinstance(i, OrderPlaced) for i in said.inputs):
        return said
    left = Heard()
    for record, inputs in said.pairs():
        placing = inputs[0]
        if isinstance(placing, OrderPlaced) and is_bygone(order, placing, now, rules):
            _park(result, record, placing, rules)
        else:
            left.add(record, *inputs)
    return left


def _park(
    result: Result, record: Record, placing: OrderPlaced, rules: OrderRules
) -> None:
    result.park(
        record,
        reason="order_too_old",
        field="placed_at",
        value=placing.placed_at.isoformat(),
        sentence=f"Order {placing.number} was placed on {placing.placed_at:%Y-%m-%d}, "
        f"and orders are kept for {rules.keep.days} days (ONESHELF_ORDERS__KEEP_DAYS): "
        "it has been forgotten, or was never known. It is not followed again, so that "
        "its stock is not moved twice. Correct by hand what has to be, and dismiss "
        "this.",
    )
