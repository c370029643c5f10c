"""The orders stage: one row for each order; notes, answers and timers in, effects out.

A shell: it loads, asks `domain.orders.advance`, and hands back one result. What is owed
to the vendors stands in the row; `streams.delivery` carries it.
"""

from collections.abc import Mapping
from dataclasses import replace

from streams.agents.orders_cases import tell_cases
from streams.agents.orders_forgetting import Forgetting, without_bygone
from streams.agents.orders_inbox import Heard, read_heard
from streams.agents.orders_timers import Timers, clear
from streams.agents.orders_writing import send_effects, write_order
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.orders import advance
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Context, Result, View
from streams.mapping.orders_state import decode_order, order_key
from streams.tables import ORDER_EXPIRIES, ORDER_TIMERS, ORDERS
from streams.topics import (
    EXCEPTION_COMMANDS,
    ORDER_ANSWERS,
    ORDER_FACTS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    STOCK_MOVEMENTS,
)

TICK_INTERVAL_S = 0.05
"""A window closes at most this long after its time, and one commit."""


class OrdersStage:
    """Keeps one partition's orders. Counts: in = applied + repeated + parked."""

    name = "orders"
    sources = (ORDER_FACTS, ORDER_ANSWERS, RESERVATION_ANSWERS)
    tables = (ORDERS, ORDER_TIMERS, ORDER_EXPIRIES)
    outputs = (STOCK_MOVEMENTS, RESERVATION_REQUESTS, EXCEPTION_COMMANDS)
    tick_interval_s: float | None = TICK_INTERVAL_S

    def __init__(self, rules: OrderRules) -> None:
        self._rules = rules
        self._version = -1
        self._timers = Timers()
        self._forgetting = Forgetting(rules.keep)

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Let each order of a batch hear what is said of it, all at once."""
        result = Result()
        heard = read_heard(batch, result)
        self._move(view, heard, context, result)
        return result

    def tick(self, view: View, context: Context) -> Result | None:
        """Wake the orders whose time has come; forget those that are long over."""
        now = context.now
        due, kept = self._timers.due(view, now), self._forgetting.due(view, now)
        if not due and not kept:
            return None
        result = Result()
        if due:
            self._move(view, dict.fromkeys(due, Heard()), context, result)
            result.count("woken", len(due))
        clear(due, now, result)
        self._forgetting.forget(view, kept, now, self._rules, result)
        return result

    def _move(
        self, view: View, heard: Mapping[str, Heard], context: Context, result: Result
    ) -> None:
        rules, now = self._rules_by(context.reference), context.now
        rows = view.get(ORDERS, [order_key(number) for number in heard])
        for number, said in heard.items():
            row = rows.get(order_key(number))
            order = Order(number=number) if row is None else decode_order(row)
            said = without_bygone(order, said, now, rules, result)
            moved, effects = advance(order, said.inputs, now, rules, said.told_at)
            is_new = moved is not order
            if said.records:
                result.count("applied" if is_new else "repeated", len(said.records))
            if is_new or not (row is None or order.expires):
                write_order(result, order, moved, now)
            cause = said.records[-1] if said.records else None
            send_effects(result, effects, cause)
            tell_cases(result, effects, cause, now)

    def _rules_by(self, reference: Reference) -> OrderRules:
        """Return the rules with the places as they are known now."""
        if reference.version != self._version:
            self._version = reference.version
            places = {
                location.commercetools_channel_key: location.location_id
                for location in reference.locations.values()
                if location.commercetools_channel_key
            }
            self._rules = replace(self._rules, places=places)
        return self._rules
