"""Rows of a table that owe somebody something, first come first served.

A listener of one stage's commits. Only keys are held: a row is read when its turn
comes, so the latest value counts; all of it can be lost and found again in the table.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from streams.engine.fold import View
from streams.tables import Table

CAPACITY = 50_000
"""Keys held at once, some 10 MB; what is beyond is found again in the table."""

REBUILD_STEP = 500
"""Rows read in one go while rebuilding: some milliseconds of the event loop."""

DueOf = Callable[[bytes], object]
"""Says what a row owes, None if nothing. Equal answers mean the same thing is owed."""


class Job(NamedTuple):
    """A row that owes something, as of now."""

    partition: int
    key: bytes
    value: bytes
    due: object


class DueRows:
    """Keeps the keys of rows that owe; one job for each row at a time."""

    def __init__(
        self,
        table: Table,
        due_of: DueOf,
        *,
        monotonic: Callable[[], float],
        capacity: int = CAPACITY,
    ) -> None:
        self._table = table
        self._due_of = due_of
        self._monotonic = monotonic
        self._capacity = capacity
        self._views: dict[int, View] = {}
        self._rebuilds: dict[int, bytes] = {}
        self._overflowed: set[int] = set()
        self._queue: deque[tuple[int, bytes]] = deque()
        self._waiting: dict[bytes, int] = {}
        self._held: dict[bytes, float] = {}
        self._holds: list[tuple[float, int, bytes]] = []
        self._under_way: set[bytes] = set()
        self._answered: dict[bytes, tuple[int, object]] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """Count the rows that wait or are under way."""
        return len(self._waiting) + len(self._under_way)

    @property
    def is_settled(self) -> bool:
        """Say whether nothing is owed that was not answered, as far as we own rows."""
        return not (len(self) or self._rebuilds or self._overflowed or self._answered)

    def opened(self, view: View) -> None:
        self._views[view.partition] = view
        self._rebuilds[view.partition] = b""
        self._news.set()

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        for key, value in writes.get(self._table, {}).items():
            self._consider(view.partition, key, value)

    def closed(self, partition: int) -> None:
        self._views.pop(partition, None)
        self._rebuilds.pop(partition, None)
        self._overflowed.discard(partition)
        for key in [k for k, owner in self._waiting.items() if owner == partition]:
            self._forget(key)
        for key in [k for k, (p, _) in self._answered.items() if p == partition]:
            del self._answered[key]

    async def wait(self) -> None:
        """Wait until a row may be taken, reading on in the table meanwhile."""
        while True:
            self._rebuild_step()
            if self._queue_is_due():
                return
            if self._rebuilds:
                await asyncio.sleep(0)
                continue
            self._news.clear()
            try:
                async with asyncio.timeout(self._next_hold_s()):
                    await self._news.wait()
            except TimeoutError:
                continue

    def take(self) -> Job | None:
        """Take the row that has waited longest and may go; None if there is none."""
        self._rebuild_step()
        while self._queue_is_due():
            partition, key = self._queue.popleft()
            self._forget(key)
            view = self._views.get(partition)
            value = None if view is None else view.get(self._table, [key]).get(key)
            due = None if value is None else self._due(key, value)
            if value is not None and due is not None:
                self._under_way.add(key)
                return Job(partition, key, value, due)
        return None

    def answered(self, job: Job) -> None:
        """Note that the answer is in the log; the row owes it until it is folded."""
        self._under_way.discard(job.key)
        if job.partition in self._views:
            self._answered[job.key] = (job.partition, job.due)
            self._reconsider(job)

    def put_back(self, job: Job, *, after_s: float = 0.0) -> None:
        """Have the row wait again, where given for some seconds."""
        self._under_way.discard(job.key)
        if job.partition not in self._views:
            return
        if after_s > 0:
            until = self._monotonic() + after_s
            self._held[job.key] = until
            heapq.heappush(self._holds, (until, job.partition, job.key))
        self._reconsider(job)

    def _reconsider(self, job: Job) -> None:
        value = self._views[job.partition].get(self._table, [job.key]).get(job.key)
        self._consider(job.partition, job.key, value)

    def _consider(self, partition: int, key: bytes, value: bytes | None) -> None:
        if key in self._under_way:
            return
        due = None if value is None else self._due(key, value)
        if due is None:
            self._forget(key)
        elif key not in self._waiting:
            if len(self._waiting) >= self._capacity:
                self._overflowed.add(partition)
                return
            self._waiting[key] = partition
            if key not in self._held:
                self._queue.append((partition, key))
            self._news.set()

    def _due(self, key: bytes, value: bytes) -> object:
        """Say what a row owes beyond what was answered and is not folded yet."""
        due = self._due_of(value)
        answered = self._answered.get(key)
        if answered is not None:
            if due == answered[1]:
                return None
            del self._answered[key]
        return due

    def _forget(self, key: bytes) -> None:
        self._waiting.pop(key, None)
        self._held.pop(key, None)

    def _queue_is_due(self) -> bool:
        """Bring a row to the front that may go now; say whether there is one."""
        now = self._monotonic()
        while self._holds and self._holds[0][0] <= now:
            until, partition, key = heapq.heappop(self._holds)
            if self._held.get(key) == until:
                del self._held[key]
                self._queue.append((partition, key))
        while self._queue:
            partition, key = self._queue[0]
            if self._waiting.get(key) == partition:
                return True
            self._queue.popleft()  # Settled since, or owed by another owner.
        return False

    def _next_hold_s(self) -> float | None:
        if not self._holds:
            return None
        return max(0.0, self._holds[0][0] - self._monotonic())

    def _rebuild_step(self) -> None:
        if self._overflowed and len(self._waiting) <= self._capacity // 2:
            self._rebuilds.update(dict.fromkeys(self._overflowed, b""))
            self._overflowed.clear()
        if not self._rebuilds:
            return
        partition, start = next(iter(self._rebuilds.items()))
        rows = self._views[partition].scan(self._table, start=start)
        step = list(islice(rows, REBUILD_STEP))
        for key, value in step:
            self._consider(partition, key, value)
        if len(step) < REBUILD_STEP:
            del self._rebuilds[partition]
        else:
            self._rebuilds[partition] = step[-1][0] + b"\x00"
