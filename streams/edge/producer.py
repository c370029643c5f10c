"""The store edge's producer: accepts events durably and has them forwarded.

An accepted event reaches the topic at least once: a crash or a lost acknowledgement
sends it again, with the same outbox sequence, and the ledger counts its units once.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from streams.edge.disk import Disk
from streams.edge.errors import EdgeClosed, EdgeError
from streams.edge.events import Event, check
from streams.edge.forwarder import Backoff, Forwarder, Log
from streams.edge.outbox import SEGMENT_BYTES, SPOOL_BYTES_MAX, Draft, Outbox
from streams.edge.rejected import RejectedFile
from streams.edge.thread import SpoolThread
from streams.engine.fold import Clock
from streams.engine.produce import new_traceparent

# A group shares one sync.
_GROUP_BYTES = 1024 * 1024
# Events waiting for their sync; whoever brings more waits before it is even taken.
_WAITING_BYTES_MAX = 8 * 1024 * 1024
_TRACEPARENT_BYTES_MAX = 64
_STOP_GRACE_S = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeStatus:
    """How the edge stands; counts are since its start, the backlog is on disk."""

    spool_id: str
    accepted: int
    delivered: int
    rejected: int
    backlog_count: int
    backlog_bytes: int
    oldest_age_s: float
    damaged_bytes: int
    failures_in_a_row: int
    delivery_error: str
    spool_error: str


@dataclass(slots=True)
class _Waiting:
    drafts: list[Draft]
    size: int
    accepted: asyncio.Future[list[int]]


class EdgeProducer:
    """A store's durable outbox with its forwarder; use as an async context manager."""

    def __init__(
        self,
        spool_dir: Path,
        writer: Log,
        *,
        clock: Clock,
        backoff: Backoff | None = None,
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        spool_bytes_max: int = SPOOL_BYTES_MAX,
        stop_grace_s: float = _STOP_GRACE_S,
    ) -> None:
        self._spool_dir = spool_dir
        self._writer = writer
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._open_outbox = partial(
            Outbox,
            spool_dir,
            clock=clock,
            disk=disk,
            segment_bytes=segment_bytes,
            bytes_max=spool_bytes_max,
        )
        self._rejected = RejectedFile(spool_dir, clock=clock, disk=disk)
        self._stop_grace_s = stop_grace_s
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._room = asyncio.Condition()
        self._brought = asyncio.Event()
        self._stopping = False
        self._accepted = 0
        self._spool_error = ""

    async def __aenter__(self) -> Self:
        """Open the spool and begin to forward what is in it.

        Raises:
            SpoolBusy: Another process has the spool.
            SpoolUnusable: The spool cannot be opened.
        """
        self._thread = SpoolThread()
        try:
            self._outbox = await self._thread.run(self._open_outbox)
        except BaseException:
            self._thread.close()
            raise
        self._forwarder = Forwarder(
            self._outbox,
            self._thread,
            self._writer,
            set_aside=self.reject,
            backoff=self._backoff,
        )
        self._keeping = asyncio.create_task(self._keep(), name="edge-keep")
        self._forwarding = asyncio.create_task(
            self._forwarder.run(), name="edge-forward"
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep what was handed in, let some of it arrive, leave the rest on disk."""
        self._stopping = True
        self._brought.set()
        await asyncio.wait({self._keeping})
        self._forwarder.end()
        if self._forwarder.failures == 0:
            await asyncio.wait({self._forwarding}, timeout=self._stop_grace_s)
        self._forwarding.cancel()
        await asyncio.wait({self._forwarding})
        await self._thread.run(self._outbox.close)
        self._thread.close()
        if error is None:
            self._raise_fault()

    async def accept(self, event: bytes, *, traceparent: bytes = b"") -> int:
        """Take one NewStore envelope; on return it survives a power loss.

        Returns:
            Its sequence in the outbox.

        Raises:
            BrokenEvent: It is not an envelope; nothing was kept.
            SpoolFull, SpoolFailed: It was not kept; try again later.
            EdgeClosed: The edge is stopping.
        """
        (sequence,) = await self.accept_many([check(event)], traceparent=traceparent)
        return sequence

    async def accept_many(
        self, events: Sequence[Event], *, traceparent: bytes = b""
    ) -> list[int]:
        """Take checked events, all or none, in order; raises as `accept` does.

        Waits while too much waits for the disk already.
        """
        drafts = [
            Draft(event.key, event.content, _trace(traceparent)) for event in events
        ]
        size = sum(len(event.content) for event in events)
        async with self._room:
            await self._room.wait_for(self._has_room)
            if self._stopping:
                raise _closed()
            accepted: asyncio.Future[list[int]] = (
                asyncio.get_running_loop().create_future()
            )
            self._waiting.append(_Waiting(drafts, size, accepted))
            self._waiting_bytes += size
        self._brought.set()
        return await accepted

    async def reject(
        self,
        content: bytes,
        error: EdgeError,
        *,
        source: str,
        line: int | None = None,
        part: int = 0,
    ) -> None:
        """Keep what cannot be accepted in `rejected.jsonl`, with its reason.

        Raises:
            SpoolFull, SpoolFailed: It could not be kept; try again later.
        """
        add = partial(
            self._rejected.add, content, error, source=source, line=line, part=part
        )
        await self._thread.run(add)

    async def drained(self) -> None:
        """Wait until everything accepted so far is acknowledged by the broker."""
        while self._waiting_bytes or self._outbox.backlog().count:
            await self._forwarder.idle()

    async def failed(self) -> None:
        """Wait for a fault that ends this edge and raise it; return at its stop."""
        tasks = {self._keeping, self._forwarding}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._raise_fault()

    def status(self) -> EdgeStatus:
        """Report counts, backlog and what is wrong, if anything is."""
        backlog = self._outbox.backlog()
        age_s = 0.0
        if backlog.oldest_at_ms is not None:
            age_s = max(0.0, self._clock().timestamp() - backlog.oldest_at_ms / 1000)
        return EdgeStatus(
            spool_id=self._outbox.spool_id,
            accepted=self._accepted,
            delivered=self._forwarder.delivered,
            rejected=self._rejected.count,
            backlog_count=backlog.count,
            backlog_bytes=backlog.bytes,
            oldest_age_s=round(age_s, 3),
            damaged_bytes=self._outbox.damaged_bytes,
            failures_in_a_row=self._forwarder.failures,
            delivery_error=self._forwarder.last_error,
            spool_error=self._spool_error,
        )

    def _has_room(self) -> bool:
        return self._waiting_bytes < _WAITING_BYTES_MAX or self._stopping

    def _raise_fault(self) -> None:
        for task in (self._keeping, self._forwarding):
            if task.done() and not task.cancelled():
                task.result()

    async def _keep(self) -> None:
        """Write what was brought, a group to a sync, until stopped and empty."""
        try:
            while self._waiting or not self._stopping:
                self._brought.clear()
                if self._waiting:
                    await self._keep_group(self._next_group())
                else:
                    await self._brought.wait()
        finally:
            # After a fault of ours nobody may wait for an answer for ever.
            self._stopping = True
            _settle(self._waiting, _closed())
            async with self._room:
                self._room.notify_all()

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._waiting and size < _GROUP_BYTES:
            group.append(self._waiting.popleft())
            size += group[-1].size
        return group

    async def _keep_group(self, group: list[_Waiting]) -> None:
        drafts = [draft for waiting in group for draft in waiting.drafts]
        try:
            sequences = await self._thread.run(partial(self._outbox.append, drafts))
        except EdgeError as error:
            self._spool_error = str(error)
            _log.error("edge_refuses", reason=error.reason, events=len(drafts))
            _settle(group, error)
        else:
            self._spool_error = ""
            self._accepted += len(drafts)
            _answer(group, sequences)
            self._forwarder.notify()
        finally:
            # Where a fault got here, its answers are open still.
            _settle(group, _closed())
            async with self._room:
                self._waiting_bytes -= sum(waiting.size for waiting in group)
                self._room.notify_all()


def _answer(group: list[_Waiting], sequences: list[int]) -> None:
    start = 0
    for waiting in group:
        end = start + len(waiting.drafts)
        if not waiting.accepted.done():
            waiting.accepted.set_result(sequences[start:end])
        start = end


def _settle(group: Iterable[_Waiting], error: EdgeError) -> None:
    for waiting in group:
        if not waiting.accepted.done():
            waiting.accepted.set_exception(error)


def _closed() -> EdgeClosed:
    return EdgeClosed(
        "The edge is stopping", remedy="Send the event again once it has started anew"
    )


def _trace(traceparent: bytes) -> bytes:
    if 0 < len(traceparent) <= _TRACEPARENT_BYTES_MAX:
        return traceparent
    return new_traceparent()
