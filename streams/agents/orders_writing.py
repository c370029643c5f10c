"""What the orders stage writes and sends for an order that has moved on."""

from datetime import datetime

from streams.agents.expiries import expiry_key, milliseconds
from streams.domain.order_record import Order
from streams.domain.orders import Effects
from streams.engine.fold import Output, Record, Result
from streams.engine.headers import cause_of
from streams.mapping.order_messages import REQUESTS
from streams.mapping.orders_state import encode_order, order_key, timer_key
from streams.mapping.stock import encode_movement
from streams.tables import ORDER_EXPIRIES, ORDER_TIMERS, ORDERS
from streams.topics import RESERVATION_REQUESTS, STOCK_MOVEMENTS


def write_order(result: Result, before: Order, order: Order, now: datetime) -> None:
    """Write the row, and set the timer anew where the order asks for another time."""
    if not order.expires:
        order = order._replace(expires=True)
        key = expiry_key(milliseconds(now), order_key(order.number))
        result.put(ORDER_EXPIRIES, key, b"")
    result.put(ORDERS, order_key(order.number), encode_order(order))
    if before.wake_at == order.wake_at:
        return
    if before.wake_at is not None:
        result.put(ORDER_TIMERS, timer_key(before.wake_at, order.number), None)
    if order.wake_at is not None:
        result.put(ORDER_TIMERS, timer_key(order.wake_at, order.number), b"")


def send_effects(result: Result, effects: Effects, cause: Record | None) -> None:
    """Send what the order has the ledger do, or asks of it."""
    origin = "" if cause is None else cause_of(cause)
    for movement in effects.movements:
        value = encode_movement(movement._replace(origin=origin))
        result.send(STOCK_MOVEMENTS, Output(movement.sku.encode(), value, cause))
    for request in effects.requests:
        value = REQUESTS.encode(request)
        result.send(RESERVATION_REQUESTS, Output(request.sku.encode(), value, cause))
    if effects.movements:
        result.count("movements", len(effects.movements))
    if effects.requests:
        result.count("requests", len(effects.requests))
