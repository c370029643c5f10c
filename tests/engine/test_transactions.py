"""A commit is a Kafka transaction: whole or invisible, and of one owner alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition

from streams.engine.admin import create_topics
from streams.engine.commit import Commit, CommitUnknown, Fenced, Outgoing
from streams.engine.embedded import is_embedded
from streams.engine.errors import RecordTooLarge, StateAheadOfLog
from streams.engine.lanes import PartitionLog
from streams.engine.names import changelog, transactional_id
from streams.engine.reading import LogReader
from streams.engine.restore import Changelog, restore
from streams.engine.security import client_arguments
from streams.engine.store import MemoryStore
from streams.engine.transactions import (
    BATCH_BYTES_MAX,
    BROKER_BYTES_MAX,
    Home,
    KafkaTransactions,
)
from streams.settings import Settings
from streams.topics import STOCK_LEVELS, STOCK_MOVEMENTS
from tests.engine.tallies import Crash

pytestmark = pytest.mark.kafka

STAGE = "ledger"


@pytest.fixture
async def settings(broker: str, topic_prefix: str) -> Settings:
    made = Settings(
        broker=broker,
        app_id=f"{topic_prefix}app",
        topic_prefix=topic_prefix,
        partitions=2,
    )
    await create_topics(made, [STAGE])
    return made


def transactions(
    settings: Settings, crash_at: str = "", *, one_life_per_id: bool = False
) -> PartitionLog:
    def step(reached: str) -> None:
        if reached == crash_at:
            raise Crash(reached)

    own = KafkaTransactions(
        transactional_id=transactional_id(settings, STAGE, 1),
        group_id=settings.app_id,
        physical=lambda name: f"{settings.topic_prefix}{name}",
        client=dict(client_arguments(settings)),
        crash_point=step,
        one_life_per_id=one_life_per_id,
    )
    return PartitionLog(own, Home(changelog(settings, STAGE), 1))


@asynccontextmanager
async def opened(
    settings: Settings, crash_at: str = "", *, one_life_per_id: bool = False
) -> AsyncIterator[PartitionLog]:
    log = transactions(settings, crash_at, one_life_per_id=one_life_per_id)
    await log.open()
    try:
        yield log
    finally:
        await log.close()


def commit(sequence: int, *values: bytes) -> Commit:
    """A commit with a row, outputs and an offset."""
    return Commit(
        sequence=sequence,
        changelog=[(b"lMUG", b"%d" % sequence), (b"lCUP", b"1")],
        outputs={(STOCK_LEVELS, 0): [Outgoing(b"MUG", value, []) for value in values]},
        offsets={STOCK_MOVEMENTS: 10 * sequence},
    )


async def levels(settings: Settings, *, after: int = 0) -> list[bytes | None]:
    async with LogReader(settings) as reader:
        # A commit is final some milliseconds before its markers are written.
        for _ in range(100):
            if not await reader.uncommitted(STOCK_LEVELS):
                break
            await asyncio.sleep(0.01)
        return [
            record.value
            async for records in reader.read(STOCK_LEVELS, {0: after})
            for record in records
        ]


async def restored(settings: Settings, store: MemoryStore) -> int:
    tp = TopicPartition(changelog(settings, STAGE), 1)
    return await restore([Changelog(tp, store)], client_arguments(settings))


async def committed_offset(settings: Settings) -> int:
    async with LogReader(settings) as reader:
        return (await reader.committed(STOCK_MOVEMENTS))[1]


async def test_rows_outputs_and_offsets_appear_together(settings: Settings) -> None:
    async with opened(settings) as log:
        assert await log.commit(commit(1, b"a", b"b")) == 1
        # Offset 2 is the first transaction's marker.
        assert await log.commit(commit(2, b"c")) == 4

    store = MemoryStore()
    assert await levels(settings) == [b"a", b"b", b"c"]
    assert await restored(settings, store) == 4
    assert store.rows == {b"lMUG": b"2", b"lCUP": b"1"}
    assert store.changelog_offset() == 4
    assert await restored(settings, store) == 0
    assert await committed_offset(settings) == 20


@pytest.mark.parametrize(
    "step", ["changelog_sent", "outputs_sent", "offsets_sent", "before_commit"]
)
async def test_what_a_crash_left_open_is_never_seen(
    settings: Settings, step: str
) -> None:
    log = transactions(settings, step)
    await log.open()
    with pytest.raises(Crash):
        await log.commit(commit(1, b"lost"))

    async with opened(settings) as successor:
        await successor.commit(commit(1, b"kept"))
    await log.close()

    store = MemoryStore()
    assert await levels(settings) == [b"kept"]
    assert await restored(settings, store) == 2
    assert await committed_offset(settings) == 10


async def test_readers_who_begin_after_a_crash_see_what_comes_after_it(
    settings: Settings,
) -> None:
    """Whoever read on from there once skipped all that the successor committed."""
    embedded = await is_embedded(settings)
    log = transactions(settings, "before_commit", one_life_per_id=embedded)
    await log.open()
    with pytest.raises(Crash):
        await log.commit(commit(1, b"lost"))

    async with opened(settings, one_life_per_id=embedded) as successor:
        after = (await ends(settings))[0]
        await successor.commit(commit(1, b"kept"))
        await successor.commit(commit(2, b"kept too"))
    await log.close()

    assert after > 0
    assert await levels(settings, after=after) == [b"kept", b"kept too"]


async def ends(settings: Settings) -> dict[int, int]:
    async with LogReader(settings) as reader:
        return await reader.ends(STOCK_LEVELS)


@pytest.mark.parametrize("one_life_per_id", [False, True])
async def test_whoever_opens_the_log_fences_the_owner_before(
    settings: Settings, one_life_per_id: bool
) -> None:
    async with opened(settings, one_life_per_id=one_life_per_id) as first:
        await first.commit(commit(1, b"first"))
        async with opened(settings, one_life_per_id=one_life_per_id) as second:
            await second.commit(commit(2, b"second"))

            with pytest.raises(Fenced):
                await first.commit(commit(2, b"too late"))

            await second.commit(commit(3, b"third"))

    assert await levels(settings) == [b"first", b"second", b"third"]


async def test_with_one_life_per_id_each_opening_commits_under_a_new_one(
    settings: Settings,
) -> None:
    log = transactions(settings, one_life_per_id=True)
    try:
        for number in (1, 2, 3):
            await log.open()
            await log.commit(commit(number, b"%d" % number))
        other = transactions(settings, one_life_per_id=True)
        await other.open()
        # Whatever life the owner before was in: it is over.
        with pytest.raises(Fenced):
            await log.commit(commit(4, b"too late"))
        await other.commit(commit(4, b"4"))
        await other.close()
    finally:
        await log.close()

    assert await levels(settings) == [b"1", b"2", b"3", b"4"]


async def test_a_commit_larger_than_one_batch_is_still_one(settings: Settings) -> None:
    half = b"x" * (BATCH_BYTES_MAX // 2)
    big = Commit(sequence=1, changelog=[(b"l%d" % n, half) for n in range(5)])
    store = MemoryStore()

    async with opened(settings) as log:
        last = await log.commit(big)

    assert await restored(settings, store) == 5
    assert store.changelog_offset() == last == 4


async def test_a_record_larger_than_the_log_takes_is_named(settings: Settings) -> None:
    rows = [(b"lCUP", b"1"), (b"lMUG", b"x" * BROKER_BYTES_MAX)]

    async with opened(settings) as log:
        with pytest.raises(RecordTooLarge, match=r"key 'lMUG'.*\(1,048,588 bytes"):
            await log.commit(Commit(sequence=1, changelog=[*rows]))
        await log.open()
        # Larger than a batch is filled to, yet within what the broker takes.
        fits = [(b"lMUG", b"x" * (BATCH_BYTES_MAX + 1))]
        await log.commit(Commit(sequence=1, changelog=[*fits]))


async def test_a_log_that_is_not_open_leaves_the_outcome_unknown(
    settings: Settings,
) -> None:
    with pytest.raises(CommitUnknown, match="is not open"):
        await transactions(settings).commit(commit(1))


async def test_a_broker_that_does_not_answer_leaves_it_unknown() -> None:
    nobody = Settings(broker="127.0.0.1:1", app_id="nobody")

    with pytest.raises(CommitUnknown, match="cannot open nobody-ledger-1"):
        await transactions(nobody).open()


async def test_a_store_that_holds_more_than_the_log_is_refused(
    settings: Settings,
) -> None:
    async with opened(settings) as log:
        last = await log.commit(commit(1))
    store = MemoryStore()
    # The marker after the last row may be held, too; anything beyond is another log's.
    store.write([], last + 1)
    assert await restored(settings, store) == 0

    store.write([], last + 2)
    with pytest.raises(
        StateAheadOfLog, match=rf"offset {last + 2}, but the log ends at"
    ):
        await restored(settings, store)


async def test_restoring_tells_how_far_it_is(settings: Settings) -> None:
    async with opened(settings) as log:
        await log.commit(commit(1))
    tp = TopicPartition(changelog(settings, STAGE), 1)
    heard: list[tuple[int, int]] = []

    await restore(
        [Changelog(tp, MemoryStore())],
        client_arguments(settings),
        lambda done, of: heard.append((done, of)),
    )

    assert heard == [(3, 3)]
    assert await restore([], client_arguments(settings)) == 0
