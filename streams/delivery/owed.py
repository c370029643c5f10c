"""What commerce is owed: committed rows in, the most urgent entry to tell out.

Everything here can be lost and found again: rows are read from the committed state
when their turn comes, and the backlog is rebuilt from it.
"""

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from streams.delivery.backlog import Backlog
from streams.domain.availability import urgent_since_ms
from streams.domain.publications import (
    Publication,
    Told,
    is_owed,
    latest,
    urgency_of,
)
from streams.engine.fold import View
from streams.mapping.publications import UpdateWire, decode_publication, update_of
from streams.tables import PUBLICATIONS, PUBLISHED_LEVELS, Table

REBUILD_STEP = 1000
"""Rows read in one go while rebuilding: some milliseconds of the event loop."""


class Job(NamedTuple):
    """One entry to tell, as of now."""

    partition: int
    key: bytes
    row: Publication
    told: Told | None
    since_ms: int

    @property
    def update(self) -> UpdateWire:
        return update_of(self.key, self.row)


class _Answered(NamedTuple):
    channel_key: str
    told: Told


class Owed:
    """Keeps track of what is owed, under way, and answered but not yet folded."""

    def __init__(self, backlog: Backlog, *, monotonic: Callable[[], float]) -> None:
        self._backlog = backlog
        self._monotonic = monotonic
        self._views: dict[int, View] = {}
        self._rebuilds: dict[int, bytes] = {}
        self._under_way: dict[bytes, Job] = {}
        self._again: dict[bytes, int] = {}
        self._answered: dict[int, dict[bytes, _Answered]] = {}
        self._declined: dict[int, set[bytes]] = {}
        self._news = asyncio.Event()
        self.coalesced = 0

    def opened(self, view: View) -> None:
        self._views[view.partition] = view
        self._rebuilds[view.partition] = b""
        self._news.set()

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        is_news = PUBLISHED_LEVELS in writes  # Else answers, which change no target.
        for key, value in writes.get(PUBLICATIONS, {}).items():
            if value is None:
                self._forget(view.partition, key)
                continue
            row = decode_publication(value)
            joined = self._consider(view.partition, key, row)
            self.coalesced += joined and is_news

    def closed(self, partition: int) -> None:
        self._views.pop(partition, None)
        self._rebuilds.pop(partition, None)
        self._answered.pop(partition, None)
        self._declined.pop(partition, None)
        self._backlog.drop(partition)

    def owes(self, partition: int) -> bool:
        """Say whether the partition is ours."""
        return partition in self._views

    @property
    def is_rebuilding(self) -> bool:
        return bool(self._rebuilds or self._backlog.forgotten)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    @property
    def unfolded(self) -> int:
        """Count the answers that the stage has not folded yet."""
        return sum(map(len, self._answered.values()))

    @property
    def declined(self) -> int:
        """Count the waiting entries that commerce refused when last asked."""
        return sum(map(len, self._declined.values()))

    async def wait(self) -> None:
        """Wait until an entry may be told, reading on in the tables meanwhile."""
        while True:
            self._rebuild_step()
            due_in_s = self._backlog.due_in_s(self._monotonic())
            if due_in_s == 0.0:
                return
            if self._rebuilds:
                await asyncio.sleep(0)
                continue
            self._news.clear()
            try:
                async with asyncio.timeout(due_in_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    def take(self) -> Job | None:
        """Take the most urgent entry, as its row is now; None if none is owed."""
        self._rebuild_step()
        while (popped := self._backlog.pop(self._monotonic())) is not None:
            partition, key, urgency = popped
            self._declined.get(partition, set()).discard(key)
            row = self._row(partition, key)
            if row is None:
                continue
            told = self._told(partition, key, row)
            if is_owed(row, told):
                since_ms = urgent_since_ms(urgency)
                job = Job(partition, key, row, told, since_ms)
                self._under_way[key] = job
                return job
        return None

    def accepted(self, job: Job, told: Told) -> None:
        """Note an answer, so that the entry can go again before it is folded."""
        again_since_ms = self._finish(job)
        row = self._row(job.partition, job.key)
        if row is None:
            return
        answered = _Answered(job.row.channel_key, told)
        self._answered.setdefault(job.partition, {})[job.key] = answered
        known = self._told(job.partition, job.key, row)
        if is_owed(row, known):
            since_ms = row.changed_ms if again_since_ms is None else again_since_ms
            self._put(job, urgency_of(row, known, since_ms))

    def put_back(
        self, job: Job, *, until: float | None = None, declined: bool = False
    ) -> None:
        """Have an entry wait again, where given until a time."""
        self._finish(job)
        row = self._row(job.partition, job.key)
        if row is None:
            return
        told = self._told(job.partition, job.key, row)
        if not is_owed(row, told):
            return
        urgency = urgency_of(row, told, job.since_ms)
        if declined:
            self._declined.setdefault(job.partition, set()).add(job.key)
        if until is None:
            self._put(job, urgency)
        else:
            self._backlog.hold(job.partition, job.key, urgency, until)
            self._news.set()

    def _put(self, job: Job, urgency: int) -> None:
        self._backlog.put(job.partition, job.key, urgency)
        self._news.set()

    def _finish(self, job: Job) -> int | None:
        self._under_way.pop(job.key, None)
        return self._again.pop(job.key, None)

    def _consider(self, partition: int, key: bytes, row: Publication) -> bool:
        """Have an owed row wait; say whether its entry was waiting already."""
        told = self._told(partition, key, row)
        if not is_owed(row, told):
            self._backlog.discard(partition, key)
            self._declined.get(partition, set()).discard(key)
            return False
        under_way = self._under_way.get(key)
        if under_way is not None:
            if row.changed_sequence <= under_way.row.sequence:
                return False
            joined = key in self._again
            self._again.setdefault(key, row.changed_ms)
            return joined
        waiting = self._backlog.urgency(partition, key)
        if waiting is not None:
            since_ms = urgent_since_ms(waiting)
        else:
            since_ms = row.since_ms if told is row.told else row.changed_ms
        self._backlog.put(partition, key, urgency_of(row, told, since_ms))
        self._news.set()
        return waiting is not None

    def _forget(self, partition: int, key: bytes) -> None:
        self._backlog.discard(partition, key)
        self._answered.get(partition, {}).pop(key, None)
        self._declined.get(partition, set()).discard(key)

    def _told(self, partition: int, key: bytes, row: Publication) -> Told | None:
        answered = self._answered.get(partition, {}).get(key)
        if answered is None:
            return row.told
        told = latest(row.told, answered.told)
        if told is row.told or answered.channel_key != row.channel_key:
            del self._answered[partition][key]  # Folded, or of another entry.
            return row.told
        return told

    def _row(self, partition: int, key: bytes) -> Publication | None:
        view = self._views.get(partition)
        value = None if view is None else view.get(PUBLICATIONS, [key]).get(key)
        return None if value is None else decode_publication(value)

    def _rebuild_step(self) -> None:
        if self._backlog.forgotten and self._backlog.has_room:
            self._rebuilds.update(dict.fromkeys(self._backlog.forgotten, b""))
            self._backlog.forgotten.clear()
        if not self._rebuilds:
            return
        partition, start = next(iter(self._rebuilds.items()))
        rows = self._views[partition].scan(PUBLICATIONS, start=start)
        step = list(islice(rows, REBUILD_STEP))
        for key, value in step:
            self._consider(partition, key, decode_publication(value))
        if len(step) < REBUILD_STEP:
            del self._rebuilds[partition]
        else:
            self._rebuilds[partition] = step[-1][0] + b"\x00"
