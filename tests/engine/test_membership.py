"""Partitions of a worker commit together, as a member; who lost them cannot commit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiokafka
import pytest
from aiokafka import TopicPartition

from streams.engine import transactions
from streams.engine.admin import create_topics
from streams.engine.commit import Commit, CommitUnknown, Fenced, Outgoing
from streams.engine.embedded import is_embedded
from streams.engine.errors import RecordTooLarge
from streams.engine.lanes import LARGE_RECORDS, PartitionLog
from streams.engine.logs import Logs
from streams.engine.membership import Member
from streams.engine.names import changelog
from streams.engine.reading import LogReader
from streams.engine.restore import Changelog, restore
from streams.engine.security import client_arguments
from streams.engine.store import MemoryStore
from streams.engine.takeover import settle
from streams.engine.transactions import BROKER_BYTES_MAX
from streams.settings import Settings
from streams.topics import STOCK_LEVELS, STOCK_MOVEMENTS
from tests.edge.fakes import until
from tests.engine.tallies import Crash

pytestmark = pytest.mark.kafka

STAGE = "ledger"


@pytest.fixture(autouse=True, params=[1, 2], ids=["version 1", "version 2"])
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Kafka's transaction version; clusters that were upgraded may still have 1."""

    async def keep(_producer: aiokafka.AIOKafkaProducer) -> bool:
        return False

    spoken: int = request.param
    if spoken == 1:
        monkeypatch.setattr(transactions, "upgrade", keep)
    return spoken


@pytest.fixture
async def settings(broker: str, topic_prefix: str) -> Settings:
    made = Settings(
        broker=broker,
        app_id=f"{topic_prefix}app",
        topic_prefix=topic_prefix,
        partitions=2,
        worker_id="one",
    )
    if await is_embedded(made):
        pytest.skip("the embedded broker does not look at memberships")
    await create_topics(made, [STAGE])
    return made


class Group:
    """The group as Faust would keep it, with one static member of each name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @asynccontextmanager
    async def joined(self, name: str) -> AsyncIterator[Member]:
        instance = f"{self._settings.app_id}-{name}"
        consumer = aiokafka.AIOKafkaConsumer(
            f"{self._settings.topic_prefix}{STOCK_MOVEMENTS.name}",
            group_id=self._settings.app_id,
            group_instance_id=instance,
            enable_auto_commit=False,
            heartbeat_interval_ms=200,
            **client_arguments(self._settings),
        )
        async with consumer:
            await until(lambda: bool(consumer.assignment()))
            coordinator = consumer._coordinator
            yield Member(coordinator.generation, coordinator.member_id, instance)


@asynccontextmanager
async def logs(
    settings: Settings, member: Member, crash_at: str = ""
) -> AsyncIterator[tuple[PartitionLog, PartitionLog]]:
    made = Logs(
        settings, client_arguments(settings), crash(crash_at), is_embedded=False
    )
    two = made.of(STAGE, 0), made.of(STAGE, 1)
    await made.open(member, two)
    try:
        yield two
    finally:
        await made.close()


def crash(at: str) -> Callable[[str], None]:
    def step(reached: str) -> None:
        if reached == at:
            raise Crash(reached)

    return step


def commit(value: bytes, *, sequence: int = 1, row: bytes = b"1") -> Commit:
    return Commit(
        sequence=sequence,
        changelog=[(b"lMUG", row)],
        outputs={(STOCK_LEVELS, 0): [Outgoing(b"MUG", value, [])]},
        offsets={STOCK_MOVEMENTS: 10 * sequence},
    )


async def levels(settings: Settings) -> list[bytes | None]:
    async with LogReader(settings) as reader:
        # A commit is final some milliseconds before its markers are written; what was
        # left open stays so for longer.
        for _ in range(100):
            if not await reader.uncommitted(STOCK_LEVELS):
                break
            await asyncio.sleep(0.01)
        return [
            record.value
            async for records in reader.read(STOCK_LEVELS, {0: 0})
            for record in records
        ]


async def end(settings: Settings) -> int:
    async with LogReader(settings) as reader:
        return (await reader.ends(STOCK_LEVELS))[0]


async def test_partitions_that_commit_at_the_same_time_share_a_transaction(
    settings: Settings,
) -> None:
    async with Group(settings).joined("one") as member, logs(settings, member) as both:
        await asyncio.gather(both[0].commit(commit(b"a")), both[1].commit(commit(b"b")))

        assert sorted(await levels(settings), key=str) == [b"a", b"b"]
        # Two records and a single marker.
        assert await end(settings) == 3
        async with LogReader(settings) as reader:
            assert await reader.committed(STOCK_MOVEMENTS) == {0: 10, 1: 10}


def large(value: bytes, *, rows: int = LARGE_RECORDS) -> Commit:
    made = commit(value)
    made.changelog += [(b"l%d" % number, b"1") for number in range(1, rows)]
    return made


async def test_large_commits_are_in_transactions_of_their_own(
    settings: Settings,
) -> None:
    async with Group(settings).joined("one") as member, logs(settings, member) as both:
        await asyncio.gather(both[0].commit(large(b"a")), both[1].commit(large(b"b")))

        assert sorted(await levels(settings), key=str) == [b"a", b"b"]
        # Two records, each with a marker.
        assert await end(settings) == 4
        async with LogReader(settings) as reader:
            assert await reader.committed(STOCK_MOVEMENTS) == {0: 10, 1: 10}


async def test_small_and_large_commits_of_a_partition_follow_one_another(
    settings: Settings,
) -> None:
    async with Group(settings).joined("one") as member, logs(settings, member) as both:
        for sequence in range(1, 9):
            made = (large if sequence % 2 else commit)(b"%d" % sequence)
            made.offsets[STOCK_MOVEMENTS] = sequence
            await both[0].commit(made)

        assert await levels(settings) == [b"%d" % number for number in range(1, 9)]


async def test_each_partition_hears_where_its_own_changelog_ends(
    settings: Settings,
) -> None:
    async with Group(settings).joined("one") as member, logs(settings, member) as both:
        for sequence in (1, 2, 3):
            ends = await asyncio.gather(
                *(one.commit(commit(b"x", sequence=sequence)) for one in both)
            )

        assert ends == [4, 4]
        for partition in (0, 1):
            store = MemoryStore()
            tp = TopicPartition(changelog(settings, STAGE), partition)
            await restore([Changelog(tp, store)], client_arguments(settings))
            assert store.changelog_offset() == 4


async def test_a_record_that_is_too_large_stops_its_own_partition_only(
    settings: Settings,
) -> None:
    large = commit(b"too large", row=b"x" * BROKER_BYTES_MAX)

    async with Group(settings).joined("one") as member, logs(settings, member) as both:
        refused, taken = await asyncio.gather(
            both[0].commit(large), both[1].commit(commit(b"b")), return_exceptions=True
        )

        assert isinstance(refused, RecordTooLarge)
        assert taken == 0
        await both[0].commit(commit(b"a"))
    assert await levels(settings) == [b"b", b"a"]


async def test_what_the_broker_refuses_nobody_sees_and_the_next_opening_goes_on(
    settings: Settings,
) -> None:
    async with (
        Group(settings).joined("one") as member,
        logs(settings, member, "before_commit") as both,
    ):
        with pytest.raises(Crash):
            await both[0].commit(commit(b"lost"))
        with pytest.raises(CommitUnknown, match="is not open"):
            await both[1].commit(commit(b"not open"))

    async with Group(settings).joined("one") as member, logs(settings, member) as both:
        await both[1].commit(commit(b"kept"))

    assert await levels(settings) == [b"kept"]


async def test_a_member_of_an_old_generation_cannot_commit(settings: Settings) -> None:
    group = Group(settings)
    async with group.joined("one") as old, logs(settings, old) as both:
        await both[0].commit(commit(b"first"))
        async with group.joined("two") as new:
            assert new.generation > old.generation

            with pytest.raises(Fenced, match="MembershipLost"):
                await both[0].commit(commit(b"too late", sequence=2))

    assert await levels(settings) == [b"first"]


async def test_a_tick_that_moves_no_offset_is_refused_as_well(
    settings: Settings,
) -> None:
    group = Group(settings)
    tick = Commit(2, [(b"lMUG", b"2")], stands={STOCK_MOVEMENTS: 10})
    async with group.joined("one") as old, logs(settings, old) as both:
        await both[0].commit(tick)
        async with group.joined("two"):
            with pytest.raises(Fenced, match="MembershipLost"):
                await both[0].commit(tick)


async def test_whoever_restarts_under_its_own_name_fences_its_former_self(
    settings: Settings,
) -> None:
    group = Group(settings)
    async with group.joined("one") as old:
        pass  # Stopped dead: a static member keeps its place until its session ends.
    async with logs(settings, old) as before:
        await before[0].commit(commit(b"before"))
        async with group.joined("one") as new, logs(settings, new) as after:
            assert new.member_id != old.member_id
            await after[0].commit(commit(b"after", sequence=2))

            with pytest.raises(Fenced):
                await before[1].commit(commit(b"too late"))

    assert await levels(settings) == [b"before", b"after"]


@pytest.mark.parametrize("rows", [1, LARGE_RECORDS], ids=["small", "large"])
@pytest.mark.parametrize("step", ["outputs_sent", "offsets_sent"])
async def test_a_new_owner_ends_what_the_owner_before_left_open(
    settings: Settings, step: str, rows: int
) -> None:
    group = Group(settings)
    other = settings.model_copy(update={"worker_id": "two"})
    async with group.joined("one") as old, logs(settings, old, step) as before:
        with pytest.raises(Crash):
            await before[0].commit(large(b"left open", rows=rows))

        async with group.joined("two") as new:
            # Far less than the broker takes to give up on a transaction by itself.
            async with asyncio.timeout(10), logs(other, new) as after:
                await after[0].commit(commit(b"taken over"))

            with pytest.raises((CommitUnknown, Fenced)):
                await before[0].commit(large(b"woken late", rows=rows))

    assert await levels(settings) == [b"taken over"]


async def test_nothing_is_fenced_where_nothing_is_open(settings: Settings) -> None:
    fenced: list[str] = []

    async def fence(writer: str) -> None:
        fenced.append(writer)

    async with Group(settings).joined("one") as member, logs(settings, member) as both:
        await both[0].commit(commit(b"done"))
        tps = [TopicPartition(changelog(settings, STAGE), n) for n in (0, 1)]
        await settle(tps, client_arguments(settings), fence)

    assert fenced == []
