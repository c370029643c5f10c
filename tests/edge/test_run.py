"""The edge as a process against a real broker: stops, kills and outages."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from streams.edge.forwarder import OUTBOX_HEADER, OUTBOX_SEQUENCE_HEADER
from streams.engine.embedded import EmbeddedBroker
from streams.engine.headers import header
from streams.topics import NEWSTORE_EVENTS
from tests.edge.fakes import event, first_appearances, number_of
from tests.edge.loopback import Client, Gone
from tests.edge.topic import create_topic, read_topic

PATH = "/v1/events/newstore"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@dataclass
class Edge:
    """An edge process that can be started again on its spool."""

    broker: str
    spool: Path
    topic_prefix: str = "t-"
    stdin: bool = False
    http_port: int | None = field(default_factory=free_port)
    delivery_timeout_s: float = 2.0
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> asyncio.subprocess.Process:
        options = {
            "broker": self.broker,
            "topic_prefix": self.topic_prefix,
            "spool": str(self.spool),
            "stdin": self.stdin,
            "http_port": self.http_port,
            "delivery_timeout_s": self.delivery_timeout_s,
        }
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.edge.edge_process",
                json.dumps(options),
                stdin=pipe if self.stdin else nothing,
                stdout=pipe if self.stdin else nothing,
                stderr=log,
            )
        return self.process

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(60):
            return await self.process.wait()

    @property
    def log(self) -> Path:
        return self.spool.parent / "edge.log"

    def client(self) -> Client:
        return Client(self.http_port)

    async def backlog(self, client: Client) -> dict[str, Any]:
        """Wait until the edge answers; return what it reports."""
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(Gone):
                    return await client.get("/backlog")
                await asyncio.sleep(0.05)

    async def holding(self, client: Client, count: int) -> dict[str, Any]:
        """Wait until the backlog is of that size; return the report."""
        async with asyncio.timeout(120):
            while True:
                status = await self.backlog(client)
                if status["backlog_count"] == count:
                    return status
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def ended(edge: Edge) -> AsyncIterator[Client]:
    """Yield a client of the edge; end what runs of it."""
    try:
        with edge.client() as client:
            yield client
    finally:
        if edge.process is not None and edge.process.returncode is None:
            await edge.end(signal.SIGKILL)


async def arrived(broker: str, prefix: str = "t-") -> list[Any]:
    return await read_topic(broker, prefix + NEWSTORE_EVENTS.name)


@pytest.mark.kafka
async def test_lines_from_a_pipe_are_delivered_and_the_edge_ends_by_itself(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topic(broker, topic_prefix + NEWSTORE_EVENTS.name)
    edge = Edge(
        broker,
        tmp_path / "spool",
        topic_prefix=topic_prefix,
        stdin=True,
        http_port=None,
    )
    async with ended(edge):
        process = await edge.start()
        content = [
            event(number, order=f"order-{number % 5}") for number in range(2_000)
        ]
        content.insert(1_000, b"not an event")
        async with asyncio.timeout(120):
            answers, _ = await process.communicate(b"\n".join(content))
        assert process.returncode == 0

    said = [json.loads(line) for line in answers.splitlines()]
    assert [answer["line"] for answer in said] == list(range(1, 2_002))
    assert [answer["line"] for answer in said if "rejected" in answer] == [1_001]
    records = await arrived(broker, topic_prefix)
    for order in range(5):
        numbers = [
            number_of(record.value)
            for record in records
            if record.key == b"order-%d" % order
        ]
        assert numbers == list(range(order, 2_000, 5))
    assert len({header(record.headers, OUTBOX_HEADER) for record in records}) == 1


@pytest.mark.kafka
async def test_sigterm_ends_it_with_the_backlog_on_disk(tmp_path: Path) -> None:
    edge = Edge("127.0.0.1:1", tmp_path / "spool", stdin=True)
    async with ended(edge) as client:
        process = await edge.start()
        assert process.stdin is not None
        process.stdin.write(event(1) + b"\n" + event(2) + b"\n")
        await edge.backlog(client)
        assert await client.post(PATH, event(3)) == 202
        await edge.holding(client, 3)
        assert await edge.end(signal.SIGTERM) == 0
        assert "ended with a backlog of 3" in edge.log.read_text()

        await edge.start()
        assert (await edge.backlog(client))["backlog_count"] == 3
        assert await edge.end(signal.SIGTERM) == 0


@pytest.mark.kafka
async def test_an_outage_is_accepted_through_with_bounded_memory_and_caught_up(
    tmp_path: Path,
) -> None:
    with EmbeddedBroker(tmp_path / "broker") as broker:
        await create_topic(broker.address, "t-" + NEWSTORE_EVENTS.name)
        edge = Edge(broker.address, tmp_path / "spool")
        async with ended(edge) as client:
            process = await edge.start()
            await edge.backlog(client)
            assert await client.post(PATH, event(0)) == 202
            await edge.holding(client, 0)
            broker.stop()
            before = resident_bytes(process.pid)
            events_count, pad = 2_000, 24_000

            async def sell(order: int) -> None:
                with edge.client() as till:
                    for number in range(order, events_count, 8):
                        content = event(number, order=f"o-{order}", pad=pad)
                        assert await till.post(PATH, content) == 202

            await asyncio.gather(*(sell(order) for order in range(8)))

            status = await edge.backlog(client)
            assert status["backlog_count"] == events_count
            assert status["backlog_bytes"] > events_count * pad
            # 48 MB wait on disk; what is in memory is a segment and a window of it.
            assert resident_bytes(process.pid) - before < 24 * 1024 * 1024

            broker.start()
            after = await edge.holding(client, 0)
            assert after["delivery_error"] == ""
            assert await edge.end(signal.SIGTERM) == 0
        records = await arrived(broker.address)

    numbers = {
        number_of(record.value) for record in records if record.key != b"order-1"
    }
    assert numbers == set(range(events_count))
    assert_order_by_sequence(records)


@pytest.mark.kafka
@pytest.mark.slow
async def test_kill_9_in_a_loop_loses_nothing_and_keeps_the_order_of_every_key(
    tmp_path: Path,
) -> None:
    chance = seeded()
    tills = [Till(order=f"order-{number}") for number in range(6)]
    with EmbeddedBroker(tmp_path / "broker") as broker:
        await create_topic(broker.address, "t-" + NEWSTORE_EVENTS.name)
        edge = Edge(broker.address, tmp_path / "spool")
        async with ended(edge) as client:
            selling = [asyncio.create_task(till.sell(edge)) for till in tills]
            await edge.start()
            for cycle in range(12):
                await edge.backlog(client)
                await asyncio.sleep(chance.uniform(0.0, 0.4))
                if cycle % 4 == 2:
                    broker.stop()
                elif cycle % 4 == 0 and broker.pid is None:
                    broker.start()
                await asyncio.sleep(chance.uniform(0.0, 0.3))
                await edge.end(signal.SIGKILL)
                await edge.start()
            if broker.pid is None:
                broker.start()
            for till in tills:
                till.open = False
            await asyncio.gather(*selling)
            await edge.holding(client, 0)
            assert await edge.end(signal.SIGTERM) == 0
        records = await arrived(broker.address)

    assert sum(till.accepted for till in tills) > 50
    for till in tills:
        numbers = first_appearances(
            number_of(record.value)
            for record in records
            if record.key == till.order.encode()
        )
        # A till hands in an event until it is accepted, so its numbers have no gap.
        assert numbers == list(range(1, till.accepted + 1))
    assert_order_by_sequence(records)


@dataclass
class Till:
    """A till that hands in its sales one after the other, each until it is accepted."""

    order: str
    accepted: int = 0
    open: bool = True

    async def sell(self, edge: Edge) -> None:
        with edge.client() as client:
            in_doubt = False
            # An event that was never answered may have been kept: it is not dropped.
            while self.open or in_doubt:
                in_doubt = True
                content = event(self.accepted + 1, order=self.order)
                try:
                    status = await client.post(PATH, content)
                except Gone:
                    await asyncio.sleep(0.02)
                    continue
                if status == 202:
                    self.accepted += 1
                    in_doubt = False


def seeded() -> random.Random:
    seed = int(os.environ.get("ONESHELF_TEST_SEED", "0")) or random.randrange(10**6)
    print(f"ONESHELF_TEST_SEED={seed}")
    return random.Random(seed)


def assert_order_by_sequence(records: list[Any]) -> None:
    """Within a key the sequences first appear in order, and each names one event."""
    events: dict[bytes, bytes] = {}
    by_key: dict[bytes, list[int]] = {}
    for record in records:
        sequence = header(record.headers, OUTBOX_SEQUENCE_HEADER) or b""
        assert events.setdefault(sequence, record.value) == record.value
        by_key.setdefault(record.key, []).append(int(sequence))
    for sequences in by_key.values():
        first = first_appearances(sequences)
        assert first == sorted(first)


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
