"""Orders of which news told too little, read in a sandbox over HTTP."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from streams.connectors.commerce_orders import OrderClient
from streams.connectors.errors import Unavailable
from streams.connectors.pacing import Pace, Urgency
from streams.connectors.placed_orders import OrderReads
from streams.delivery.courier import Courier, Patience
from streams.delivery.due import DueRows
from streams.delivery.order_reader import OrderReader, Reads, read_due
from streams.domain.order_news import OrderMentioned
from streams.domain.order_notes import OrderPlaced
from streams.mapping.linking_state import decode_link
from streams.mapping.order_messages import NEWS
from streams.mapping.problems import Problem, Reason
from streams.sandbox.commercetools import FaultKind, FaultRule, Sandbox, SandboxServer
from streams.tables import ORDER_LINKS
from tests.agents.publishing_worker import eventually
from tests.agents.test_delivery_sandbox import settings_for
from tests.agents.test_linking import NOON, Linking
from tests.support.memory_view import MemoryRecord

HASTY = Patience(base_s=0.001, max_s=0.01, misconfigured_s=0.0)


class Counting:
    """Counts the reads."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self.count = 0

    async def placed(self, order_id: str) -> OrderPlaced | Problem | None:
        self.count += 1
        return await self._reads.placed(order_id)


class Desk(Linking):
    """The linking stage, its reader, and the topic between them."""

    def __init__(self, reads: Reads) -> None:
        super().__init__()
        self.reads = Counting(reads)
        self.rows = DueRows(
            ORDER_LINKS, read_due, monotonic=asyncio.get_running_loop().time
        )
        pace = Pace(concurrency_max=4, requests_per_second=2000, rng=random.Random(1))
        self.courier = Courier(
            self.rows,
            OrderReader(self.reads),
            pace.lane(Urgency.READS),
            self.report,
            rng=random.Random(1),
            patience=HASTY,
        )
        self.parked: list[tuple[str, str, str]] = []

    async def report(self, key: bytes, value: bytes) -> None:
        self.hear(self.record(NEWS.decode(value), key=key))

    def hear(self, *records: MemoryRecord) -> None:
        result = self.take_records(records)
        self.parked += [(p.reason, p.field, p.sentence) for p in result.parked]
        self.rows.committed(self.view, result.writes)

    def mention(self, order_id: str, version: int = 1) -> None:
        news = OrderMentioned(commerce_id=order_id, version=version, has_changed=True)
        self.hear(self.record(news))

    def placed(self) -> list[OrderPlaced]:
        notes = [NEWS.decode(value) for _, value in self.facts]
        return [note for note in notes if isinstance(note, OrderPlaced)]


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@asynccontextmanager
async def at_work(reads: Reads) -> AsyncIterator[Desk]:
    desk = Desk(reads)
    desk.rows.opened(desk.view)
    task = asyncio.create_task(desk.courier.run())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def desk(server: SandboxServer) -> AsyncIterator[Desk]:
    async with (
        OrderClient(settings_for(server.url)) as client,
        at_work(OrderReads(client)) as desk,
    ):
        yield desk


def add_fault(rule: FaultRule, sandbox: Sandbox) -> None:
    sandbox.faults.add(rule)


def bought(server: SandboxServer, number: str | None = "W-1") -> str:
    """Buy two units supplied by a channel; return commercetools' id of the order."""

    def buy(sandbox: Sandbox) -> str:
        sandbox.create_channel({"key": "ldn", "roles": ["InventorySupply"]})
        lines = [{"sku": "MUG", "quantity": 2, "channelKey": "ldn"}]
        placed = sandbox.place_order(lines, order_number=number, mode="None")
        return placed.id

    return server.call(buy)


async def test_an_order_is_read_with_the_keys_of_its_channels(
    server: SandboxServer, desk: Desk
) -> None:
    order_id = bought(server)

    desk.mention(order_id)
    await eventually(lambda: bool(desk.placed()))

    (placed,) = desk.placed()
    assert (placed.commerce_id, placed.number) == (order_id, "W-1")
    ((line),) = placed.lines
    assert (line.sku, line.quantity, line.channel_key) == ("MUG", 2, "ldn")
    await eventually(lambda: desk.rows.is_settled)


async def test_an_order_without_a_number_is_known_by_its_id(
    server: SandboxServer, desk: Desk
) -> None:
    order_id = bought(server, number=None)

    desk.mention(order_id)
    await eventually(lambda: bool(desk.placed()))

    assert desk.facts[0][0] == order_id.encode()


async def test_reads_of_one_order_coalesce(server: SandboxServer, desk: Desk) -> None:
    order_id = bought(server)

    for _ in range(20):
        desk.mention(order_id)
    await eventually(lambda: desk.rows.is_settled)
    for _ in range(20):
        desk.mention(order_id)
    await eventually(lambda: desk.rows.is_settled)

    assert desk.reads.count == 1


async def test_an_order_that_is_not_there_is_asked_for_a_few_times_then_told(
    desk: Desk,
) -> None:
    desk.mention("no-such-order", version=3)
    await eventually(lambda: bool(desk.parked))

    assert desk.reads.count == 5
    ((reason, field, sentence),) = desk.parked
    assert (reason, field) == ("order_missing", "commerce_id")
    assert sentence == (
        'commercetools told of the order "no-such-order", but has none of that id. '
        "Look whether it was deleted there; if not, retry."
    )
    await eventually(lambda: desk.rows.is_settled)


async def test_failing_answers_are_tried_again(
    server: SandboxServer, desk: Desk
) -> None:
    order_id = bought(server)
    for rule in (
        FaultRule(kind=FaultKind.FAILURE, status=500, path="/orders/", count=2),
        FaultRule(kind=FaultKind.DROP, path="/orders/", count=2),
    ):
        server.call(partial(add_fault, rule))

    desk.mention(order_id)
    await eventually(lambda: bool(desk.placed()))

    assert desk.courier.retried >= 2


async def test_a_new_owner_finds_in_the_table_what_has_to_be_read(
    server: SandboxServer,
) -> None:
    order_id = bought(server)
    async with OrderClient(settings_for(server.url)) as client:
        former = Desk(OrderReads(client))
        former.mention(order_id)
        successor = Desk(OrderReads(client))
        successor.view = former.view
        successor.rows.opened(successor.view)
        task = asyncio.create_task(successor.courier.run())
        await eventually(lambda: bool(successor.placed()))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Scripted:
    """Answers what it is told to."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)

    async def placed(self, order_id: str) -> OrderPlaced | Problem | None:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]


def read(version: int) -> OrderPlaced:
    return OrderPlaced(
        commerce_id="c", number="W-1", version=version, placed_at=NOON, lines=()
    )


async def test_an_old_answer_is_not_taken_for_the_order() -> None:
    busy = Unavailable("busy", status=503, retry_after_s=0.0)
    async with at_work(Scripted(read(1), busy, read(2))) as desk:
        desk.mention("c", version=2)
        await eventually(lambda: bool(desk.placed()))
        assert [placed.version for placed in desk.placed()] == [2]


async def test_an_order_that_makes_no_sense_is_told_with_where_and_why() -> None:
    field = "lineItems[0].variant.sku"
    said = f"{field} is missing. Correct it at the source and publish the event again."
    problem = Problem(Reason.MISSING_FIELD, field, "", said)
    async with at_work(Scripted(problem)) as desk:
        desk.mention("c", version=2)
        await eventually(lambda: bool(desk.parked))
        assert desk.parked == [
            (
                "missing_field",
                f"order c: {field}",
                (
                    f"{field} is missing. Mend it in commercetools, and retry; the "
                    "order is then read again."
                ),
            )
        ]
        await eventually(lambda: desk.rows.is_settled)
        row = desk.view.tables[ORDER_LINKS][b"ct:c"]
        assert not decode_link(row).needs_read
