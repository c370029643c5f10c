"""Orders made in a store: carried out at once, or sent later ("endless aisle").

Sources: ERP guides on in-store purchases and endless aisle; order lifecycle.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from streams.sandbox.newstore.config import HANDOVER
from streams.sandbox.newstore.errors import invalid
from streams.sandbox.newstore.fulfilment import Fulfilment
from streams.sandbox.newstore.journal import Fact
from streams.sandbox.newstore.money import ZERO, exact
from streams.sandbox.newstore.orders import FulfilmentRequest, ItemStatus, Order
from streams.sandbox.newstore.payloads import order_payload, request_payload
from streams.sandbox.newstore.payments import Instrument, Transaction
from streams.sandbox.newstore.units import Price, Unit, UnitState
from streams.sandbox.newstore.world import World


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One unit sold; the price includes its tax."""

    product_id: str
    price: Decimal = Decimal("10.00")
    tax: Decimal = ZERO


class Tills:
    """Sells in stores."""

    def __init__(self, world: World, fulfilment: Fulfilment) -> None:
        self._world = world
        self._fulfilment = fulfilment

    def sell(
        self,
        node_id: str,
        lines: Sequence[SaleLine],
        *,
        service_level: str = HANDOVER,
        currency: str = "GBP",
        placed_at: datetime | None = None,
        exchange: Mapping[str, str] | None = None,
    ) -> Order:
        """Make an order at a till; hand it over at once, or route it to be sent.

        An order with `placed_at` in the past is one that was made offline.
        """
        world = self._world
        world.node(node_id)
        if not lines:
            raise invalid("A sale has at least one line.")
        is_handover = service_level == HANDOVER
        if is_handover:
            wanted = Counter(line.product_id for line in lines)
            for product_id, quantity in wanted.items():
                world.stock.require_on_shelf(node_id, product_id, quantity)
        order = self._make(
            node_id, lines, service_level, currency, placed_at or world.now, exchange
        )
        self._pay(order)
        if is_handover:
            self._hand_over(order, node_id)
        else:
            self._fulfilment.begin(order)
        return world.orders.get(order.id)

    def _make(
        self,
        node_id: str,
        lines: Sequence[SaleLine],
        service_level: str,
        currency: str,
        placed_at: datetime,
        exchange: Mapping[str, str] | None,
    ) -> Order:
        world = self._world
        order_id = world.new_id()
        units = [self._unit(order_id, line, service_level, currency) for line in lines]
        grace_s = 0.0 if service_level == HANDOVER else world.config.grace_s
        return world.orders.put(
            Order(
                id=order_id,
                external_id=world.new_number(node_id),
                channel_type="store",
                channel=node_id,
                currency=currency,
                price_method="tax_included",
                placed_at=placed_at,
                created_at=world.now,
                opens_at=world.now + timedelta(seconds=grace_s),
                unit_ids=tuple(world.units.put(unit).id for unit in units),
                demand_location_id=node_id,
                is_exchange=exchange is not None,
                exchanges=() if exchange is None else (exchange,),
                details={"associate_id": "sandbox"},
            )
        )

    def _unit(
        self, order_id: str, line: SaleLine, service_level: str, currency: str
    ) -> Unit:
        self._world.require_product(line.product_id)
        price = exact("price", line.price, currency)
        tax = exact("tax", line.tax, currency)
        return Unit(
            id=self._world.new_id(),
            order_id=order_id,
            product_id=line.product_id,
            price=Price(list_price=price, price=price, tax=tax),
            service_level=service_level,
            paid=price,
        )

    def _pay(self, order: Order) -> None:
        world = self._world
        account = world.payments.open(order.id, order.currency)
        instrument = Instrument(world.new_id(), "cash", "cash")
        account.instruments.append(instrument)
        paid = sum((unit.paid for unit in world.units_of(order.id)), ZERO)
        account.transactions.append(
            Transaction(
                id=world.new_id(),
                instrument_id=instrument.id,
                correlation_id=order.id,
                reason="capture",
                amount=paid,
                created_at=world.now,
            )
        )

    def _hand_over(self, order: Order, node_id: str) -> None:
        world = self._world
        units = world.units_of(order.id)
        for name in ("created", "opened"):
            payload = order_payload(order, units, name)
            world.emit(f"order.{name}", order.id, payload)
        order = world.orders.put(replace(order, is_opened=True))
        gone = []
        for unit in units:
            done = replace(unit.moved(UnitState.COMPLETED), node_id=node_id)
            gone.append(world.units.put(done))
            world.stock.change(node_id, unit.product_id, on_hand=-1, shelf=-1)
            world.note(Fact("sold", node_id, unit.product_id, 1, order.id, unit.id))
        if world.config.handover_events:
            self._tell_of_handover(order, node_id, gone)
        self._fulfilment.close(order.id)

    def _tell_of_handover(
        self, order: Order, node_id: str, units: Sequence[Unit]
    ) -> None:
        """Emit the fulfilment events that "exist for in-store handover too"."""
        world = self._world
        request = world.orders.put_request(
            FulfilmentRequest(
                id=world.new_id(),
                order_id=order.id,
                node_id=node_id,
                service_level=HANDOVER,
                created_at=world.now,
                items={unit.id: ItemStatus.SHIPPED for unit in units},
            )
        )
        for unit in units:
            world.units.put(replace(unit, request_id=request.id))
        for name in ("assigned", "items_completed"):
            stamp = world.next_logical_timestamp()
            payload = request_payload(request, units, stamp)
            world.emit(f"fulfillment_request.{name}", request.id, payload)
