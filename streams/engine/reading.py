"""Reads topics from outside the stages: for verify, explain, replay and the journal."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.engine.admin import unavailable
from streams.engine.fold import Record
from streams.engine.metadata import acquaint
from streams.engine.names import changelog, physical
from streams.engine.security import client_arguments
from streams.settings import Settings
from streams.topics import Topic

RECORDS_PER_POLL = 10_000
BACKWARD_WINDOW = 20_000
FETCH_BYTES_MAX = 2 * 1024 * 1024


class LogReader:
    """Reads committed records; no group, no offsets kept. One reader, one task."""

    def __init__(
        self, settings: Settings, *, fetch_bytes: int = FETCH_BYTES_MAX
    ) -> None:
        self._settings = settings
        self._fetch_bytes = fetch_bytes
        self._consumer: aiokafka.AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        consumer = aiokafka.AIOKafkaConsumer(
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=self._fetch_bytes,
            fetch_max_wait_ms=50,
            **client_arguments(self._settings),
        )
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            await consumer.stop()
            raise unavailable(self._settings.broker, error) from error
        self._consumer = consumer
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    @property
    def _open(self) -> aiokafka.AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("use `async with LogReader(settings) as reader`")
        return self._consumer

    async def ends(self, topic: Topic) -> dict[int, int]:
        """Return each partition's end: the offset of the next committed record."""
        return await self._ends(self._partitions(physical(self._settings, topic)))

    async def is_whole(self, topic: Topic) -> bool:
        """Say whether a topic still holds every record it ever had."""
        tps = self._partitions(physical(self._settings, topic))
        await acquaint(self._open, tps)
        firsts = await self._open.beginning_offsets(tps)
        return not any(firsts.values())

    async def uncommitted(self, topic: Topic) -> int:
        """Return how many offsets at the ends belong to transactions still open.

        What they hold is in the log but no reader sees it yet, nor what follows it.
        """
        tps = self._partitions(physical(self._settings, topic))
        committed = await self._ends(tps)
        consumer = aiokafka.AIOKafkaConsumer(
            enable_auto_commit=False,
            isolation_level="read_uncommitted",
            **client_arguments(self._settings),
        )
        await consumer.start()
        try:
            await acquaint(consumer, tps)
            written = await consumer.end_offsets(tps)
        finally:
            await consumer.stop()
        return sum(max(0, written[tp] - committed[tp.partition]) for tp in tps)

    async def changelog_ends(self, stage: str) -> dict[int, int]:
        """Return the ends of a stage's changelog."""
        return await self._ends(self._partitions(changelog(self._settings, stage)))

    async def committed(self, topic: Topic) -> dict[int, int]:
        """Return what the application's group has committed, by partition."""
        client = aiokafka.AIOKafkaConsumer(
            group_id=self._settings.app_id,
            enable_auto_commit=False,
            **client_arguments(self._settings),
        )
        try:
            await client.start()
            tps = self._partitions(physical(self._settings, topic))
            return {tp.partition: await client.committed(tp) or 0 for tp in tps}
        except (KafkaError, OSError) as error:
            raise unavailable(self._settings.broker, error) from error
        finally:
            await client.stop()

    def read(
        self, topic: Topic, starts: Mapping[int, int] | None = None
    ) -> AsyncIterator[Sequence[Record]]:
        """Walk a topic's records up to its present end, by the batch.

        Args:
            starts: The first offset wanted, by partition; from the earliest if absent.
        """
        return self._read(self._partitions(physical(self._settings, topic)), starts)

    def read_changelog(
        self, stage: str, starts: Mapping[int, int] | None = None
    ) -> AsyncIterator[Sequence[Record]]:
        """Walk a stage's changelog up to its present end."""
        return self._read(self._partitions(changelog(self._settings, stage)), starts)

    async def latest(
        self,
        topic: Topic,
        partition: int,
        key: bytes,
        limit: int,
        *,
        before: int | None = None,
    ) -> list[Record]:
        """Find a key's newest records in one partition, newest first.

        Walks back in windows, from the end or from an offset, so it costs as much as
        the key is rare.
        """
        tp = TopicPartition(physical(self._settings, topic), partition)
        return await self._latest(tp, key, limit, before)

    async def since(
        self, topic: Topic, partition: int, key: bytes, at: datetime, *, reach: int
    ) -> AsyncGenerator[Record]:
        """Walk a key's records written at a time or later, oldest first.

        The broker's index by time says where to begin.

        Args:
            reach: How many offsets to look at, at most.
        """
        tp = TopicPartition(physical(self._settings, topic), partition)
        at_ms = int(at.timestamp() * 1000)
        found = (await self._open.offsets_for_times({tp: at_ms}))[tp]
        if found is None:
            return
        end = (await self._ends([tp]))[partition]
        stops = {partition: min(end, found.offset + reach)}
        async for records in self._read([tp], {partition: found.offset}, stops):
            for record in records:
                if record.key == key:
                    yield record

    async def latest_change(
        self, stage: str, partition: int, key: bytes
    ) -> bytes | None:
        """Find a state row's newest value in its changelog; None if there is none."""
        tp = TopicPartition(changelog(self._settings, stage), partition)
        found = await self._latest(tp, key, 1)
        return found[0].value if found else None

    async def _latest(
        self, tp: TopicPartition, key: bytes, limit: int, before: int | None = None
    ) -> list[Record]:
        consumer, partition = self._open, tp.partition
        end = before if before is not None else (await self._ends([tp]))[partition]
        first = (await consumer.beginning_offsets([tp]))[tp]
        found: list[Record] = []
        while end > first and len(found) < limit:
            start = max(first, end - BACKWARD_WINDOW)
            window: list[Record] = []
            async for records in self._read([tp], {partition: start}, {partition: end}):
                window += [record for record in records if record.key == key]
            found += reversed(window)
            end = start
        return found[:limit]

    def _partitions(self, name: str) -> list[TopicPartition]:
        return [
            TopicPartition(name, partition)
            for partition in range(self._settings.partitions)
        ]

    async def _ends(self, tps: Sequence[TopicPartition]) -> dict[int, int]:
        await acquaint(self._open, tps)
        ends = await self._open.end_offsets(tps)
        return {tp.partition: end for tp, end in ends.items()}

    async def _read(
        self,
        tps: Sequence[TopicPartition],
        starts: Mapping[int, int] | None,
        stops: Mapping[int, int] | None = None,
    ) -> AsyncIterator[Sequence[Record]]:
        consumer = self._open
        ends = dict(stops) if stops is not None else await self._ends(tps)
        consumer.assign(list(tps))
        await consumer.seek_to_beginning(*tps)
        for tp in tps:
            if starts is not None and tp.partition in starts:
                consumer.seek(tp, starts[tp.partition])
        behind = set(tps)
        while True:
            for tp in list(behind):
                if await consumer.position(tp) >= ends[tp.partition]:
                    behind.discard(tp)
                    consumer.pause(tp)
            if not behind:
                return
            # A transaction's marker moves the position, and is no record to wait for.
            polled = await consumer.getmany(timeout_ms=50, max_records=RECORDS_PER_POLL)
            for tp, records in polled.items():
                end = ends[tp.partition]
                yield [record for record in records if record.offset < end]
