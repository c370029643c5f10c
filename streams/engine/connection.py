"""One connection of the plain producer: its partitions' queues, from start to end."""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import aiokafka
from aiokafka import errors as kafka

from streams.engine.errors import Position, TopicMissing
from streams.engine.hashing import partition_of
from streams.engine.headers import Headers

RECORD_BYTES_MAX = 1_000_000
"""Kafka takes 1,048,588 bytes by default; the rest is for headers and framing."""

GATHER_S = 0.01
GATHER_FROM, GATHER_UP_TO = 3, 2_000
TOPIC_LOOKS = 6
TOPIC_LOOK_S = 0.2

# A batch per partition is under way at a time, so this bounds what one answer carries.
_BATCH_BYTES_MAX = 256 * 1024
_ABANDON_S = 1.0


class Entry(NamedTuple):
    """A record to append; without a partition its key chooses one."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


class Receipt:
    """What becomes of the records of one call; `done` once each is settled."""

    __slots__ = ("acknowledged", "began", "done", "error", "open")

    def __init__(self, count: int) -> None:
        self.acknowledged: list[Position | None] = [None] * count
        self.began = time.monotonic()
        self.error: Exception | None = None
        self.open = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, index: int, outcome: Position | Exception) -> None:
        if isinstance(outcome, Exception):
            self.error = self.error or outcome
        else:
            self.acknowledged[index] = outcome
        self.open -= 1
        # The caller may be gone, its future cancelled.
        if self.open == 0 and not self.done.done():
            self.done.set_result(None)


class _Slot:
    __slots__ = ("entry", "index", "open", "receipt")

    def __init__(self, entry: Entry, receipt: Receipt, index: int) -> None:
        self.entry = entry
        self.receipt = receipt
        self.index = index
        self.open = True

    def settle(self, outcome: Position | Exception) -> None:
        if self.open:
            self.open = False
            self.receipt.settle(self.index, outcome)


Failed = Callable[["Connection", Exception, Sequence[_Slot]], None]


class _Lane:
    """A partition's queue: while a batch travels, the next one gathers.

    So batches grow with the load by themselves, and records of a partition keep their
    order. aiokafka's `send` costs ten times as much for each record.
    """

    def __init__(self, connection: "Connection", topic: str, partition: int) -> None:
        self.waiting: deque[_Slot] = deque()
        self.travelling: list[_Slot] = []
        self.task: asyncio.Task[None] | None = None
        self._connection = connection
        self._topic = topic
        self._partition = partition

    def put(self, slot: _Slot) -> None:
        self.waiting.append(slot)
        if self.task is None:
            # Begins in the loop's next turn, with all that this turn still brings.
            self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        producer = self._connection.producer
        try:
            while self.waiting:
                await self._connection.gather()
                batch = self._load(producer.create_batch())
                sent = await producer.send_batch(
                    batch, self._topic, partition=self._partition
                )
                self._acknowledge((await sent).offset)
        except (kafka.KafkaError, OSError) as error:
            self._connection.fail(error, self.travelling)
        finally:
            self.task = None

    def _load(self, batch: Any) -> Any:
        self.travelling = []
        while self.waiting:
            slot = self.waiting[0]
            entry = slot.entry
            if slot.open:
                added = batch.append(
                    timestamp=None,
                    key=entry.key,
                    value=entry.value,
                    headers=entry.headers,
                )
                if added is None:
                    break
                self.travelling.append(slot)
            self.waiting.popleft()
        batch.close()
        return batch

    def _acknowledge(self, first_offset: int) -> None:
        self._connection.acknowledged_at = time.monotonic()
        for step, slot in enumerate(self.travelling):
            # -1: the broker knew it as a repeat of ours, but no longer where it lies.
            offset = first_offset + step if first_offset >= 0 else -1
            slot.settle((self._partition, offset))
        self.travelling = []

    def slots(self) -> Iterator[_Slot]:
        yield from self.travelling
        yield from self.waiting


class Connection:
    """One idempotent aiokafka producer.

    Attributes:
        acknowledged_at: When the broker last acknowledged anything, monotonic.
    """

    def __init__(
        self, arguments: dict[str, Any], request_timeout_s: float, on_failed: Failed
    ) -> None:
        self.acknowledged_at = 0.0
        self._gathered_at = 0.0
        self._on_failed = on_failed
        self._lanes: dict[str, list[_Lane]] = {}
        self._learning: dict[str, asyncio.Task[None]] = {}
        self.producer = aiokafka.AIOKafkaProducer(
            **arguments,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            max_batch_size=_BATCH_BYTES_MAX,
            max_request_size=RECORD_BYTES_MAX + 48_000,
            request_timeout_ms=int(request_timeout_s * 1000),
        )

    @property
    def alive(self) -> bool:
        task = self._sender.sender_task
        return task is not None and not task.done()

    def knows(self, topic: str) -> bool:
        return topic in self._lanes

    async def open(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self.producer.start()
        except BaseException:
            await self.abandon()
            raise

    async def gather(self) -> None:
        """Let records of many callers gather, all partitions' at the same time.

        A request costs as much as dozens of records, and one takes a batch of each
        partition. Who appends one record after the other never waits here.
        """
        pause = self._gathered_at + GATHER_S - time.monotonic()
        callers = sum(
            len(lane.waiting) + len(lane.travelling) for lane in self._all_lanes()
        )
        if pause > 0 and GATHER_FROM <= callers <= GATHER_UP_TO:
            await asyncio.sleep(pause)
        self._gathered_at = time.monotonic()

    async def learn(self, topic: str) -> None:
        """Learn a topic's partitions; refuse one that is not there.

        Asking for it by name would make a broker with auto.create.topics.enable create
        it, with one partition.

        Raises:
            TopicMissing: It does not exist.
        """
        # One asks for all who wait: thousands of first appends, each with an answer
        # about hundreds of topics, would run out of time together.
        if self.knows(topic):
            return
        learning = self._learning.get(topic)
        if learning is None:
            learning = asyncio.create_task(self._learn(topic))
            self._learning[topic] = learning
            learning.add_done_callback(_look_at)
        # A caller's time-out must not cancel it for the others.
        await asyncio.shield(learning)

    async def _learn(self, topic: str) -> None:
        try:
            # A topic made a moment ago is not known to every broker at once.
            for _ in range(TOPIC_LOOKS):
                metadata = await self.producer.client.fetch_all_metadata()
                if topic in metadata.topics():
                    break
                await asyncio.sleep(TOPIC_LOOK_S)
            else:
                raise TopicMissing(
                    f"The topic {topic} does not exist",
                    remedy="Create it with `oneshelf topics create`, "
                    "or mend ONESHELF_TOPIC_PREFIX",
                )
            partitions = sorted(await self.producer.partitions_for(topic))
            self._lanes[topic] = [_Lane(self, topic, p) for p in partitions]
        finally:
            del self._learning[topic]

    def put(self, topic: str, entries: Sequence[Entry], receipt: Receipt) -> None:
        """Queue records of a known topic; the receipt tells what becomes of them."""
        lanes = self._lanes[topic]
        for index, entry in enumerate(entries):
            if entry.partition is not None:
                lane = lanes[entry.partition]
            elif entry.key is not None:
                lane = lanes[partition_of(entry.key, len(lanes))]
            else:
                lane = random.choice(lanes)
            lane.put(_Slot(entry, receipt, index))

    def expire(self, before: float, error: Exception) -> float | None:
        """Fail what was handed in before a moment; return when the oldest such was."""
        oldest: float | None = None
        for lane in self._all_lanes():
            for slot in lane.slots():
                began = slot.receipt.began
                if slot.open and began < before:
                    oldest = began if oldest is None else min(oldest, began)
                    slot.settle(error)
        return oldest

    def fail(self, error: Exception, travelling: Sequence[_Slot]) -> None:
        self._on_failed(self, error, travelling)

    async def flush(self) -> None:
        """Wait until nothing is queued or under way."""
        while tasks := [lane.task for lane in self._all_lanes() if lane.task]:
            await asyncio.wait(tasks)

    async def abandon(self) -> None:
        """End it without waiting for its records: aiokafka 0.14's `stop` flushes first,
        and with idempotence a flush towards a dead broker never ends."""
        producer = self.producer
        producer._closed = True  # noqa: SLF001 # as `stop` does
        for lane in self._all_lanes():
            if lane.task is not None and lane.task is not asyncio.current_task():
                lane.task.cancel()
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

    def settle_all(self, error: Exception) -> None:
        """Fail whatever is not settled yet."""
        for lane in self._all_lanes():
            for slot in lane.slots():
                slot.settle(error)

    def _all_lanes(self) -> list[_Lane]:
        return [lane for lanes in self._lanes.values() for lane in lanes]

    @property
    def _sender(self) -> Any:
        return self.producer._sender  # noqa: SLF001 # told nowhere else


def _look_at(task: "asyncio.Task[None]") -> None:
    # Whoever waited may have given up: what went wrong is then nobody's.
    if not task.cancelled():
        task.exception()


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
