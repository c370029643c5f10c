"""One connection of the plain producer: an aiokafka producer and its end."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import aiokafka
from aiokafka import errors as kafka
from aiokafka.partitioner import DefaultPartitioner

from streams.engine.errors import Position, TopicMissing
from streams.engine.headers import Headers

RECORD_BYTES_MAX = 1_000_000
"""Kafka takes 1,048,588 bytes by default; the rest is for headers and framing."""

# A batch per partition is under way at a time, so this bounds what one answer carries.
_BATCH_BYTES_MAX = 256 * 1024
# Long enough for the appends of one turn of the event loop to share a request.
_LINGER_MS = 2
_ABANDON_S = 1.0


class Entry(NamedTuple):
    """A record to append."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Connection:
    """One aiokafka producer, from its start to its end."""

    def __init__(self, arguments: dict[str, Any], request_timeout_s: float) -> None:
        self.acknowledged_at = 0.0
        self._known_topics: set[str] = set()
        self._partition_of = DefaultPartitioner()
        self.producer = aiokafka.AIOKafkaProducer(
            **arguments,
            enable_idempotence=True,
            acks="all",
            linger_ms=_LINGER_MS,
            max_batch_size=_BATCH_BYTES_MAX,
            max_request_size=RECORD_BYTES_MAX + 48_000,
            request_timeout_ms=int(request_timeout_s * 1000),
        )

    @property
    def alive(self) -> bool:
        task = self._sender.sender_task
        return task is not None and not task.done()

    async def open(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self.producer.start()
        except BaseException:
            await self.abandon()
            raise

    async def require_topic(self, name: str) -> None:
        """Refuse a topic that is not there.

        Asking for it by name would make a broker with auto.create.topics.enable create
        it, with one partition.
        """
        if name in self._known_topics:
            return
        metadata = await self.producer.client.fetch_all_metadata()
        if name not in metadata.topics():
            raise TopicMissing(
                f"The topic {name} does not exist",
                remedy="Create it with `oneshelf topics create`, "
                "or mend ONESHELF_TOPIC_PREFIX",
            )
        self._known_topics.add(name)

    async def send_all(
        self, name: str, entries: Sequence[Entry], acknowledged: list[Position | None]
    ) -> None:
        """Send every partition's records in order, partitions beside each other.

        `create_batch` and `send_batch` cost a seventh of `send` for each record.
        """
        partitions = sorted(await self.producer.partitions_for(name))
        chosen: dict[int, list[int]] = {}
        for index, entry in enumerate(entries):
            partition = self._partition_of(entry.key, partitions, partitions)
            chosen.setdefault(partition, []).append(index)
        outcomes = await asyncio.gather(
            *(
                self._send_partition(name, partition, indexes, entries, acknowledged)
                for partition, indexes in chosen.items()
            ),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _send_partition(
        self,
        name: str,
        partition: int,
        indexes: list[int],
        entries: Sequence[Entry],
        acknowledged: list[Position | None],
    ) -> None:
        sent: deque[tuple[asyncio.Future[Any], list[int]]] = deque()
        try:
            for batch, members in self._batches(indexes, entries):
                future = await self.producer.send_batch(
                    batch, name, partition=partition
                )
                sent.append((future, members))
                # One behind: a batch waits in the queue while another travels.
                if len(sent) > 1:
                    await self._settle(partition, *sent.popleft(), acknowledged)
            while sent:
                await self._settle(partition, *sent.popleft(), acknowledged)
        finally:
            for future, _ in sent:
                future.cancel()

    async def _settle(
        self,
        partition: int,
        future: "asyncio.Future[Any]",
        members: list[int],
        acknowledged: list[Position | None],
    ) -> None:
        first = (await future).offset
        self.acknowledged_at = time.monotonic()
        for step, index in enumerate(members):
            acknowledged[index] = (partition, first + step if first >= 0 else -1)

    def _batches(
        self, indexes: list[int], entries: Sequence[Entry]
    ) -> "Iterable[tuple[Any, list[int]]]":
        batch, members = self.producer.create_batch(), list[int]()
        for index in indexes:
            entry = entries[index]
            while (
                batch.append(
                    timestamp=None,
                    key=entry.key,
                    value=entry.value,
                    headers=entry.headers,
                )
                is None
            ):
                yield batch, members
                batch, members = self.producer.create_batch(), []
            members.append(index)
        batch.close()
        yield batch, members

    async def close(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError, kafka.KafkaError):
            async with asyncio.timeout(timeout_s):
                await self.producer.flush()
        await self.abandon()

    async def abandon(self) -> None:
        """End it without waiting for its records: aiokafka 0.14's `stop` flushes first,
        and with idempotence a flush towards a dead broker never ends."""
        producer = self.producer
        producer._closed = True  # noqa: SLF001 # as `stop` does
        task = self._sender.sender_task
        for _ in range(2):
            # The first cancel lets requests under way end, the second does not.
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_ABANDON_S)
        _fail_buffered(producer._message_accumulator)  # noqa: SLF001 # as `stop` does
        with contextlib.suppress(kafka.KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_ABANDON_S):
                await producer.client.close()

    @property
    def _sender(self) -> Any:
        return self.producer._sender  # noqa: SLF001 # told nowhere else


def _fail_buffered(accumulator: Any) -> None:
    """Fail all records still buffered, and complain about none that nobody awaits."""
    pending = accumulator._pending_batches  # noqa: SLF001 # aiokafka 0.14, see below
    queued = accumulator._batches.values()  # noqa: SLF001 # aiokafka 0.14, see below
    batches = [*pending, *(batch for queue in queued for batch in queue)]
    # A batch that is back in the queue for a retry is not in `pending`, yet aiokafka
    # 0.14 removes it from there when it ends, and logs a KeyError.
    pending.update(batches)
    accumulator.fail_all(kafka.ProducerClosed())
    for batch in batches:
        for future in (batch.future, batch._drain_waiter):  # noqa: SLF001 # see above
            if future.done() and not future.cancelled():
                future.exception()
