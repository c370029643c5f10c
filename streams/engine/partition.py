"""One stage in one partition at work: its queue, its ticks, its retries, its fence."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

import structlog

from streams.engine.commit import CommitUnknown, Fenced, PartitionRuntime
from streams.engine.delivery import Delivery
from streams.engine.errors import DeliveryGap, EngineError, RecordTooLarge
from streams.engine.fold import Record
from streams.engine.lanes import PartitionLog
from streams.engine.pace import STOCK, Pace, Precedence
from streams.engine.store import RocksStore
from streams.topics import Topic

log = structlog.get_logger(__name__)

# A transaction costs 1 to 2 ms of our processor time and 3 of the broker's, whatever it
# holds, and a partition's part in it a tenth of that. After a commit, a handful of
# records waits for company; the first after a quiet spell goes at once. The wait is
# some times what commits take at the moment, so that on a busy machine there are fewer
# of them; three stages in a row add three times this.
LINGER_MIN_S = 0.02
LINGER_MAX_S = 0.05
LINGER_COMMITS = 3.0
COMMIT_SHARE = 0.2
"""What the last commit counts for in the mean of what commits take."""
# This many records are company enough.
LINGER_RECORDS_MAX = 500
ATTEMPTS_MAX = 8
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 10.0

Restore = Callable[["PartitionTask"], Awaitable[None]]
Fail = Callable[[BaseException], None]


class PartitionTask:
    """Runs a partition's batches and ticks one after the other."""

    def __init__(
        self,
        runtime: PartitionRuntime,
        log: PartitionLog,
        store: RocksStore,
        *,
        restore: Restore,
        fail: Fail,
        batch_records_max: int,
        session_timeout_s: float,
        pace: Pace = STOCK,
        precedence: Precedence | None = None,
    ) -> None:
        self.runtime = runtime
        self.log = log
        self.store = store
        self.is_open = False
        self.last_applied_ms: dict[Topic, int] = {}
        self.committed_at = time.monotonic()
        self._commit_s = 0.0
        self._pace = pace
        self._precedence = precedence or Precedence()
        self._restore = restore
        self._fail = fail
        self._batch_records_max = batch_records_max
        self._session_timeout_s = session_timeout_s
        self._suspended = asyncio.Event()
        self._queue: deque[tuple[Topic, Delivery]] = deque()
        self._work = asyncio.Event()
        self._company = asyncio.Event()
        self._busy = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._tick_due = 0.0

    @property
    def name(self) -> str:
        return f"{self.runtime.stage.name}-{self.runtime.partition}"

    def wants(self) -> bool:
        """Say whether another batch may be polled for this partition."""
        return self.is_open and self._queued() < self._batch_records_max

    def _queued(self) -> int:
        return sum(len(delivery.records) for _, delivery in self._queue)

    def accept(self, topic: Topic, delivery: Delivery) -> None:
        """Queue a polled batch; dropped where the partition is not open."""
        if self.is_open:
            self._queue.append((topic, delivery))
            self._note_waiting()
            self._work.set()
            if self._queued() >= LINGER_RECORDS_MAX:
                self._company.set()

    def _note_waiting(self) -> None:
        if not self._pace.gives_way:
            self._precedence.waits(self.name, self._queued())

    def open(self) -> None:
        """Begin to work: the log is fenced and the state restored."""
        self._queue.clear()
        self.runtime.load()
        self.is_open = True
        self._suspended.clear()
        self._tick_due = 0.0
        self.committed_at = time.monotonic() - max(LINGER_MAX_S, self._pace.linger_s)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self.name)
        self._work.set()

    async def suspend(self) -> None:
        """Stop taking work; return once the commit under way has ended."""
        self.is_open = False
        self._suspended.set()
        self._company.set()
        self._queue.clear()
        self._note_waiting()
        async with self._busy:
            pass

    async def close(self) -> None:
        """Let go of the partition: task, producer and database."""
        await self.suspend()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.log.close()
        self.store.close()

    async def _run(self) -> None:
        try:
            while True:
                await self._wait_for_work()
                async with self._busy:
                    await self._work_once()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - fail-stop: anything else stops the worker
            self.is_open = False
            self._fail(error)

    async def _wait_for_work(self) -> None:
        interval = self.runtime.stage.tick_interval_s
        timeout = None
        if interval is not None and self.is_open:
            timeout = max(0.0, self._tick_due - time.monotonic())
        try:
            async with asyncio.timeout(timeout):
                await self._work.wait()
        except TimeoutError:
            pass
        self._work.clear()

    async def _work_once(self) -> None:
        interval = self.runtime.stage.tick_interval_s
        due = interval is not None and time.monotonic() >= self._tick_due
        if interval is not None and due and self.is_open:
            await self._attempt(self.runtime.tick)
            self._tick_due = time.monotonic() + interval
        while self._queue and self.is_open:
            await self._wait_for_company()
            if self._pace.gives_way:
                await self._precedence.give_way()
            # One wait for all sources: their batches are as old as each other.
            for _ in {topic for topic, _ in self._queue}:
                if self._queue and self.is_open:
                    await self._apply_next()

    async def _apply_next(self) -> None:
        topic, records, fetched_from = self._take()
        self._check_follows(topic, fetched_from)
        begun = time.monotonic()
        for part in self._parts(records):
            await self._apply(topic, part)
        self.last_applied_ms[topic] = records[-1].timestamp
        self.committed_at = time.monotonic()
        taken_s = self.committed_at - begun
        self._commit_s += COMMIT_SHARE * (taken_s - self._commit_s)
        self._note_waiting()
        await asyncio.sleep(0)

    def _parts(self, records: list[Record]) -> Iterator[list[Record]]:
        size = self._pace.fold_size(len(records))
        for begin in range(0, len(records), size):
            if self.is_open:
                yield records[begin : begin + size]

    async def _apply(self, topic: Topic, records: list[Record]) -> None:
        """Apply records; park that one whose result is larger than the log takes."""
        try:
            await self._attempt(lambda: self.runtime.apply(topic, records))
        except RecordTooLarge as error:
            log.warning("result_too_large", partition=self.name, cause=error.message)
            await self._divide(topic, records, error)

    async def _divide(
        self, topic: Topic, records: list[Record], error: RecordTooLarge
    ) -> None:
        if len(records) == 1:
            await self._attempt(
                lambda: self.runtime.refuse(topic, records[0], error), reopen=True
            )
            return
        half = len(records) // 2
        await self._attempt(self._nothing, reopen=True)
        for part in (records[:half], records[half:]):
            if self.is_open:
                await self._apply(topic, part)

    async def _nothing(self) -> None:
        """Do nothing: what counts is that the log is open again."""

    async def _wait_for_company(self) -> None:
        """Let a few records wait for more, if a commit was only just now."""
        linger_s = LINGER_COMMITS * self._commit_s
        linger_s = min(LINGER_MAX_S, max(LINGER_MIN_S, linger_s))
        linger_s = max(linger_s, self._pace.linger_s)
        pause = self.committed_at + linger_s - time.monotonic()
        if pause <= 0 or self._queued() >= LINGER_RECORDS_MAX:
            return
        self._company.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._company.wait()

    def _take(self) -> tuple[Topic, list[Record], int]:
        """Take the oldest batch, joined with later ones of its topic that fit."""
        topic, (records, fetched_from, _) = self._queue.popleft()
        left: deque[tuple[Topic, Delivery]] = deque()
        is_full = False
        while self._queue:
            following_topic, following = self._queue.popleft()
            size = len(records) + len(following.records)
            is_same = following_topic is topic
            if is_same and not is_full and size <= self._batch_records_max:
                records = records + following.records
            else:
                # What does not fit must not be overtaken by what comes after it.
                is_full = is_full or is_same
                left.append((following_topic, following))
        self._queue = left
        return topic, records, fetched_from

    def _check_follows(self, topic: Topic, fetched_from: int) -> None:
        expected = self.runtime.next_offsets.get(topic)
        if expected is not None and fetched_from > expected:
            raise DeliveryGap(f"{self.name}, {topic.name}", expected, fetched_from)

    async def _attempt(
        self, work: Callable[[], Awaitable[object]], *, reopen: bool = False
    ) -> None:
        """Do it until it is committed; a doubtful commit is settled from the log.

        Args:
            reopen: A transaction was given up: the log must be opened anew first.
        """
        backoff = BACKOFF_FIRST_S
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                if attempt > 1 or reopen:
                    await self._reopen()
                await work()
            except Fenced:
                log.warning("partition_fenced", partition=self.name)
                if await self._rebalance_follows():
                    return
                if attempt == ATTEMPTS_MAX:
                    raise
            except CommitUnknown as error:
                log.warning(
                    "commit_unknown",
                    partition=self.name,
                    attempt=attempt,
                    cause=str(error),
                )
                if attempt == ATTEMPTS_MAX:
                    raise
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, BACKOFF_MAX_S)
            else:
                return

    async def _rebalance_follows(self) -> bool:
        """Wait for the rebalance that tells us of the partition's new owner.

        If none comes, nobody else has it: the broker gave up on a transaction that took
        too long, and the partition is ours to open anew.
        """
        try:
            async with asyncio.timeout(self._session_timeout_s):
                await self._suspended.wait()
        except TimeoutError:
            return False
        return True

    async def _reopen(self) -> None:
        await self.log.reopen()
        try:
            await self._restore(self)
        except EngineError:
            raise
        except Exception as error:
            raise CommitUnknown(f"{self.name}: cannot restore: {error!r}") from error
        self.runtime.load()
