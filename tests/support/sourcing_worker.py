"""A worker's sourcing in memory: orders stage, ledger, courier, and NewStore."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from streams.agents.orders import OrdersStage
from streams.connectors.errors import Duplicate, Refused
from streams.connectors.pacing import Pace, Urgency
from streams.delivery.courier import Courier, Patience
from streams.delivery.due import DueRows
from streams.delivery.sourcing import SourcingCarrier, sourcing_due
from streams.delivery.stock_checks import CheckDesk, Claims
from streams.domain.movements import MovementKind
from streams.domain.order_notes import OrderNote
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.sourcing_run import Release, Sourcing
from streams.engine.fold import Batch, Context, Result
from streams.mapping.commerce_order_wire import SourceOrderWire
from streams.mapping.newstore import (
    AtpKey,
    ExternalOrderWire,
    InjectedWire,
)
from streams.mapping.order_messages import NOTES, REPLIES, REQUESTS
from streams.mapping.orders_state import decode_order, order_key
from streams.mapping.stock import decode_movement
from streams.mapping.stores import StoreOptions, atp_key_of
from streams.sandbox.newstore import ApiError, Node, Sandbox, SandboxConfig
from streams.sandbox.newstore.injection import answer
from streams.sandbox.newstore.wire import encode
from streams.tables import ORDERS
from streams.topics import (
    ORDER_ANSWERS,
    ORDER_FACTS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    STOCK_MOVEMENTS,
    Topic,
)
from tests.support.memory_view import MemoryRecord, MemoryView
from tests.support.sourcing import NOW, PLACES, Ledger, rules

HASTY = Patience(
    base_s=0.001,
    max_s=0.01,
    misconfigured_s=0.01,
    refused_base_s=0.01,
    refused_max_s=0.02,
)

Gate = Callable[[str], Awaitable[None]]
"""Hears of each step of the courier; may fail it, or stop it for ever."""


async def open_gate(_step: str) -> None:
    """Let everything pass."""


@dataclass
class World:
    """All that outlives a worker: the log, the state, the ledger, NewStore."""

    orders: dict[str, SourceOrderWire] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    sandbox: Sandbox = field(
        default_factory=lambda: Sandbox(
            SandboxConfig(nodes=tuple(Node(place) for place in PLACES))
        )
    )
    gate: Gate = open_gate
    answers: list[bytes] = field(default_factory=list)
    checks: list[list[AtpKey]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self.rules = rules()
        self.stage = OrdersStage(OrderRules(sourcing=self.rules))
        self.view = MemoryView()
        self.rows: DueRows | None = None
        self._offset = 0

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - self._began)

    # --- the log and the stages ---

    def tell(self, number: str, *notes: OrderNote) -> None:
        for note in notes:
            self.take(ORDER_FACTS, number, NOTES.encode(note))

    def take(self, topic: Topic, key: str, value: bytes) -> None:
        """Fold a record, and everything that follows from it at once."""
        record = MemoryRecord(topic.name, self._offset, key.encode(), value)
        self._offset += 1
        context = Context(self.now, self.rules.reference)
        self._commit(self.stage.fold(self.view, Batch(topic, 0, [record]), context))

    def _commit(self, result: Result) -> None:
        assert not result.parked
        self.view.apply(result)
        for output in result.outputs.get(STOCK_MOVEMENTS, []):
            movement = decode_movement(output.value or b"")
            if movement.kind == MovementKind.RELEASE and movement.attempt:
                number, _, unit = movement.unit_id.partition("/")
                self.ledger.release(
                    Release(
                        unit,
                        movement.sku,
                        movement.location_id,
                        movement.attempt,
                        movement.rank,
                    ),
                    number,
                )
        if self.rows is not None:
            self.rows.committed(self.view, result.writes)
        for output in result.outputs.get(RESERVATION_REQUESTS, []):
            reply = self.ledger.ask(REQUESTS.decode(output.value))
            self.take(RESERVATION_ANSWERS, reply.order_number, REPLIES.encode(reply))

    async def report(self, key: bytes, value: bytes) -> None:
        await self.gate("report")
        self.answers.append(value)
        # The log has it: a courier that dies now has told it all the same.
        asyncio.get_running_loop().call_soon(
            self.take, ORDER_ANSWERS, key.decode(), value
        )
        await self.gate("reported")

    def order(self, number: str) -> Order:
        key = order_key(number)
        return decode_order(self.view.get(ORDERS, [key])[key])

    def run(self, number: str) -> Sourcing:
        found = self.order(number).sourcing
        assert found is not None
        return found

    # --- the vendors ---

    async def availability(
        self, keys: Sequence[AtpKey], *, deadline_s: float
    ) -> dict[AtpKey, int]:
        await self.gate("check")
        self.checks.append(list(keys))
        stock = self.sandbox.world.stock
        found = {k: stock.atp(k.fulfillment_node_id, k.product_id) for k in keys}
        await self.gate("checked")
        return found

    async def fulfil_order(self, body: bytes) -> InjectedWire:
        await self.gate("inject")
        self.bodies.append(body)
        try:
            order = self.sandbox.inject(body)
        except ApiError as error:
            kind = Duplicate if "different_data" in error.code else Refused
            raise kind(error.message, reason=error.code, status=400) from error
        units = self.sandbox.world.units_of(order.id)
        await self.gate("injected")
        return msgspec.json.decode(encode(answer(order, units)), type=InjectedWire)

    async def external_order(self, external_id: str) -> ExternalOrderWire | None:
        await self.gate("look up")
        order = self.sandbox.world.orders.find(external_id)
        if order is None:
            return None
        units = self.sandbox.world.units_of(order.id)
        wire = answer(order, units)
        body = {"order_uuid": order.id, "items": wire["items"]}
        return msgspec.json.decode(encode(body), type=ExternalOrderWire)

    async def read_order(self, order_id: str) -> SourceOrderWire | None:
        await self.gate("read")
        return self.orders.get(order_id)

    def injected(self) -> list[str]:
        """Return the public numbers of NewStore's orders."""
        return sorted(o.external_id for o in self.sandbox.world.orders.walk())


@asynccontextmanager
async def worker(world: World) -> AsyncIterator[Courier]:
    """Run a courier for a while; what it knew is gone with it."""
    loop = asyncio.get_running_loop()
    rng = random.Random(1)
    pace = Pace(concurrency_max=4, requests_per_second=1e6, rng=rng)
    lane = pace.lane(Urgency.ORDERS)
    reference = world.rules.reference
    claims = Claims(loop.time)
    desk = CheckDesk(
        world,
        lane,
        lambda need: atp_key_of(need, reference),
        claims,
        deadline_s=0.8,
        monotonic=loop.time,
    )
    carrier = SourcingCarrier(
        desk,
        claims,
        world,
        lane,
        world.read_order,
        reference,
        options=StoreOptions(),
        clock=lambda: world.now,
    )
    rows = DueRows(ORDERS, sourcing_due, monotonic=loop.time)
    world.rows = rows
    rows.opened(world.view)
    courier = Courier(rows, carrier, lane, world.report, rng=rng, patience=HASTY)
    task = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        world.rows = None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await desk.aclose()


async def until(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 (anything may be waited for)
            await asyncio.sleep(0.001)
