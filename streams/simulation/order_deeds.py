"""What people do in a day of orders: also what seldom happens, or never should.

As everywhere in `order_acts`, they act on the vendors' stand-ins alone, and only on
what these know: so the same acts are possible however late we hear of them.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from random import Random

from streams.domain.order_names import order_number_of
from streams.sandbox.commercetools.errors import ApiError as CommerceError
from streams.sandbox.commercetools.orders.model import Order as CommerceOrder
from streams.sandbox.newstore import ApiError, UnitState
from streams.sandbox.newstore.orders import Order
from streams.simulation.order_acts import People
from streams.simulation.order_world import OWN_STATE

Deed = Callable[[People, Random], None]

PRICE = Decimal("10.00")
UNKNOWN_NUMBER = "X404"
"""An order number that no shop of ours ever gave."""


# The web shop


def cancel_online(people: People, rng: Random) -> None:
    """Cancel an order in commercetools; sometimes somebody tells NewStore, too."""
    orders = _online(people)
    if orders:
        _cancel(people, rng.choice(orders), rng)


def regret(people: People, rng: Random) -> None:
    """Cancel the latest order, which may still be looking for its place."""
    orders = _online(people)
    if orders:
        _cancel(people, orders[-1], rng)


def _online(people: People) -> list[CommerceOrder]:
    orders = people.world.shop.orders.walk()
    return [order for order in orders if order.state != "Cancelled"]


def _cancel(people: People, order: CommerceOrder, rng: Random) -> None:
    change(people, order, {"action": "changeOrderState", "orderState": "Cancelled"})
    if rng.random() < 0.4:
        with suppress(ApiError):  # It has none, or none that is open.
            people.world.store.cancel(order.key or "")


def change(people: People, order: CommerceOrder, action: Mapping[str, object]) -> None:
    """Let a person change an order of commercetools, as it is now."""
    body = {"version": order.version, "actions": [action]}
    with suppress(CommerceError):
        people.world.shop.update_order("id", order.id, body)


def edit_online(people: People, rng: Random) -> None:
    """Note in commercetools what a carrier or a bank has said."""
    orders = list(people.world.shop.orders.walk())
    if not orders:
        return
    action = rng.choice(
        (
            {"action": "changePaymentState", "paymentState": "Paid"},
            {"action": "changeShipmentState", "shipmentState": "Delivered"},
        )
    )
    change(people, rng.choice(orders), action)


def set_apart(people: People, rng: Random) -> None:
    """Take units of a line into a state of the project's own, out of our hands."""
    orders = list(people.world.shop.orders.walk())
    if not orders or not people.world.orders.sources:
        return  # Which units can be taken depends on what we have told.
    order = rng.choice(orders)
    line = rng.choice(order.lines)
    state_id, _ = rng.choice(line.states)
    action = {
        "action": "transitionLineItemState",
        "lineItemId": line.id,
        "quantity": 1,
        "fromState": {"typeId": "state", "id": state_id},
        "toState": {"typeId": "state", "key": OWN_STATE},
    }
    change(people, order, action)


# Service desks


def give_back_by_number(people: People, rng: Random) -> None:
    """Return something that was sold by the number on a slip of paper alone."""
    orders = [order for order in _all(people) if _left(people, order)]
    if orders:
        order = rng.choice(orders)
        product = rng.choice(_left(people, order))
        _blind(people, rng, [product], order)


def give_back_again(people: People, rng: Random) -> None:
    """Return what came back already, or what the order never had."""
    orders = [order for order in _all(people) if _came_back(people, order)]
    if not orders:
        return
    order = rng.choice(orders)
    product = rng.choice(_came_back(people, order))
    if rng.random() < 0.2:
        product = rng.choice(people.products).newstore_product_id
    _blind(people, rng, [product] * rng.choice((1, 1, 2)), order)


def give_back_gift(people: People, rng: Random) -> None:
    """Return a present: nobody knows which order it was, or knows a wrong one."""
    product = rng.choice(people.products).newstore_product_id
    number = UNKNOWN_NUMBER if rng.random() < 0.3 else None
    _blind(people, rng, [product], number)


def give_back_sold(people: People, rng: Random) -> None:
    """Return what was carried out of a store, in any store."""
    orders = [
        order
        for order in _all(people)
        if order.channel_type == "store" and _left(people, order)
    ]
    if not orders:
        return
    order, node = rng.choice(orders), rng.choice(people.locations).newstore_node_id
    item = {
        "product_id": rng.choice(_left(people, order)),
        "condition_code": rng.choice((1, 1, 2)),
    }
    with suppress(ApiError):
        people.world.store.give_back(order.id, node, [item])


def _blind(
    people: People, rng: Random, products: list[str], sold: Order | str | None
) -> None:
    node = rng.choice(people.locations).newstore_node_id
    items = [(product, rng.choice((1, 1, 2)), PRICE) for product in products]
    number = order_number_of(sold.external_id) if isinstance(sold, Order) else sold
    currency = sold.currency if isinstance(sold, Order) else "EUR"
    people.world.store.give_back_blind(
        node, items, currency=currency, external_order_id=number
    )


def _all(people: People) -> list[Order]:
    return people.world.store.world.orders.walk()


def _left(people: People, order: Order) -> list[str]:
    return _products(people, order, UnitState.COMPLETED)


def _came_back(people: People, order: Order) -> list[str]:
    return _products(people, order, UnitState.RETURNED)


def _products(people: People, order: Order, state: UnitState) -> list[str]:
    units = people.world.store.world.units_of(order.id)
    return [unit.product_id for unit in units if unit.state is state]


# Stock rooms


def send_over(people: People, rng: Random) -> None:
    """Send some units to another store."""
    product = rng.choice(people.products).newstore_product_id
    origin, destination = rng.sample(people.locations, 2)
    store = people.world.store
    free = store.stock(origin.newstore_node_id, product).free
    if free > 0:
        lines = [(product, rng.randint(1, free))]
        asn_id = store.transfer(
            origin.newstore_node_id, destination.newstore_node_id, lines
        )
        people.on_the_way.append((asn_id, destination.newstore_node_id, lines))


def take_in(people: People, rng: Random) -> None:
    """Receive what another store has sent; sometimes a unit more or less."""
    if not people.on_the_way:
        return
    place = rng.randrange(len(people.on_the_way))
    asn_id, node, lines = people.on_the_way.pop(place)
    arrived = [
        (product, max(1, n + rng.choice((0, 0, 0, -1, 1)))) for product, n in lines
    ]
    people.world.store.receive(node, arrived, asn_id=asn_id)


def count(people: People, rng: Random) -> None:
    """Count a product where web orders draw from, as it lies on the shelf."""
    node = rng.choice(people.locations).newstore_node_id
    product = rng.choice(people.products).newstore_product_id
    people.world.store.count(node, {product: None})


def write_off(people: People, rng: Random) -> None:
    """Set a unit aside as damaged, throw it away, or find one."""
    node = rng.choice(people.locations).newstore_node_id
    product = rng.choice(people.products).newstore_product_id
    store, kind = people.world.store, rng.random()
    if kind < 0.3:
        store.adjust(node, product, 1)
        return
    with suppress(ApiError):  # The shelf is empty.
        if kind < 0.6:
            store.adjust(node, product, -1)
        else:
            store.damage(node, product, 1)


DEEDS: tuple[tuple[Deed, int], ...] = (
    (People.buy, 6),
    (People.work, 16),
    (People.sell, 3),
    (People.give_back, 4),
    (People.cancel, 1),
    (People.lose, 1),
    (People.receive, 1),
    (People.exchange, 1),
    (People.appease, 1),
    (cancel_online, 1),
    (edit_online, 1),
    (set_apart, 1),
    (give_back_by_number, 1),
    (give_back_again, 1),
    (give_back_gift, 1),
    (give_back_sold, 1),
    (send_over, 1),
    (take_in, 1),
    (count, 1),
    (write_off, 1),
)
"""Everything that people do, and its weight in a day."""
