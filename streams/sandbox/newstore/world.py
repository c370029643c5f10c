"""What all parts of the sandbox share: time, ids, the books, and publishing events."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random
from uuid import UUID

from streams.sandbox.newstore.config import Node, SandboxConfig
from streams.sandbox.newstore.errors import invalid, not_found
from streams.sandbox.newstore.journal import Fact, Journal
from streams.sandbox.newstore.orders import Orders
from streams.sandbox.newstore.payments import Payments
from streams.sandbox.newstore.stock import StockBook
from streams.sandbox.newstore.stream import Event, EventStream
from streams.sandbox.newstore.units import Unit, Units
from streams.sandbox.newstore.wire import encode, moment


@dataclass(slots=True)
class Now:
    """The time of the request being answered; it never runs backwards."""

    value: datetime


class World:
    """One tenant's data."""

    def __init__(self, config: SandboxConfig, now: datetime) -> None:
        ids, stream = (Random(f"{config.seed}/{name}") for name in ("ids", "stream"))
        self.config = config
        self.reroutes = config.reroutes
        self._ids = ids
        self._now = Now(now)
        self._logical_timestamp = 0
        self._numbers: dict[str, int] = {}
        self._events = 0
        self.nodes: dict[str, Node] = {node.node_id: node for node in config.nodes}
        self.stock = StockBook()
        self.orders = Orders()
        self.units = Units()
        self.payments = Payments()
        self.journal = Journal(config.log_records_max)
        self.stream = EventStream(
            config.stream,
            stream,
            self.journal.attempts,
            events_max=config.events_max,
        )

    @property
    def now(self) -> datetime:
        """Return the present."""
        return self._now.value

    def advance(self, now: datetime) -> None:
        """Move the present on."""
        self._now.value = max(self._now.value, now)

    @contextmanager
    def ids_named(self, name: str) -> Iterator[None]:
        """Draw ids by what they are for, not by what was made before."""
        before = self._ids
        self._ids = Random(f"{self.config.seed}/ids/{name}")
        try:
            yield
        finally:
            self._ids = before

    def new_id(self) -> str:
        """Return an id drawn from the seed."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def new_number(self, prefix: str) -> str:
        """Return a readable number, counted for each prefix."""
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}{self._numbers[prefix]:08d}"

    def next_logical_timestamp(self) -> int:
        """Return a number that only grows, for the whole tenant (Import API)."""
        self._logical_timestamp += 1
        return self._logical_timestamp

    def node(self, node_id: str) -> Node:
        """Return a node."""
        found = self.nodes.get(node_id)
        if found is None:
            raise not_found("Fulfillment node", node_id)
        return found

    def require_product(self, product_id: str) -> None:
        """Refuse a product that is not in the catalogue."""
        products = self.config.products
        if products is not None and product_id not in products:
            raise invalid(f"Product '{product_id}' is not in the catalog.")

    def units_of(self, order_id: str) -> list[Unit]:
        """Return an order's units in its order."""
        return [self.units.get(unit) for unit in self.orders.get(order_id).unit_ids]

    def emit(self, name: str, entity_id: str, payload: Mapping[str, object]) -> None:
        """Publish an event in its envelope (Event Stream webhooks)."""
        self._events += 1
        envelope = {
            "tenant": self.config.tenant,
            "name": name,
            "published_at": moment(self.now),
            "payload": payload,
        }
        self.stream.publish(
            Event(self._events, name, entity_id, self.now, encode(envelope))
        )

    def note(self, fact: Fact) -> None:
        """Put a fact into the journal."""
        self.journal.facts.add(self.now, fact)
