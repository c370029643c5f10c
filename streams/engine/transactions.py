"""One transactional producer per stage and partition: a commit is a transaction."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

import aiokafka
import structlog
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidTxnState,
    KafkaError,
    ProducerFenced,
)

from streams.engine.commit import Commit, CommitUnknown, Fenced, Outgoing, no_crash
from streams.engine.errors import RecordTooLarge
from streams.engine.headers import Headers
from streams.engine.recovery import changelog_headers

log = structlog.get_logger(__name__)

# Kafka's default broker limit for one record batch is 1,048,588 bytes.
BATCH_BYTES_MAX = 1_000_000
BROKER_BYTES_MAX = 1_048_588
TRANSACTION_TIMEOUT_MS = 15_000
REQUEST_TIMEOUT_MS = 10_000

STOP_TIMEOUT_S = 5.0

Item = tuple[bytes | None, bytes | None, Headers]
# A batch on its way, and how many records it holds; its result has the first's offset.
Sent = tuple["asyncio.Future[aiokafka.structs.RecordMetadata]", int]


class KafkaTransactions:
    """A partition's log: opening it fences whoever had it before.

    With `one_life_per_id` it commits under an id that never had an owner before. The
    embedded broker (0.2.3) names to readers every transaction that a producer id ever
    aborted, and so they skip whatever that id commits later on.
    """

    def __init__(
        self,
        *,
        transactional_id: str,
        group_id: str,
        changelog_topic: str,
        partition: int,
        physical: Callable[[str], str],
        client: dict[str, object],
        crash_point: Callable[[str], None] = no_crash,
        one_life_per_id: bool = False,
    ) -> None:
        self._transactional_id = transactional_id
        self._group_id = group_id
        self._changelog_topic = changelog_topic
        self._partition = partition
        self._physical = physical
        self._client = client
        self._crash_point = crash_point
        self._one_life_per_id = one_life_per_id
        self._life = 0
        self._producer: aiokafka.AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Start a producer; the broker settles and fences the previous owner.

        Raises:
            CommitUnknown: The broker did not answer; try again.
        """
        await self.close()
        producer = await self._start(self._transactional_id_of(self._life))
        while self._one_life_per_id and _had_an_owner(producer):
            # This one is fenced now, its open transaction settled: on to the next.
            await _stop(producer)
            self._life += 1
            producer = await self._start(self._transactional_id_of(self._life))
        self._producer = producer

    def _transactional_id_of(self, life: int) -> str:
        return f"{self._transactional_id}.{life}" if life else self._transactional_id

    async def _start(self, transactional_id: str) -> aiokafka.AIOKafkaProducer:
        producer = aiokafka.AIOKafkaProducer(
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=BATCH_BYTES_MAX + 48_000,
            linger_ms=0,
            # The broker may still be ending the last transaction: ask again soon.
            retry_backoff_ms=10,
            **self._client,
        )
        try:
            await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(producer)
            raise CommitUnknown(f"cannot open {transactional_id}") from error
        return producer

    async def close(self) -> None:
        """Let the producer go; the next owner's fence settles an open transaction."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def commit(self, commit: Commit) -> int:
        producer = self._producer
        if producer is None:
            raise CommitUnknown(f"{self._transactional_id} is not open")
        try:
            return await self._transact(producer, commit)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise Fenced(self._transactional_id) from error
        except (InvalidTxnState, IllegalOperation) as error:
            # What an old epoch gets to hear from brokers since KIP-890, and from its
            # own producer once that knows, in the middle of sending.
            raise Fenced(self._transactional_id) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise CommitUnknown(f"{self._transactional_id}: {error!r}") from error

    async def _transact(
        self, producer: aiokafka.AIOKafkaProducer, commit: Commit
    ) -> int:
        step = self._crash_point
        await producer.begin_transaction()
        headers = changelog_headers(commit.sequence)
        changelog = await self._send(
            producer,
            self._changelog_topic,
            self._partition,
            ((key, value, headers) for key, value in commit.changelog),
        )
        step("changelog_sent")
        sent = [future for future, _ in changelog]
        for (topic, partition), outgoing in commit.outputs.items():
            batches = await self._send(
                producer, self._physical(topic.name), partition, outgoing
            )
            sent += [future for future, _ in batches]
        step("outputs_sent")
        if commit.offsets:
            offsets = {
                aiokafka.TopicPartition(self._physical(topic.name), self._partition): n
                for topic, n in commit.offsets.items()
            }
            await producer.send_offsets_to_transaction(offsets, self._group_id)
        step("offsets_sent")
        await asyncio.gather(*sent)
        step("before_commit")
        await producer.commit_transaction()
        last_batch, records = changelog[-1]
        first_offset: int = last_batch.result().offset
        return first_offset + records - 1

    async def _send(
        self,
        producer: aiokafka.AIOKafkaProducer,
        topic: str,
        partition: int,
        items: Iterable[Item] | Iterable[Outgoing],
    ) -> list[Sent]:
        """Send as few batches as fit; `send` for each record costs seven times this."""
        sent: list[Sent] = []
        batch = _Filling(producer)
        for key, value, headers in items:
            if batch.append(key, value, headers):
                continue
            sent.append(await _send_batch(producer, batch, topic, partition))
            batch = _Filling(producer)
            batch.append(key, value, headers)
        sent.append(await _send_batch(producer, batch, topic, partition))
        return sent


class _Filling:
    """A batch being filled, past the Python layer of aiokafka 0.14's builder.

    That layer serialises, checks and asks the clock for each record: 2 us of 3.
    """

    __slots__ = ("_add", "_timestamp_ms", "builder", "first_key", "records")

    def __init__(self, producer: aiokafka.AIOKafkaProducer) -> None:
        self.builder = producer.create_batch()
        self.records = 0
        self.first_key: bytes | None = None
        self._add = self.builder._builder.append  # noqa: SLF001 - see the class
        self._timestamp_ms = int(time.time() * 1000)

    def append(self, key: bytes | None, value: bytes | None, headers: Headers) -> bool:
        """Add a record; say whether it fitted. The first one is always taken."""
        if not self.records:
            self.first_key = key
        added = self._add(
            self.records, self._timestamp_ms, key=key, value=value, headers=headers
        )
        if added is None:
            return False
        self.records += 1
        return True

    def close(self) -> None:
        """Hand the count to the builder, and let nothing more in."""
        self.builder._relative_offset = self.records  # noqa: SLF001 - see the class
        self.builder.close()


async def _send_batch(
    producer: aiokafka.AIOKafkaProducer, batch: _Filling, topic: str, partition: int
) -> Sent:
    batch.close()
    size = batch.builder.size()
    if size > BROKER_BYTES_MAX:
        raise RecordTooLarge(topic, batch.first_key, size, BROKER_BYTES_MAX)
    future = await producer.send_batch(batch.builder, topic, partition=partition)
    # After a failure nobody awaits the other batches: their errors are the same.
    future.add_done_callback(_look_at)
    return future, batch.records


def _had_an_owner(producer: aiokafka.AIOKafkaProducer) -> bool:
    epoch: int = producer._txn_manager.producer_epoch  # noqa: SLF001 - aiokafka 0.14 tells it nowhere else
    return epoch > 0


def _look_at(future: "asyncio.Future[object]") -> None:
    if not future.cancelled():
        future.exception()


async def _stop(producer: aiokafka.AIOKafkaProducer) -> None:
    # An open transaction cannot be finished here; nor can a dead broker be waited for.
    with contextlib.suppress(KafkaError, OSError, TimeoutError, AssertionError):
        await asyncio.wait_for(producer.stop(), STOP_TIMEOUT_S)
