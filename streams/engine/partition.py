"""One stage in one partition at work: its queue, its ticks, its retries, its fence."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog

from streams.engine.commit import CommitUnknown, Fenced, PartitionRuntime
from streams.engine.delivery import Delivery
from streams.engine.errors import EngineError, RecordTooLarge
from streams.engine.inbox import GoesFirst, Inbox, Taken
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
WINDOW_BYTES_MAX = 16 << 20
"""A window's records have no more bytes than these, as far as one poll does not."""
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
        goes_first: GoesFirst | None = None,
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
        self._inbox = Inbox(self.name, goes_first)
        self._work = asyncio.Event()
        self._company = asyncio.Event()
        self._busy = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._tick_due = 0.0

    @property
    def name(self) -> str:
        return f"{self.runtime.stage.name}-{self.runtime.partition}"

    def wants(self, topic: Topic) -> bool:
        """Say whether another batch of a topic may be polled for this partition."""
        inbox, most = self._inbox, self._batch_records_max
        if not self.is_open:
            return False
        if self._pace.window <= most:
            return len(inbox) < most
        waiting = inbox.waiting(topic)
        if waiting >= most and not self._precedence.has_room(self._pace.rank):
            return False
        return (
            waiting < self._pace.window
            and inbox.waiting_bytes(topic) < WINDOW_BYTES_MAX
        )

    def accept(self, topic: Topic, delivery: Delivery) -> None:
        """Queue a polled batch; dropped where the partition is not open."""
        if not self.is_open:
            return
        inbox = self._inbox
        inbox.put(topic, delivery.records, delivery.fetched_from)
        self._note_waiting()
        self._work.set()
        if inbox.has_urgent:
            self._precedence.urgent()
        if len(inbox) >= LINGER_RECORDS_MAX:
            self._company.set()

    def _note_waiting(self) -> None:
        self._precedence.waits(self.name, len(self._inbox), self._pace.rank)

    def open(self) -> None:
        """Begin to work: the log is fenced and the state restored."""
        self.runtime.load()
        self._inbox.begin(self.runtime.next_offsets)
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
        self._inbox.begin({})
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
        self._inbox.check()
        while len(self._inbox) and self.is_open:
            await self._wait_for_company()
            await self._give_way()
            # One wait for all that is there by now: it is as old as each other.
            left = len(self._inbox)
            while left > 0 and len(self._inbox) and self.is_open:
                left -= await self._take_part()
                if self._pace.each_fold:
                    await self._give_way()

    async def _give_way(self) -> None:
        await self._precedence.give_way(self._pace, self._has_urgent)

    async def _take_part(self) -> int:
        """Apply one fold's records, when it is their turn; return how many."""
        await self._precedence.take_part(self._has_urgent)
        try:
            taken = self._inbox.take(self._fold_size) if self.is_open else None
            if taken is not None:
                await self._apply_next(taken)
        finally:
            self._precedence.end_part()
        return 0 if taken is None else len(taken.records)

    def _has_urgent(self) -> bool:
        return self._inbox.has_urgent

    async def _apply_next(self, taken: Taken) -> None:
        begun = time.monotonic()
        await self._apply(taken)
        last = taken.records[-1]
        if last.offset < taken.upto:  # Else older ones wait, and the state is as old.
            self.last_applied_ms[taken.topic] = last.timestamp
        self.committed_at = time.monotonic()
        taken_s = self.committed_at - begun
        self._commit_s += COMMIT_SHARE * (taken_s - self._commit_s)
        self._note_waiting()
        await asyncio.sleep(0)

    def _fold_size(self, waiting: int) -> int:
        size = self._pace.fold_size(waiting, in_parts=self._precedence.is_alert())
        return min(size, self._batch_records_max)

    async def _apply(self, taken: Taken) -> None:
        """Apply records; park that one whose result is larger than the log takes."""
        topic, records, upto, urgent = taken
        try:
            await self._attempt(
                lambda: self.runtime.apply(topic, records, upto=upto, urgent=urgent)
            )
        except RecordTooLarge as error:
            log.warning("result_too_large", partition=self.name, cause=error.message)
            await self._divide(taken, error)

    async def _divide(self, taken: Taken, error: RecordTooLarge) -> None:
        topic, records, upto, _ = taken
        if len(records) == 1:
            await self._attempt(
                lambda: self.runtime.refuse(topic, records[0], error, upto=upto),
                reopen=True,
            )
            return
        await self._attempt(self._nothing, reopen=True)
        for part in taken.halves():
            if self.is_open:
                await self._apply(part)

    async def _nothing(self) -> None:
        """Do nothing: what counts is that the log is open again."""

    async def _wait_for_company(self) -> None:
        """Let a few records wait for more, if a commit was only just now."""
        linger_s = LINGER_COMMITS * self._commit_s
        linger_s = min(LINGER_MAX_S, max(LINGER_MIN_S, linger_s))
        linger_s = max(linger_s, self._pace.linger_s)
        pause = self.committed_at + linger_s - time.monotonic()
        if pause <= 0 or len(self._inbox) >= LINGER_RECORDS_MAX:
            return
        if self._inbox.has_urgent and self._precedence.is_rush():
            return
        self._company.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._company.wait()

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
