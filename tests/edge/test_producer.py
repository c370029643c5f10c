"""The edge producer accepts at once and delivers in order, whatever the broker does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.edge.disk import Disk
from streams.edge.errors import BrokenEvent, EdgeClosed, SpoolBusy, SpoolFull
from streams.edge.events import check
from streams.edge.forwarder import (
    OUTBOX_HEADER,
    OUTBOX_SEQUENCE_HEADER,
    Backoff,
    _not_acknowledged,
)
from streams.edge.producer import EdgeProducer
from streams.edge.segment import Stored
from streams.engine.errors import Position
from streams.engine.headers import TRACE
from streams.engine.produce import Entry
from streams.topics import Topic
from tests.edge.fakes import (
    Clock,
    FaultyDisk,
    MemoryLog,
    UnsyncedDisk,
    event,
    header_of,
    number_of,
    unavailable,
    until,
)

QUICK = Backoff(first_s=0.001, max_s=0.002)


def producer(
    directory: Path,
    log: MemoryLog,
    *,
    clock: Clock | None = None,
    disk: Disk | None = None,
    segment_bytes: int = 4096,
    stop_grace_s: float = 5.0,
) -> EdgeProducer:
    return EdgeProducer(
        directory,
        log,
        clock=clock or Clock(),
        backoff=QUICK,
        disk=disk,
        segment_bytes=segment_bytes,
        stop_grace_s=stop_grace_s,
    )


async def crash(edge: EdgeProducer) -> None:
    """End the edge as a kill would: nothing is finished, nothing is said."""
    for task in (edge._keeping, edge._forwarding):
        task.cancel()
    await asyncio.wait({edge._keeping, edge._forwarding})
    await edge._thread.run(edge._outbox.close)
    edge._thread.close()


async def test_an_accepted_event_arrives_with_its_outbox_number_and_a_trace(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    async with producer(tmp_path, log) as edge:
        sequence = await edge.accept(event(1), traceparent=b"00-caller")
        await edge.accept(event(2))
        await edge.drained()
        spool_id = edge.status().spool_id

    first, second = log.all_records()
    assert first.value == event(1)
    assert first.key == b"order-1"
    assert header_of(first, OUTBOX_HEADER) == spool_id
    assert header_of(first, OUTBOX_SEQUENCE_HEADER) == str(sequence) == "1"
    assert header_of(second, OUTBOX_SEQUENCE_HEADER) == "2"
    assert header_of(first, TRACE) == "00-caller"
    assert len(header_of(second, TRACE)) == 55


async def test_events_are_accepted_while_the_broker_is_away_and_arrive_afterwards(
    tmp_path: Path,
) -> None:
    clock, log = Clock(), MemoryLog(down=True)
    async with producer(tmp_path, log, clock=clock) as edge:
        for number in range(40):
            await edge.accept(event(number, order=f"order-{number % 3}"))
        clock.advance(7_200)
        await until(lambda: log.attempts > 3)

        away = edge.status()
        assert away.accepted == away.backlog_count == 40
        assert away.delivered == 0
        assert away.oldest_age_s == 7_200
        assert away.failures_in_a_row > 0
        assert away.delivery_error == "No broker. Wait"

        log.down = False
        await edge.drained()
        back = edge.status()
        assert back.backlog_count == back.backlog_bytes == 0
        assert back.oldest_age_s == 0
        assert back.delivery_error == ""
    for order in range(3):
        expected = [number for number in range(40) if number % 3 == order]
        assert log.numbers(f"order-{order}") == expected
    assert len(log.all_records()) == 40


async def test_a_lost_answer_sends_again_under_the_same_number(tmp_path: Path) -> None:
    log = MemoryLog(lossy=True)
    async with producer(tmp_path, log) as edge:
        await edge.accept(event(1))
        await until(lambda: log.attempts >= 3)
        log.lossy = False
        await edge.drained()

    records = log.all_records()
    assert len(records) >= 3
    assert {header_of(entry, OUTBOX_SEQUENCE_HEADER) for entry in records} == {"1"}
    assert {header_of(entry, TRACE) for entry in records} == {
        header_of(records[0], TRACE)
    }


async def test_one_broken_partition_does_not_make_the_others_repeat(
    tmp_path: Path,
) -> None:
    log = MemoryLog(partitions=3, broken_partition=0)
    async with producer(tmp_path, log) as edge:
        orders = ["order-1", "order-2", "order-3"]
        await edge.accept_many(
            [check(event(number, order=orders[number % 3])) for number in range(12)]
        )
        await until(lambda: log.attempts >= 5)
        log.broken_partition = None
        await edge.drained()

    assert sorted(number_of(e.value or b"") for e in log.all_records()) == list(
        range(12)
    )


async def test_what_waits_in_the_spool_is_delivered_by_the_next_process(
    tmp_path: Path,
) -> None:
    away, log = MemoryLog(down=True), MemoryLog()
    async with producer(tmp_path, away) as edge:
        for number in range(5):
            await edge.accept(event(number))
    async with producer(tmp_path, log) as edge:
        assert edge.status().accepted == 0
        await edge.drained()
        assert edge.status().delivered == 5
    assert log.numbers("order-1") == [0, 1, 2, 3, 4]


async def test_stopping_delivers_what_was_accepted_if_the_broker_answers(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    async with producer(tmp_path, log) as edge:
        for number in range(20):
            await edge.accept(event(number))
    assert log.numbers("order-1") == list(range(20))


async def test_stopping_does_not_wait_for_a_broker_that_is_silent(
    tmp_path: Path,
) -> None:
    class SilentLog(MemoryLog):
        async def append_many(
            self, topic: Topic, entries: Sequence[Entry]
        ) -> Sequence[Position]:
            await asyncio.Event().wait()
            return []

    async with asyncio.timeout(20):
        async with producer(tmp_path, SilentLog(), stop_grace_s=0.05) as edge:
            await edge.accept(event(1))
    assert edge.status().backlog_count == 1


async def test_a_stopped_edge_refuses(tmp_path: Path) -> None:
    async with producer(tmp_path, MemoryLog()) as edge:
        await edge.accept(event(1))
    with pytest.raises(EdgeClosed, match="The edge is stopping"):
        await edge.accept(event(2))


async def test_a_second_edge_on_the_same_spool_is_refused(tmp_path: Path) -> None:
    async with producer(tmp_path, MemoryLog()):
        with pytest.raises(SpoolBusy):
            async with producer(tmp_path, MemoryLog()):
                pass


async def test_a_full_disk_refuses_new_events_and_goes_on_delivering(
    tmp_path: Path,
) -> None:
    disk, log = FaultyDisk(), MemoryLog(down=True)
    async with producer(tmp_path, log, disk=disk) as edge:
        await edge.accept(event(1))
        disk.room = 10
        with pytest.raises(SpoolFull):
            await edge.accept(event(2))
        assert "is full" in edge.status().spool_error

        log.down = False
        await edge.drained()
        assert log.numbers("order-1") == [1]

        disk.room = None
        await edge.accept(event(3))
        assert edge.status().spool_error == ""
        await edge.drained()
    assert log.numbers("order-1") == [1, 3]


async def test_an_event_the_broker_never_takes_is_set_aside_and_holds_up_nothing(
    tmp_path: Path,
) -> None:
    log = MemoryLog(down=True)
    log.too_large = {event(2)}
    async with producer(tmp_path, log) as edge:
        for number in range(1, 5):
            await edge.accept(event(number))
        log.down = False
        await edge.drained()
        assert edge.status().rejected == 1

    assert log.numbers("order-1") == [1, 3, 4]
    (line,) = (tmp_path / "rejected.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert entry["content"] == event(2).decode()
    assert entry["source"] == "outbox"
    assert "larger than the log takes" in entry["sentence"]
    assert "max.message.bytes" in entry["sentence"]


async def test_a_fault_of_ours_ends_the_edge_and_is_raised(tmp_path: Path) -> None:
    class BrokenLog(MemoryLog):
        async def append_many(
            self, topic: Topic, entries: Sequence[Entry]
        ) -> Sequence[Position]:
            raise ZeroDivisionError

    async def run() -> None:
        async with producer(tmp_path, BrokenLog()) as edge:
            await edge.accept(event(1))
            await edge.failed()

    with pytest.raises(ZeroDivisionError):
        await run()
    async with producer(tmp_path, MemoryLog()) as edge:
        assert edge.status().backlog_count == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The event is not JSON: Input data was truncated"),
        (b"{", "The event is not JSON: Input data was truncated"),
        (b'{"a":1}}', "The event is not JSON: JSON is malformed"),
        (b'{"name":"\xff","payload":{}}', "The event is not JSON: 'utf-8' codec"),
        (b"[" * 50_000, "The event is not JSON: maximum recursion depth"),
        (b"[]", "The event is a JSON array, not an object"),
        (b"null", "The event is a JSON null, not an object"),
        (b"7", "The event is a JSON number, not an object"),
        (b'"x"', "The event is a JSON string, not an object"),
        (b'{"payload":{}}', "The event has no name"),
        (b'{"name":"","payload":{}}', "The event has no name"),
        (b'{"name":5,"payload":{}}', "The event has no name"),
        (b'{"name":"order.opened"}', "The event 'order.opened' has no payload object"),
        (b'{"name":"x","payload":[]}', "The event 'x' has no payload object"),
        (b" " + b"x" * 900_001, "The event has 900,001 bytes, the most is 900,000"),
    ],
)
async def test_what_is_no_envelope_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    async with producer(tmp_path, MemoryLog()) as edge:
        with pytest.raises(BrokenEvent) as refused:
            await edge.accept(content)
    assert refused.value.message.startswith(sentence)
    assert refused.value.remedy


async def test_an_unknown_event_name_is_accepted_as_it_is(tmp_path: Path) -> None:
    strange = b' {"name": "unheard.of", "payload": {"a": 1.50}, "more": [1]} \n'
    log = MemoryLog()
    async with producer(tmp_path, log) as edge:
        await edge.accept(strange)
        await edge.drained()
    assert log.all_records()[0].value == strange.strip()


async def test_memory_stays_bounded_while_events_wait_for_the_disk(
    tmp_path: Path,
) -> None:
    async with producer(tmp_path, MemoryLog(down=True), disk=UnsyncedDisk()) as edge:
        big = [event(number, pad=500_000) for number in range(40)]
        tasks = [asyncio.create_task(edge.accept(each)) for each in big]
        peak = 0
        while not all(task.done() for task in tasks):
            peak = max(peak, edge._waiting_bytes)
            await asyncio.sleep(0)
        assert 0 < peak < 9 * 1024 * 1024
        assert edge.status().backlog_count == 40


def test_after_a_gap_in_the_acknowledgements_a_key_is_sent_again_from_there() -> None:
    window = [
        Stored(number, 0, key, b"", b"")
        for number, key in enumerate([b"a", b"b", b"a", b"a", b"b"])
    ]
    answers = [(0, 1), (0, 2), None, (0, 3), (0, 4)]
    remaining = _not_acknowledged(window, unavailable(answers))
    assert [stored.sequence for stored in remaining] == [2, 3]
    assert _not_acknowledged(window, unavailable(())) == window


def test_backoff_doubles_up_to_its_limit_and_half_of_it_is_chance() -> None:
    longest = Backoff(first_s=0.5, max_s=30.0, chance=lambda: 1.0)
    shortest = Backoff(first_s=0.5, max_s=30.0, chance=lambda: 0.0)
    assert [longest.delay_s(n) for n in (1, 2, 3, 6, 7, 5_000)] == [
        0.5, 1.0, 2.0, 16.0, 30.0, 30.0,
    ]  # fmt: skip
    assert shortest.delay_s(3) == 1.0


moves = st.one_of(
    st.tuples(st.just("accept"), st.lists(st.integers(1, 4), min_size=1, max_size=5)),
    st.tuples(st.just("down")),
    st.tuples(st.just("up")),
    st.tuples(st.just("lossy")),
    st.tuples(st.just("break_partition"), st.integers(0, 2)),
    st.tuples(st.just("let_it_run"), st.integers(1, 6)),
    st.tuples(st.just("crash")),
)


@contextlib.asynccontextmanager
async def store(directory: Path) -> "AsyncIterator[Store]":
    made = Store(directory)
    made.edge = await made.opened()
    try:
        yield made
    finally:
        await crash(made.edge)


class Store:
    """An edge, its topic, and what it has promised."""

    edge: EdgeProducer

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = MemoryLog()
        self.number = 0
        self.promised: list[tuple[str, int]] = []

    async def opened(self) -> EdgeProducer:
        edge = producer(
            self.directory, self.log, disk=UnsyncedDisk(), segment_bytes=800
        )
        return await edge.__aenter__()

    async def accept(self, orders: list[int]) -> None:
        numbered = []
        for order in orders:
            self.number += 1
            numbered.append((f"order-{order}", self.number))
        await asyncio.gather(
            *(self.edge.accept(event(n, order=order)) for order, n in numbered)
        )
        self.promised += numbered

    async def down(self) -> None:
        self.log.down = True

    async def up(self) -> None:
        self.log.down = self.log.lossy = False
        self.log.broken_partition = None

    async def lossy(self) -> None:
        self.log.lossy = True

    async def break_partition(self, partition: int) -> None:
        self.log.broken_partition = partition

    async def let_it_run(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0.001)

    async def crash(self) -> None:
        await crash(self.edge)
        self.edge = await self.opened()


@given(plan=st.lists(moves, max_size=14))
@settings(max_examples=60, deadline=None)
def test_any_interleaving_delivers_every_accepted_event_in_order_per_key(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[object, ...]]
) -> None:
    async def play() -> Store:
        async with store(tmp_path_factory.mktemp("spool")) as made:
            for name, *arguments in plan:
                await getattr(made, str(name))(*arguments)
            await made.up()
            async with asyncio.timeout(60):
                await made.edge.drained()
            return made

    made = asyncio.run(play())

    for order in {order for order, _ in made.promised}:
        promised = [number for key, number in made.promised if key == order]
        assert made.log.numbers(order) == promised
