"""The world of orders at rest, read once for all checkers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from streams.domain.commerce_orders import SeenOrder
from streams.domain.order_audit import UnitsBySku
from streams.domain.order_record import Order
from streams.mapping.commerce_order_wire import OrderWire
from streams.mapping.commerce_orders import LINE_TYPE_KEY, seen_of
from streams.mapping.orders_state import decode_order
from streams.sandbox.commercetools.orders import order_body
from streams.sandbox.commercetools.orders.model import Order as CommerceOrder
from streams.simulation.order_world import OrderWorld
from streams.simulation.snapshot import Snapshot, take_snapshot
from streams.simulation.truth import Truth
from streams.tables import ORDERS, UNITS
from streams.verify_orders import units_by_name


@dataclass(slots=True)
class OrderSnapshot(Snapshot):
    """The world at rest, with its orders.

    Attributes:
        opening: Units that each store had to begin with, by node and product.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    units: UnitsBySku = field(default_factory=dict)
    opening: Mapping[tuple[str, str], int] = field(default_factory=dict)
    at: OrderWorld = field(kw_only=True)

    def seen(self, order: Order) -> SeenOrder | None:
        """Return the order as commercetools has it."""
        commerce = order.commerce
        held = self.commerce_order("" if commerce is None else commerce.commerce_id)
        if held is None:
            return None
        shop = self.at.shop
        wire = msgspec.convert(
            msgspec.json.decode(msgspec.json.encode(order_body(held))), OrderWire
        )
        keys = {state.id: state.key or "" for state in shop.states.walk()}
        kind = shop.types.find("key", LINE_TYPE_KEY)
        return seen_of(wire, keys, "" if kind is None else kind.id)

    def commerce_order(self, commerce_id: str) -> CommerceOrder | None:
        return self.at.shop.orders.find("id", commerce_id)


def take_orders(
    world: OrderWorld, opening: Mapping[tuple[str, str], int]
) -> OrderSnapshot:
    """Read everything once for all checkers."""
    base = take_snapshot(world, Truth())
    snap = OrderSnapshot(
        world,
        base.truth,
        base.rows,
        base.journal,
        base.levels,
        base.parked,
        base.counts,
        opening=opening,
        at=world,
    )
    for _, key, value in snap.table(ORDERS):
        snap.orders[key.decode()] = decode_order(value)
    snap.units = units_by_name({key: value for _, key, value in snap.table(UNITS)})
    return snap


Checker = Callable[[OrderSnapshot], Iterator[str]]
