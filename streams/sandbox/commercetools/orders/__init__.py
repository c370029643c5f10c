"""Orders: what they hold, how they come about, and every update that we send."""

from streams.sandbox.commercetools.orders.bodies import ORDER_SCHEMA, order_body
from streams.sandbox.commercetools.orders.model import InventoryMode, Order, OrderLine
from streams.sandbox.commercetools.orders.purchases import purchase_draft

__all__ = [
    "ORDER_SCHEMA",
    "InventoryMode",
    "Order",
    "OrderLine",
    "order_body",
    "purchase_draft",
]
