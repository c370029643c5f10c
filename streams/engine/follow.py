"""Follows compacted topics live: every worker reads all of them, from the beginning."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiokafka
from aiokafka import TopicPartition

from streams.engine.names import physical
from streams.engine.security import client_arguments
from streams.settings import Settings
from streams.topics import Topic

Apply = Callable[[Topic, bytes, bytes | None], None]
"""Takes one record: its topic, key and value (None deletes)."""


class Follower:
    """Keeps something in memory equal to a set of compacted topics."""

    def __init__(
        self, settings: Settings, topics: Sequence[Topic], apply: Apply
    ) -> None:
        self._settings = settings
        self._topics = {physical(settings, topic): topic for topic in topics}
        self._apply = apply
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, *, at_once: bool = False) -> None:
        """Read everything there is, then go on in the background.

        Args:
            at_once: Do not wait for what there is.
        """
        client: Mapping[str, Any] = client_arguments(self._settings)
        consumer = aiokafka.AIOKafkaConsumer(
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=500,
            **client,
        )
        await consumer.start()
        self._consumer = consumer
        tps = [
            TopicPartition(name, partition)
            for name in self._topics
            for partition in range(self._settings.partitions)
        ]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        behind = set() if at_once else {tp for tp in tps if ends[tp] > 0}
        while behind:
            await self._read(consumer)
            behind = {tp for tp in behind if await consumer.position(tp) < ends[tp]}
        self._task = asyncio.create_task(self._follow(consumer), name="follower")

    async def stop(self) -> None:
        """Stop following."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _follow(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        while True:
            await self._read(consumer)

    async def _read(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        polled = await consumer.getmany(timeout_ms=1000, max_records=5000)
        for tp, records in polled.items():
            topic = self._topics[tp.topic]
            for record in records:
                if record.key is not None:
                    self._apply(topic, record.key, record.value)
        await asyncio.sleep(0)
