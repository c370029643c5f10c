"""The stand-in tenant without HTTP: what NewStore's people and systems do, by name.

One thread at a time: the server runs it on its event loop (`SandboxServer.call`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from streams.sandbox.newstore.clock import Clock, utc_now
from streams.sandbox.newstore.config import HANDOVER, Node, NodeKind, SandboxConfig
from streams.sandbox.newstore.drafts import ReturnDraft, convert
from streams.sandbox.newstore.errors import invalid, not_allowed
from streams.sandbox.newstore.faults import FaultBook
from streams.sandbox.newstore.fulfilment import Fulfilment
from streams.sandbox.newstore.injection import Injection
from streams.sandbox.newstore.integrations import (
    Integration,
    IntegrationDraft,
    new_integration,
)
from streams.sandbox.newstore.limits import RateLimit
from streams.sandbox.newstore.orders import FulfilmentRequest, Order, Parcel
from streams.sandbox.newstore.refunds import Refunds
from streams.sandbox.newstore.requests import Requests
from streams.sandbox.newstore.returns import Return, Returns
from streams.sandbox.newstore.stock import StockRow
from streams.sandbox.newstore.stockroom import Lines, Stockroom
from streams.sandbox.newstore.stream import Delivery, Event
from streams.sandbox.newstore.tills import SaleLine, Tills
from streams.sandbox.newstore.tokens import TokenOffice
from streams.sandbox.newstore.units import Unit
from streams.sandbox.newstore.wire import encode
from streams.sandbox.newstore.world import World


class Sandbox:
    """A NewStore tenant in memory.

    Every draw of chance comes from the seed, every time from the clock: the same acts
    have the same outcome. What is refused raises `ApiError`, and nothing has changed.
    """

    def __init__(
        self, config: SandboxConfig | None = None, clock: Clock = utc_now
    ) -> None:
        self.config = config or SandboxConfig()
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Begin anew: no orders, stock, tokens, faults, registrations or memory."""
        # One stream of chance each, so that a fault does not change the ids.
        tokens, faults = (
            Random(f"{self.config.seed}/{name}") for name in ("tokens", "faults")
        )
        now = self.clock()
        self.world = World(self.config, now)
        self.tokens = TokenOffice(self.config, tokens)
        self.faults = FaultBook(faults)
        self.rate_limit = RateLimit(
            self.config.requests_per_second, self.config.requests_burst, now
        )
        self.responses: Counter[int] = Counter()
        self.fulfilment = Fulfilment(self.world)
        self.requests = Requests(self.world, self.fulfilment)
        self.injection = Injection(self.world, self.fulfilment)
        self.tills = Tills(self.world, self.fulfilment)
        self.refunds = Refunds(self.world)
        self.returns = Returns(self.world, self.refunds)
        self.stockroom = Stockroom(self.world)

    # Time and events

    def settle(self) -> None:
        """Do what has come due: orders open, reservations end, refunds are booked."""
        self.world.advance(self.clock())
        self.fulfilment.pass_time()
        self.refunds.book_due()
        self.world.stream.expire(self.world.now)

    @property
    def next_due_at(self) -> datetime | None:
        """Return when something will happen by itself, a delivery included."""
        dues = (
            self.fulfilment.next_due_at,
            self.world.payments.next_due_at,
            self.world.stream.next_due_at,
        )
        return min((due for due in dues if due is not None), default=None)

    @property
    def events(self) -> Sequence[Event]:
        """Return the events published so far, in the order of publishing."""
        return self.world.stream.events

    def register(
        self,
        integration_id: str,
        callback_url: str = "http://sandbox.invalid/",
        **more: Any,
    ) -> Integration:
        """Register for events; `more` as the API's body has it (`starts_at`, …)."""
        callback = {"callback_url": callback_url, "api_key": more.pop("api_key", None)}
        body = {"id": integration_id, "callback_parameters": callback, **more}
        return self.enlist(convert(body, IntegrationDraft))

    def enlist(self, draft: IntegrationDraft) -> Integration:
        """Register for events from a body; a temporary one is sent the past, too."""
        self.settle()
        stream = self.world.stream
        integration = stream.integrations.add(new_integration(draft))
        if integration.starts_at is not None:
            stream.replay(integration, self.world.now)
        return integration

    def take_deliveries(self, limit: int | None = None) -> list[Delivery]:
        """Return the deliveries that are due; say of each how it was `answered`."""
        self.settle()
        return self.world.stream.due(self.world.now, limit)

    def answered(self, delivery: Delivery, status: int | None) -> None:
        """Say how a delivery was answered; None where no answer came."""
        self.settle()
        self.world.stream.answered(delivery, status, self.world.now)

    # Stock

    def add_node(self, node_id: str, kind: str = "store") -> Node:
        """Add a node at the end of the routing order."""
        if kind not in set(NodeKind):
            raise invalid(f"A node is a store or a dc, not '{kind}'.")
        node = Node(node_id, NodeKind(kind))
        self.world.nodes[node_id] = node
        return node

    def set_stock(
        self, node_id: str, product_id: str, on_hand: int, *, safety: int | None = None
    ) -> None:
        """Put a figure into the book and as many units on the shelf; no event."""
        self.settle()
        self.stockroom.set_stock(node_id, product_id, on_hand, safety)

    def stock(self, node_id: str, product_id: str) -> StockRow:
        """Return what there is of a product at a node."""
        return self.world.stock.row(node_id, product_id)

    def lose(self, node_id: str, product_id: str, quantity: int = 1) -> None:
        """Take units off the shelf without the book noticing (theft, a wrong place)."""
        self.settle()
        self.stockroom.shift_shelf(node_id, product_id, -quantity)

    def turn_up(self, node_id: str, product_id: str, quantity: int = 1) -> None:
        """Put units on the shelf without the book noticing."""
        self.settle()
        self.stockroom.shift_shelf(node_id, product_id, quantity)

    def receive(self, node_id: str, lines: Lines, **more: Any) -> str:
        """Take goods in; `more`: `asn_id`, `order_ref`, `chunk_size`."""
        self.settle()
        return self.stockroom.receive(node_id, lines, **more)

    def transfer(self, origin: str, destination: str, lines: Lines) -> str:
        """Send goods to another node; return the shipment notice's id."""
        self.settle()
        return self.stockroom.transfer(origin, destination, lines)

    def count(self, node_id: str, counts: Mapping[str, int | None]) -> str:
        """Count products at a node; None counts what is on the shelf."""
        self.settle()
        return self.stockroom.count(node_id, counts)

    def adjust(self, node_id: str, product_id: str, quantity: int) -> str:
        """Find units (positive) or write some off (negative)."""
        self.settle()
        return self.stockroom.adjust(node_id, product_id, quantity)

    def damage(self, node_id: str, product_id: str, quantity: int = 1) -> str:
        """Set damaged units aside."""
        self.settle()
        return self.stockroom.damage(node_id, product_id, quantity)

    # Orders

    def inject(self, body: Mapping[str, Any] | bytes) -> Order:
        """Inject an order as `POST /v0/d/fulfill_order` does."""
        self.settle()
        return self.injection.inject(body if isinstance(body, bytes) else encode(body))

    def sell(self, node_id: str, lines: Sequence[SaleLine | str], **more: Any) -> Order:
        """Sell in a store; a text is a product at 10.00.

        Carried out at once, unless `more` has another `service_level`; also
        `currency`, `placed_at` (an offline sale), `exchange`.
        """
        self.settle()
        sold = [SaleLine(line) if isinstance(line, str) else line for line in lines]
        return self.tills.sell(node_id, sold, **{"service_level": HANDOVER} | more)

    def order(self, name: str) -> Order:
        """Return an order by its uuid or its external id."""
        return self.world.orders.find(name) or self.world.orders.get(name)

    def units(self, name: str) -> list[Unit]:
        """Return an order's units."""
        return self.world.units_of(self.order(name).id)

    def requests_of(self, name: str) -> list[FulfilmentRequest]:
        """Return an order's fulfilment requests, the earliest first."""
        return self.world.orders.requests_of(self.order(name).id)

    def open_requests(self, node_id: str | None = None) -> list[FulfilmentRequest]:
        """Return the requests that nodes still have to do something about."""
        found = self.world.orders.undone()
        return [each for each in found if node_id in (None, each.node_id)]

    def cancel(
        self,
        name: str,
        unit_ids: Iterable[str] | None = None,
        reason: str = "customer_request",
    ) -> Order:
        """Cancel units of an order, all open ones by default."""
        self.settle()
        order = self.order(name)
        if unit_ids is None:
            unit_ids = [unit.id for unit in self.fulfilment.open_units(order.id)]
        ids = list(unit_ids)
        if not ids or not set(ids) <= set(order.unit_ids):
            raise not_allowed("order_not_cancelable", "There is no such open item.")
        self.fulfilment.cancel(order.id, ids, reason)
        return self.order(order.id)

    def reroute(self, unit_ids: Iterable[str], node_id: str) -> list[FulfilmentRequest]:
        """Send units that are on hold to a node, as a person does in NOM."""
        self.settle()
        self.world.node(node_id)
        units = [self.world.units.get(unit_id) for unit_id in unit_ids]
        made = []
        for order_id in dict.fromkeys(unit.order_id for unit in units):
            mine = [unit for unit in units if unit.order_id == order_id]
            chosen = {unit.id: node_id for unit in mine}
            order = self.world.orders.get(order_id)
            made += self.fulfilment.assign(order, mine, chosen)
        return made

    # Requests

    def accept(self, request_id: str) -> FulfilmentRequest:
        """Accept a fulfilment request."""
        self.settle()
        return self.requests.accept(request_id)

    def reject(
        self,
        request_id: str,
        unit_ids: Sequence[str] | None = None,
        reason: str = "no_inventory",
    ) -> FulfilmentRequest:
        """Refuse a request or some of its units; with `reroutes` they move on."""
        self.settle()
        return self.requests.reject(request_id, unit_ids, reason)

    def ready(self, request_id: str, unit_ids: Sequence[str] | None = None) -> None:
        """Note units as picked and packed."""
        self.settle()
        self.requests.ready(request_id, unit_ids)

    def ship(
        self,
        request_id: str,
        unit_ids: Sequence[str] | None = None,
        *,
        carrier: str = "DHL",
        tracking_code: str = "",
    ) -> Parcel:
        """Ship units of a request, all that are undone by default."""
        self.settle()
        return self.requests.ship(
            request_id, unit_ids, carrier=carrier, tracking_code=tracking_code
        )

    # Returns

    def give_back(
        self, name: str, node_id: str, items: Sequence[Mapping[str, Any]], **more: Any
    ) -> Return:
        """Return units of an order at any node; items as the returns API has them."""
        self.settle()
        body = {"returned_from": node_id, "items": list(items), **more}
        return self.returns.give_back(self.order(name).id, convert(body, ReturnDraft))

    def give_back_blind(
        self, node_id: str, items: Sequence[tuple[str, int, Decimal]], **more: Any
    ) -> Return:
        """Return units nobody knows the order of: (product, condition code, amount)."""
        self.settle()
        return self.returns.give_back_blind(node_id, items, **more)

    def exchange(
        self,
        name: str,
        node_id: str,
        items: Sequence[Mapping[str, Any]],
        lines: Sequence[SaleLine | str],
    ) -> tuple[Return, Order]:
        """Take units back and hand others out: a return and an order that names it."""
        made = self.give_back(name, node_id, items)
        origin = {"order_id": self.order(name).id, "return_id": made.id}
        return made, self.sell(node_id, lines, exchange=origin)

    def appease(
        self, name: str, amount: Decimal | str, reason: str = "appeasement"
    ) -> str:
        """Give money back without goods; return the refund request's id."""
        self.settle()
        return self.refunds.appease(self.order(name).id, Decimal(amount), reason)
