"""A partition at work: bounded, in order, retried from the log, stopped by a gap."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from streams.engine import partition
from streams.engine.commit import CommitUnknown, Fenced
from streams.engine.delivery import Delivery
from streams.engine.errors import DeliveryGap, RecordTooLarge, StateAheadOfLog
from streams.engine.fold import Result
from streams.engine.headers import ERROR_MESSAGE, REASON, cause_of, header
from streams.engine.inbox import GoesFirst
from streams.engine.names import (
    Partitioner,
    changelog,
    physical,
    transactional_id,
)
from streams.engine.pace import STOCK, Pace, Precedence
from streams.engine.partition import PartitionTask
from streams.engine.refusing import PARKED_BYTES_MAX, refused
from streams.engine.store import MemoryStore
from streams.settings import Settings
from streams.tables import LEVELS
from streams.topics import COMMERCE_ANSWERS, EXCEPTIONS, STOCK_MOVEMENTS
from tests.edge.fakes import until
from tests.engine.tallies import MemoryLog, TallyStage, record, runtime, total

EPOCH = (1, 1)


class ClosableStore(MemoryStore):
    closed = False

    def close(self) -> None:
        self.closed = True


@dataclass
class Bench:
    """A partition task with everything around it in memory."""

    task: PartitionTask
    log: MemoryLog
    store: ClosableStore
    stage: TallyStage
    failures: list[BaseException] = field(default_factory=list)

    def deliver(self, *offsets: int, fetched_from: int | None = None) -> None:
        records = [record(offset) for offset in offsets]
        first = offsets[0] if fetched_from is None else fetched_from
        self.task.accept(STOCK_MOVEMENTS, Delivery(cast(Any, records), first, EPOCH))

    async def total(self, expected: int) -> None:
        await until(lambda: total(self.task.runtime) == expected)


@asynccontextmanager
async def bench(
    *,
    tick_interval_s: float | None = None,
    session_timeout_s: float = 0.05,
    restore: Callable[[], None] = lambda: None,
    batch_records_max: int = 100,
    pace: Pace = STOCK,
    goes_first: GoesFirst | None = None,
    precedence: Precedence | None = None,
) -> AsyncIterator[Bench]:
    log, store, stage = MemoryLog(), ClosableStore(), TallyStage(tick_interval_s)
    failures: list[BaseException] = []

    async def restored(_: PartitionTask) -> None:
        restore()
        log.restore(store)

    task = PartitionTask(
        runtime(log, store, stage),
        cast(Any, log),
        cast(Any, store),
        restore=restored,
        fail=failures.append,
        batch_records_max=batch_records_max,
        session_timeout_s=session_timeout_s,
        pace=pace,
        precedence=precedence,
        goes_first=goes_first,
    )
    try:
        yield Bench(task, log, store, stage, failures)
    finally:
        await task.close()


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "BACKOFF_FIRST_S", 0.0)


async def test_batches_are_applied_in_order() -> None:
    async with bench() as it:
        it.task.open()
        it.deliver(0, 1)
        it.deliver(2)
        await it.total(3)

        assert it.task.last_applied_ms == {STOCK_MOVEMENTS: 2}
        assert it.failures == []


async def test_no_more_records_are_wanted_than_a_batch_holds() -> None:
    async with bench(batch_records_max=3) as it:
        assert not it.task.wants(STOCK_MOVEMENTS), "not open yet"
        it.task.open()

        it.deliver(0, 1)
        assert it.task.wants(STOCK_MOVEMENTS), "one less than a batch"
        it.deliver(2)
        assert not it.task.wants(STOCK_MOVEMENTS), "a batch"

        await it.total(3)
        assert it.task.wants(STOCK_MOVEMENTS)


@pytest.mark.parametrize("place", [0, 1, 4])
async def test_a_record_whose_result_the_log_does_not_take_is_parked_alone(
    place: int,
) -> None:
    async with bench() as it:
        it.log.bytes_max = 100
        it.task.open()
        values = [b"1"] * 5
        values[place] = b"9" * 101
        keys = [b"MUG"] * 5
        keys[place] = b"CUP"
        records = [
            record(offset, key, value)
            for offset, (key, value) in enumerate(zip(keys, values, strict=True))
        ]
        it.task.accept(STOCK_MOVEMENTS, Delivery(cast(Any, records), 0, EPOCH))
        await until(lambda: it.task.runtime.next_offsets.get(STOCK_MOVEMENTS) == 5)

        assert total(it.task.runtime) == 4
        assert total(it.task.runtime, b"CUP") == 0
        assert it.task.runtime.counts == {"in": 5, "parked": 1}
        (parked,) = [
            each
            for commit in it.log.commits
            for (topic, _), sent in commit.outputs.items()
            for each in sent
            if topic == EXCEPTIONS
        ]
        assert (parked.key, parked.value) == (b"CUP", values[place])
        assert header(parked.headers, REASON) == b"result_too_large"
        assert (header(parked.headers, ERROR_MESSAGE) or b"").decode() == (
            "A record for t (key 'lCUP') of 101 bytes is larger than the log takes "
            "(100 bytes, or less if the topic says so). Split it at its source, or "
            "raise the topic's max.message.bytes, then send it again."
        )
        assert it.failures == []


def test_a_record_too_large_to_be_parked_is_parked_without_its_bytes() -> None:
    error = RecordTooLarge("t", b"k", 2_000_000, 1_000_000)
    at_most = record(7, b"K", b"x" * (PARKED_BYTES_MAX - 1))
    over = record(7, b"K", b"x" * PARKED_BYTES_MAX)

    assert refused(at_most, error).parked[0].record is at_most
    (parked,) = refused(over, error).parked
    assert (parked.record.value, parked.record.key) == (None, b"K")
    assert cause_of(parked.record) == cause_of(over)
    assert parked.sentence.endswith(
        "Its bytes are left out here; its source topic still has them."
    )


async def test_a_batch_for_a_partition_that_is_not_open_is_dropped() -> None:
    async with bench() as it:
        it.deliver(0)
        it.task.open()
        it.deliver(0, 1)

        await it.total(2)


async def test_waiting_batches_are_joined_as_far_as_a_batch_may_grow() -> None:
    async with bench(batch_records_max=3) as it:
        it.task.open()
        it.deliver(0, 1)
        it.deliver(2)
        it.deliver(3)

        await it.total(4)

        assert it.stage.folded == [[0, 1, 2], [3]]


async def test_batches_of_two_topics_are_not_joined() -> None:
    async with bench() as it:
        it.task.open()
        it.deliver(0)
        it.task.accept(COMMERCE_ANSWERS, Delivery(cast(Any, [record(0)]), 0, EPOCH))

        await it.total(2)

        assert it.stage.folded == [[0], [0]]


async def test_a_gap_stops_the_worker_and_applies_nothing() -> None:
    async with bench() as it:
        it.task.open()
        it.deliver(0, 1)
        await it.total(2)

        it.deliver(5)
        await until(lambda: bool(it.failures))

        assert isinstance(it.failures[0], DeliveryGap)
        assert str(it.failures[0]).startswith(
            "ledger-1, stock-movements: expected the records from offset 2, got those "
            "from 5. "
        )
        assert total(it.task.runtime) == 2
        assert not it.task.is_open


async def test_offsets_that_are_only_markers_are_no_gap() -> None:
    async with bench() as it:
        it.task.open()
        it.deliver(0, 1)
        await it.total(2)

        it.deliver(7, fetched_from=2)

        await it.total(3)
        assert it.failures == []


async def test_a_doubtful_commit_that_failed_is_made_again() -> None:
    async with bench() as it:
        it.task.open()
        it.log.error = CommitUnknown("no answer")

        it.deliver(0)

        await it.total(1)
        assert it.log.opened == 1
        assert len(it.log.commits) == 1


async def test_a_doubtful_commit_that_happened_is_not_made_again() -> None:
    async with bench() as it:
        it.task.open()
        it.log.error, it.log.error_after = CommitUnknown("no answer"), True

        it.deliver(0)

        await it.total(1)
        assert len(it.log.commits) == 1
        assert it.failures == []


async def test_a_commit_that_stays_in_doubt_stops_the_worker() -> None:
    def broken() -> None:
        raise OSError("no broker")

    async with bench(restore=broken) as it:
        it.task.open()
        it.log.error = CommitUnknown("no answer")

        it.deliver(0)
        await until(lambda: bool(it.failures))

        assert isinstance(it.failures[0], CommitUnknown)
        assert "cannot restore" in str(it.failures[0])


async def test_what_only_a_person_can_mend_is_not_tried_again() -> None:
    def ahead() -> None:
        raise StateAheadOfLog("ledger 1", 9, 3)

    async with bench(restore=ahead) as it:
        it.task.open()
        it.log.error = CommitUnknown("no answer")

        it.deliver(0)
        await until(lambda: bool(it.failures))

        assert isinstance(it.failures[0], StateAheadOfLog)
        assert it.log.opened == 1


async def test_a_bug_in_a_fold_stops_the_worker() -> None:
    async with bench() as it:
        it.task.open()
        it.log.error = ZeroDivisionError()

        it.deliver(0)
        await until(lambda: bool(it.failures))

        assert isinstance(it.failures[0], ZeroDivisionError)
        assert it.store.rows == {}


async def test_a_fenced_partition_waits_for_the_rebalance_and_forgets_the_batch() -> (
    None
):
    async with bench(session_timeout_s=60) as it:
        it.task.open()
        it.log.error = Fenced("a new owner")
        it.deliver(0)
        await until(lambda: it.log.error is None)

        await it.task.suspend()

        assert it.log.commits == []
        assert it.log.opened == 0
        it.task.open()
        it.deliver(0)
        await it.total(1)


async def test_fenced_without_a_rebalance_the_partition_is_opened_anew() -> None:
    async with bench(session_timeout_s=0.01) as it:
        it.task.open()
        it.log.error = Fenced("a transaction that took too long")

        it.deliver(0)

        await it.total(1)
        assert it.log.opened == 1


async def test_fenced_again_and_again_stops_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bench(session_timeout_s=0.001) as it:

        async def always_fenced(_: object) -> int:
            raise Fenced("again")

        monkeypatch.setattr(it.log, "commit", always_fenced)
        it.task.open()

        it.deliver(0)
        await until(lambda: bool(it.failures))

        assert isinstance(it.failures[0], Fenced)


async def test_suspending_waits_for_the_commit_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bench() as it:
        reached, go_on = asyncio.Event(), asyncio.Event()
        commit = it.log.commit

        async def slow(what: Any) -> int:
            reached.set()
            await go_on.wait()
            return await commit(what)

        monkeypatch.setattr(it.log, "commit", slow)
        it.task.open()
        it.deliver(0)
        await reached.wait()
        it.deliver(1)

        suspending = asyncio.create_task(it.task.suspend())
        await asyncio.sleep(0)
        assert not suspending.done()
        go_on.set()
        await suspending

        assert total(it.task.runtime) == 1, "whole, and the waiting batch not begun"


async def test_ticks_are_given_when_due() -> None:
    async with bench(tick_interval_s=0.01) as it:
        it.stage.tick_result = Result()
        it.stage.tick_result.put(LEVELS, b"MUG", b"5")

        it.task.open()

        await it.total(5)
        await until(lambda: len(it.log.commits) > 1)


async def test_closing_lets_go_of_the_database() -> None:
    async with bench() as it:
        it.task.open()

        await it.task.close()

        assert it.store.closed
        assert not it.task.wants(STOCK_MOVEMENTS)


@given(st.binary(), st.integers(1, 64))
def test_keys_go_where_every_kafka_client_puts_them(key: bytes, count: int) -> None:
    partitions = list(range(count))

    chosen = Partitioner(count)(key)

    assert chosen == DefaultPartitioner()(key, partitions, partitions)


def test_names_on_the_broker_tell_applications_apart() -> None:
    settings = Settings(app_id="eu", topic_prefix="eu-")

    assert physical(settings, STOCK_MOVEMENTS) == "eu-stock-movements"
    assert changelog(settings, "ledger") == "eu-ledger-changelog"
    assert transactional_id(settings, "ledger", 3) == "eu-ledger-3"
