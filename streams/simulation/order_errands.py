"""Production's couriers for orders, one set for each worker's process, in virtual time.

Put together as `streams.order_wiring` does, with two differences: chance comes from the
seed, and requests go over a simulated line.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TypeVar

from pydantic import SecretStr

from streams.connectors.commerce_orders import OrderClient, ProjectIds
from streams.connectors.newstore import NewStoreClient
from streams.connectors.order_updates import OrderCounters, OrderUpdater
from streams.connectors.pacing import Lane, Pace, Urgency
from streams.connectors.placed_orders import OrderReads
from streams.connectors.session import Token, VendorSession
from streams.connectors.source_orders import SourceOrders
from streams.delivery.commerce_orders import CommerceOrders, commerce_due
from streams.delivery.courier import Carry, Courier
from streams.delivery.due import DueRows
from streams.delivery.order_reader import OrderReader, read_due
from streams.delivery.sourcing import SourcingCarrier, sourcing_due
from streams.delivery.stock_checks import CheckDesk, Claims
from streams.domain.reference import Reference
from streams.mapping.stores import StoreOptions, atp_key_of
from streams.settings import CommercetoolsSettings, NewStoreSettings
from streams.simulation.vendors import Line
from streams.simulation.virtual import VirtualLoop
from streams.tables import ORDER_LINKS, ORDERS
from streams.topics import ORDER_ANSWERS, ORDER_NEWS, Topic

PACE_PER_S = 500.0
DEADLINE_S = 0.8
WRITE_S_MAX = 0.05
"""An answer takes this long at most to be durable in the log."""

COMMERCE = CommercetoolsSettings(
    api_url="http://commerce.invalid",
    auth_url="http://commerce.invalid",
    project_key="oneshelf",
    client_id="sandbox-client",
    client_secret=SecretStr("sandbox-secret"),
    orders=True,
)
NEWSTORE = NewStoreSettings(
    api_url="http://newstore.invalid",
    auth_url="http://newstore.invalid",
    client_id="sandbox-client",
    client_secret=SecretStr("sandbox-secret"),
    shop="simulated",
)

Append = Callable[[Topic, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker's couriers are made of; a planted bug replaces some of it."""

    updater: type[OrderUpdater] = OrderUpdater
    orders: type[OrderClient] = OrderClient
    newstore: type[NewStoreClient] = NewStoreClient


S = TypeVar("S", bound=VendorSession)


@dataclass(slots=True)
class Lines:
    """The ways to both vendors, and the tokens for them."""

    commerce: Line
    newstore: Line
    commerce_token: str
    newstore_token: str

    def to_commerce(self, session: S) -> S:
        return session.divert(self.commerce.exchange, _always(self.commerce_token))

    def to_newstore(self, session: S) -> S:
        return session.divert(self.newstore.exchange, _always(self.newstore_token))


def _always(token: str) -> Token:
    async def take(*, rejected: str = "") -> str:
        return token

    return take


@dataclass(slots=True)
class OrderErrands:
    """What a worker's process carries to the vendors for orders; dies with it."""

    loop: VirtualLoop
    lines: Lines
    append: Append
    clock: Callable[[], datetime]
    rng: Random
    reference: Reference
    parts: Parts = field(default_factory=Parts)
    sources: bool = True
    by_stage: dict[str, list[DueRows]] = field(default_factory=dict)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _desk: CheckDesk | None = None

    def start(self) -> None:
        """Run every courier until the process dies."""
        pace = self._pace()
        updates, reading = pace.lane(Urgency.ORDERS), pace.lane(Urgency.READS)
        orders = self.lines.to_commerce(self.parts.orders(COMMERCE))
        updater = self.parts.updater(orders, ProjectIds(orders), OrderCounters())
        carry = CommerceOrders(updater, self.clock)
        self._courier(
            "orders", DueRows(ORDERS, commerce_due, monotonic=self.now), carry, updates
        )
        reads = OrderReader(OrderReads(self.lines.to_commerce(OrderClient(COMMERCE))))
        self._courier(
            "linking",
            DueRows(ORDER_LINKS, read_due, monotonic=self.now),
            reads,
            reading,
            topic=ORDER_NEWS,
        )
        if self.sources:
            self._source(updates)

    def _source(self, reading: Lane) -> None:
        client = self.lines.to_newstore(self.parts.newstore(NEWSTORE))
        session = self.lines.to_commerce(OrderClient(COMMERCE))
        claims = Claims(self.now)
        lane = self._pace().lane(Urgency.ORDERS)
        self._desk = CheckDesk(
            client,
            lane,
            lambda need: atp_key_of(need, self.reference),
            claims,
            deadline_s=DEADLINE_S,
            monotonic=self.now,
        )
        carrier = SourcingCarrier(
            self._desk,
            claims,
            client,
            lane,
            SourceOrders(session, reading).read,
            self.reference,
            options=StoreOptions(shop=NEWSTORE.shop),
            clock=self.clock,
        )
        rows = DueRows(ORDERS, sourcing_due, monotonic=self.now)
        self._courier("orders", rows, carrier, lane)

    def _courier(
        self,
        stage: str,
        rows: DueRows,
        carry: Carry,
        lane: Lane,
        *,
        topic: Topic = ORDER_ANSWERS,
    ) -> None:
        async def report(key: bytes, value: bytes) -> None:
            # The process may die before its record is in the log, or just after.
            await asyncio.sleep(self.rng.uniform(0, WRITE_S_MAX))
            self.append(topic, key, value)
            await asyncio.sleep(self.rng.uniform(0, WRITE_S_MAX))

        courier = Courier(rows, carry, lane, report, rng=self.rng)
        self.by_stage.setdefault(stage, []).append(rows)
        task = self.loop.create_task(courier.run())
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.loop.failures.append(error)

    def _pace(self) -> Pace:
        return Pace(concurrency_max=8, requests_per_second=PACE_PER_S, rng=self.rng)

    def now(self) -> float:
        return self.loop.time()

    @property
    def is_busy(self) -> bool:
        """Say whether something is owed that may go on by itself."""
        return any(len(rows) for stage in self.by_stage.values() for rows in stage)

    def die(self) -> None:
        """End at once; what is under way at a vendor goes on there."""
        for task in self._tasks:
            task.cancel()
        if self._desk is not None:
            closing = self.loop.create_task(self._desk.aclose())
            self._tasks.append(closing)
