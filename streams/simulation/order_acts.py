"""What customers and shop people do: in the web shop, at tills and in stock rooms.

They act on the vendors' stand-ins alone; we only hear of it. What a vendor refuses did
not happen.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streams.domain.availability import Counting, EntryScope
from streams.domain.order_names import order_number_of, unit_name
from streams.domain.reference import Location, Product
from streams.sandbox.commercetools.errors import ApiError as CommerceError
from streams.sandbox.commercetools.orders.model import Order as CommerceOrder
from streams.sandbox.newstore import ApiError, UnitState
from streams.sandbox.newstore.orders import FulfilmentRequest, Order
from streams.simulation.order_world import OrderWorld
from streams.simulation.workload import stamp

PRICE_CENTS = 1000
ROUNDS_MAX = 40
Refused = (ApiError, CommerceError)


@dataclass(slots=True)
class People:
    """Everyone but us, in one world."""

    world: OrderWorld
    locations: Sequence[Location]
    products: Sequence[Product]
    orders: int = 0
    on_the_way: list[tuple[str, str, list[tuple[str, int]]]] = field(
        default_factory=list
    )

    # The web shop

    def buy(self, rng: Random, quantity: int = 0) -> None:
        """Order online: one to three products, paid at once; so many, or a few."""
        self.orders += 1
        number = f"W{self.orders}"
        self.world.shop.draw_from(number)
        counted = self.world.shape.counting is Counting.COMMERCE
        lines: list[dict[str, Any]] = []
        for product in rng.sample(self.products, rng.randint(1, len(self.products))):
            line: dict[str, Any] = {
                "sku": product.sku,
                "quantity": quantity or rng.choice((1, 1, 1, 2, 3)),
                "price": {"currencyCode": "EUR", "centAmount": PRICE_CENTS},
            }
            has_channel = counted and self.world.shape.entries is EntryScope.CHANNEL
            if has_channel or (not counted and rng.random() < 0.5):
                place = rng.choice(self.locations)
                line["channelKey"] = place.commercetools_channel_key
            lines.append(line)
        is_shipped = bool(quantity) or rng.random() < 0.9
        with suppress(CommerceError):  # Sold out.
            order = self.world.shop.place_order(
                lines,
                order_number=number,
                mode="TrackOnly" if counted else "None",
                is_shipped=is_shipped,
                fields={"paymentInfo": self._paid(lines)},
            )
            if not self.world.orders.sources:
                self._bring(order, rng)

    def _paid(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        cents = sum(PRICE_CENTS * line["quantity"] for line in lines)
        amount = {"currencyCode": "EUR", "centAmount": cents}
        charge = {"type": "Charge", "amount": amount, "state": "Success"}
        payment = self.world.shop.create_payment(
            {"amountPlanned": amount, "transactions": [charge]}
        )
        return {"payments": [{"typeId": "payment", "id": payment.id}]}

    def _bring(self, order: CommerceOrder, rng: Random) -> None:
        """Bring an order to NewStore, where somebody else's system does so."""
        units = [
            (unit_name(line.id, index), line.sku)
            for line in order.lines
            for index in range(1, line.quantity + 1)
        ]
        names = {product.sku: product.newstore_product_id for product in self.products}
        node = rng.choice(self.locations).newstore_node_id
        body = {
            "external_id": order.key,
            "currency": "EUR",
            "placed_at": stamp(self.world.now_ms),
            "shipments": [
                {
                    "items": [
                        {
                            "product_id": names[sku],
                            "external_item_id": name,
                            "price": {"item_price": PRICE_CENTS // 100},
                        }
                        for name, sku in units
                    ],
                    "shipping_option": {
                        "service_level_identifier": "STANDARD",
                        "fulfillment_node_id": node,
                    },
                }
            ],
            "payments": [
                {
                    "processor": "card",
                    "correlation_ref": order.id,
                    "type": "captured",
                    "amount": PRICE_CENTS // 100 * len(units),
                }
            ],
        }
        self.world.store.inject(body)

    # Stock rooms

    def work(self, rng: Random) -> None:
        """Do something about one open request."""
        requests = self.world.store.open_requests()
        if requests:
            self._work_on(rng.choice(requests), rng, rng.random())

    def _work_on(self, request: FulfilmentRequest, rng: Random, mood: float) -> None:
        undone = list(request.undone)
        part = undone[: rng.randint(1, len(undone))]
        store = self.world.store
        if mood < 0.2:
            with suppress(ApiError):  # Some of it is shipped.
                store.accept(request.id)
        elif mood < 0.4:
            with suppress(ApiError):  # They are packed, or not on the shelf.
                store.ready(request.id, part)
        elif mood < 0.55:
            store.reject(request.id, part)
        else:
            self._ship(request, part, rng)

    def _ship(self, request: FulfilmentRequest, part: list[str], rng: Random) -> None:
        store = self.world.store
        code = f"T{request.id[:6]}{rng.randint(1, 3)}"
        try:
            store.ship(request.id, part, tracking_code=code)
        except ApiError:
            store.reject(request.id, part)  # The shelf is empty.

    def finish(self, rng: Random) -> bool:
        """Ship or reject all that is open; say whether there was anything."""
        requests = self.world.store.open_requests()
        for request in requests:
            if self._is_off(request) and rng.random() < 0.6:
                self.world.store.cancel(request.order_id, request.undone)
            else:
                self._ship(request, list(request.undone), rng)
        return bool(requests)

    def _is_off(self, request: FulfilmentRequest) -> bool:
        """Say whether commercetools has cancelled the order, for all to see."""
        order = self.world.store.order(request.order_id)
        held = self.world.shop.orders.find("key", order_number_of(order.external_id))
        return held is not None and held.state == "Cancelled"

    def lose(self, rng: Random) -> None:
        """Take some units off a shelf, and no book says so."""
        node, product = self._place(rng)
        there = self.world.store.stock(node, product).free
        if there > 0:
            self.world.store.lose(node, product, rng.randint(1, there))

    def receive(self, rng: Random) -> None:
        node, product = self._place(rng)
        self.world.store.receive(node, [(product, rng.randint(1, 3))])

    # Tills

    def sell(self, rng: Random) -> None:
        """Sell a unit or two over the counter."""
        node, product = self._place(rng)
        lines = [product] * rng.choice((1, 1, 2))
        with suppress(ApiError):
            self.world.store.sell(node, lines)

    def cancel(self, rng: Random) -> None:
        """Cancel an order in NewStore, or some of its units."""
        order = self._order(rng)
        if order is None:
            return
        units = self.world.store.world.units_of(order.id)
        chosen = [unit.id for unit in units if rng.random() < 0.7]
        with suppress(ApiError):
            self.world.store.cancel(order.id, chosen or None)

    def give_back(self, rng: Random) -> None:
        """Return units of an order in some store; the money follows."""
        order = self._order(rng, sold=True)
        if order is None:
            return
        units = self._sold(order)
        node, _ = self._place(rng)
        items = []
        for unit in rng.sample(units, rng.randint(1, min(2, len(units)))):
            name = {"item_id": unit.id} if rng.random() < 0.7 else {}
            condition = rng.choice((1, 1, 2))
            items.append(
                {"product_id": unit.product_id, "condition_code": condition, **name}
            )
        with suppress(ApiError):
            self.world.store.give_back(order.id, node, items)

    def exchange(self, rng: Random) -> None:
        """Take one unit back and hand another out."""
        order = self._order(rng, sold=True)
        if order is None:
            return
        node, product = self._place(rng)
        item = {"item_id": self._sold(order)[0].id, "condition_code": 1}
        if self.world.store.stock(node, product).free > 0:
            self.world.store.exchange(order.id, node, [item], [product])

    def appease(self, rng: Random) -> None:
        order = self._order(rng, sold=True)
        if order is not None:
            with suppress(ApiError):
                self.world.store.appease(order.id, "1.00")

    def _order(self, rng: Random, *, sold: bool = False) -> Order | None:
        orders = [
            order
            for order in self.world.store.world.orders.walk()
            if order.channel_type == "web" and (not sold or self._sold(order))
        ]
        return rng.choice(orders) if orders else None

    def _sold(self, order: Order) -> list[Any]:
        units = self.world.store.world.units_of(order.id)
        return [unit for unit in units if unit.state is UnitState.COMPLETED]

    def _place(self, rng: Random) -> tuple[str, str]:
        node = rng.choice(self.locations).newstore_node_id
        return node, rng.choice(self.products).newstore_product_id
