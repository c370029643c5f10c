"""Transactional producers: a transaction carries what partitions commit together."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
from streams.engine.membership import Member, MembershipLost, commit_as_member
from streams.engine.recovery import WRITER, changelog_headers
from streams.engine.transaction_version import upgrade
from streams.topics import Topic

log = structlog.get_logger(__name__)

# Kafka's default broker limit for one record batch is 1,048,588 bytes.
BATCH_BYTES_MAX = 1_000_000
BROKER_BYTES_MAX = 1_048_588
LARGE_BYTES = 500_000
"""Values above are looked at one by one before they go into a common batch."""
HEADERS_ROOM = 512
"""What a changelog record's headers take at most."""
GROUP_RECORDS_MAX = 20_000
"""Commits that come when a transaction has this many records go into the next."""
TRANSACTION_TIMEOUT_MS = 15_000
REQUEST_TIMEOUT_MS = 10_000

STOP_TIMEOUT_S = 5.0

Item = tuple[bytes | None, bytes | None, Headers]
# A batch on its way, and how many records it holds; its result has the first's offset.
Sent = tuple["asyncio.Future[aiokafka.structs.RecordMetadata]", int]


class Home(NamedTuple):
    """Where a partition of a stage keeps its state on the broker."""

    changelog: str
    partition: int


class KafkaTransactions:
    """A transactional producer; each transaction carries what commits there are.

    While one is under way, commits gather for the next. With a `member`, each carries
    the worker's membership of the group, so that the broker refuses it once the
    partitions have been given to somebody else (KIP-447); without, the id itself is
    one owner's, and opening fences whoever had it before.

    With `one_life_per_id` it commits under an id that never had an owner before. The
    embedded broker (0.2.3) names to readers every transaction that a producer id ever
    aborted, and so they skip whatever that id commits later on.
    """

    def __init__(
        self,
        *,
        transactional_id: str,
        group_id: str,
        physical: Callable[[str], str],
        client: Mapping[str, object],
        crash_point: Callable[[str], None] = no_crash,
        one_life_per_id: bool = False,
        member: Callable[[], Member] | None = None,
    ) -> None:
        self._transactional_id = transactional_id
        self._group_id = group_id
        self._physical = physical
        self._client = client
        self._crash_point = crash_point
        self._one_life_per_id = one_life_per_id
        self._member = member
        self._life = 0
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._broken: aiokafka.AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._carrying: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Say whether a transaction is under way, so that another commit would wait."""
        return self._carrying is not None

    async def open(self) -> None:
        """Start a producer; the broker settles and fences whoever had the id before.

        Raises:
            CommitUnknown: The broker did not answer; try again.
        """
        async with self._opening:
            await self.close()
            producer = await self._start(self._transactional_id_of(self._life))
            while self._one_life_per_id and _had_an_owner(producer):
                # This one is fenced now, its open transaction settled: to the next.
                await _stop(producer)
                self._life += 1
                producer = await self._start(self._transactional_id_of(self._life))
            self._producer = producer

    async def reopen(self) -> None:
        """Open where a commit failed since; one partition does it for all."""
        if self._producer is None:
            await self.open()

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
        if self._member is not None:
            commit_as_member(producer, self._member)
        try:
            await producer.start()
            if self._member is not None:
                await upgrade(producer)
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(producer)
            raise CommitUnknown(f"cannot open {transactional_id}") from error
        return producer

    async def close(self) -> None:
        """Let the producer go; the next owner's fence settles an open transaction."""
        producers = [self._producer, self._broken]
        self._producer = self._broken = None
        for producer in producers:
            if producer is not None:
                await _stop(producer)

    async def commit(self, home: Home, commit: Commit) -> int:
        """Commit all of it or nothing; return the last changelog offset written.

        Raises:
            Fenced: Another owner has taken over.
            CommitUnknown: It failed, or the outcome is not known.
            RecordTooLarge: The log does not take a record of it; others went on.
        """
        if self._opening.locked():
            async with self._opening:
                pass
        if self._producer is None:
            raise CommitUnknown(f"{self._transactional_id} is not open")
        waiting = _Waiting(home, commit, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._carrying is None:
            self._carrying = asyncio.create_task(self._carry())
        return await waiting.done

    async def _carry(self) -> None:
        """Carry commits, all that have come together, until none is left."""
        try:
            while self._waiting:
                # Whoever is about to commit in this turn of the loop comes along.
                await asyncio.sleep(0)
                await self._carry_group(self._next_group())
        finally:
            self._carrying = None

    def _next_group(self) -> list["_Waiting"]:
        group: list[_Waiting] = []
        records = 0
        while self._waiting and records < GROUP_RECORDS_MAX:
            waiting = self._waiting.popleft()
            group.append(waiting)
            records += waiting.commit.records
        return group

    async def _carry_group(self, group: list["_Waiting"]) -> None:
        producer = self._producer
        try:
            await self._transact(group)
        except BaseException as error:
            if self._producer is producer:
                self._producer, self._broken = None, producer
                _ignore_end(producer)
            told = self._told(error)
            for waiting in group:
                if not waiting.done.done():
                    waiting.done.set_exception(told)
            if isinstance(error, asyncio.CancelledError):
                raise

    def _told(self, error: BaseException) -> BaseException:
        """Return what those who wait for a failed transaction hear."""
        fenced = (ProducerFenced, InvalidProducerEpoch, MembershipLost)
        # The last two: what an old epoch gets to hear from brokers since KIP-890, and
        # from its own producer once that knows, in the middle of sending.
        if isinstance(error, (*fenced, InvalidTxnState, IllegalOperation)):
            return Fenced(f"{self._transactional_id}: {error!r}")
        unknown = (KafkaError, OSError, TimeoutError, asyncio.CancelledError)
        if isinstance(error, unknown):
            return CommitUnknown(f"{self._transactional_id}: {error!r}")
        return error

    async def _transact(self, whole: Sequence["_Waiting"]) -> None:
        producer = self._producer
        if producer is None:
            raise CommitUnknown(f"{self._transactional_id} is not open")
        group = [each for each in whole if _fits(producer, each, self._physical)]
        if not group:
            return
        step = self._crash_point
        writer = self._transactional_id_of(self._life).encode()
        await producer.begin_transaction()
        changelogs = [
            await _send(producer, *each.home, _changelog(each.commit, writer))
            for each in group
        ]
        step("changelog_sent")
        sent = [future for changelog in changelogs for future, _ in changelog]
        for (topic, partition), outgoing in _outputs(group).items():
            batches = await _send(
                producer, self._physical(topic.name), partition, outgoing
            )
            sent += [future for future, _ in batches]
        await asyncio.gather(*sent)
        step("outputs_sent")
        # Only now: whoever takes over looks for open transactions in the changelog, and
        # one that got its offsets in under the old membership must be found there.
        if offsets := self._offsets(group):
            await producer.send_offsets_to_transaction(offsets, self._group_id)
        step("offsets_sent")
        step("before_commit")
        await producer.commit_transaction()
        for each, changelog in zip(group, changelogs, strict=True):
            last_batch, records = changelog[-1]
            if not each.done.done():
                each.done.set_result(last_batch.result().offset + records - 1)

    def _offsets(
        self, group: Sequence["_Waiting"]
    ) -> dict[aiokafka.TopicPartition, int]:
        return {
            aiokafka.TopicPartition(
                self._physical(topic.name), each.home.partition
            ): offset
            for each in group
            for topic, offset in (each.commit.offsets or each.commit.stands).items()
        }


@dataclass(slots=True)
class _Waiting:
    """A commit and who waits for it."""

    home: Home
    commit: Commit
    done: "asyncio.Future[int]"


def _changelog(commit: Commit, writer: bytes) -> Iterator[Item]:
    """The changelog's records; the first one names its writer."""
    headers = changelog_headers(commit.sequence)
    named = [*headers, (WRITER, writer)]
    for key, value in commit.changelog:
        yield key, value, named
        named = headers


def _outputs(
    group: Sequence[_Waiting],
) -> dict[tuple[Topic, int], list[Outgoing]]:
    """Join the outputs: each batch of a partition waits for the one before it."""
    joined: dict[tuple[Topic, int], list[Outgoing]] = {}
    for each in group:
        for target, outgoing in each.commit.outputs.items():
            joined.setdefault(target, []).extend(outgoing)
    return joined


def _fits(
    producer: aiokafka.AIOKafkaProducer,
    waiting: _Waiting,
    physical: Callable[[str], str],
) -> bool:
    """Say whether the log takes each record; if not, tell who waits for it."""
    commit = waiting.commit
    items: list[tuple[str, Item | Outgoing]] = [
        (waiting.home.changelog, (key, value, []))
        for key, value in commit.changelog
        if value is not None and len(value) > LARGE_BYTES
    ]
    items += [
        (physical(topic.name), output)
        for (topic, _), outgoing in commit.outputs.items()
        for output in outgoing
        if len(output.value or b"") > LARGE_BYTES
    ]
    for topic, (key, value, headers) in items:
        alone = _Filling(producer)
        alone.append(key, value, headers)
        alone.close()
        if (size := alone.builder.size() + HEADERS_ROOM) > BROKER_BYTES_MAX:
            error = RecordTooLarge(topic, key, size, BROKER_BYTES_MAX)
            waiting.done.set_exception(error)
            return False
    return True


async def _send(
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


def _ignore_end(producer: aiokafka.AIOKafkaProducer | None) -> None:
    """Have nobody complain that the end of a failed transaction was not awaited."""
    if producer is not None:
        end = producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001 - aiokafka 0.14 keeps it to itself
        if end is not None:
            end.add_done_callback(_look_at)


def _look_at(future: "asyncio.Future[object]") -> None:
    if not future.cancelled():
        future.exception()


async def _stop(producer: aiokafka.AIOKafkaProducer) -> None:
    # An open transaction cannot be finished here; nor can a dead broker be waited for.
    with contextlib.suppress(KafkaError, OSError, TimeoutError, AssertionError):
        await asyncio.wait_for(producer.stop(), STOP_TIMEOUT_S)
