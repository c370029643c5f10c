"""Carries the outbox to the topic, a window at a time, in order per key."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from streams.edge.errors import BrokenEvent, EdgeError
from streams.edge.outbox import Outbox
from streams.edge.segment import Stored
from streams.edge.thread import SpoolThread
from streams.engine.errors import AppendError, Position, RecordTooLarge
from streams.engine.headers import TRACE
from streams.engine.produce import Entry
from streams.topics import NEWSTORE_EVENTS, Topic

OUTBOX_HEADER = "oneshelf-outbox"
"""Which spool an event comes from."""

OUTBOX_SEQUENCE_HEADER = "oneshelf-outbox-sequence"
"""Its number there: the same spool and number is the same event, sent again."""

# A window is what travels at a time, and what the forwarder holds in memory.
_WINDOW_RECORDS, _WINDOW_BYTES = 1_000, 1024 * 1024

_LOOK_AGAIN_S = 0.1

_log = structlog.get_logger(__name__)


class Log(Protocol):
    """Where events go: the engine's LogWriter, or a test's own."""

    async def append_many(
        self, topic: Topic, entries: Sequence[Entry]
    ) -> Sequence[Position]:
        """Append all of them or raise AppendError, saying which were acknowledged."""
        ...


class SetAside(Protocol):
    """Keeps an event that can never be sent, with its reason."""

    def __call__(
        self, content: bytes, error: EdgeError, *, source: str, line: int | None
    ) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after the n-th failure in a row: doubling, half of it by chance.

    The chance keeps hundreds of stores from returning at the same moment.
    """

    first_s: float = 0.5
    max_s: float = 30.0
    chance: Callable[[], float] = random.random

    def delay_s(self, failures: int) -> float:
        full = min(self.max_s, self.first_s * float(1 << min(failures - 1, 20)))
        return full * (0.5 + 0.5 * self.chance())


class Forwarder:
    """Sends what the outbox holds; keeps every event there until it is acknowledged.

    Attributes:
        delivered: Events acknowledged, or set aside, since the start.
        failures: Failed attempts in a row; 0 while it goes well.
        last_error: What the last failed attempt said; empty while it goes well.
    """

    def __init__(
        self,
        outbox: Outbox,
        thread: SpoolThread,
        writer: Log,
        *,
        set_aside: SetAside,
        backoff: Backoff,
    ) -> None:
        self.delivered = 0
        self.failures = 0
        self.last_error = ""
        self._outbox = outbox
        self._thread = thread
        self._writer = writer
        self._set_aside = set_aside
        self._backoff = backoff
        self._spool = (OUTBOX_HEADER, outbox.spool_id.encode())
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._ending = False

    def notify(self) -> None:
        """Tell that the outbox has something new."""
        self._news.set()

    def end(self) -> None:
        """Ask `run` to return once the outbox is empty."""
        self._ending = True
        self._news.set()

    async def idle(self) -> None:
        """Wait until the outbox is next found empty, or a moment."""
        self._idle.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._idle.wait()

    async def run(self) -> None:
        """Deliver until ended; wait out the broker's errors, raise all others."""
        async for window in self._windows():
            await self._deliver(window)
            await self._thread.run(partial(self._outbox.acknowledge, window))
            self.delivered += len(window)

    async def _windows(self) -> AsyncIterator[list[Stored]]:
        read = partial(
            self._outbox.read_next, records_max=_WINDOW_RECORDS, bytes_max=_WINDOW_BYTES
        )
        while True:
            self._news.clear()
            window = await self._thread.run(read)
            if window:
                yield window
                continue
            self._idle.set()
            if self._ending:
                return
            await self._news.wait()

    async def _deliver(self, window: list[Stored]) -> None:
        """Send a window until nothing of it remains."""
        remaining, one_by_one = window, False
        while remaining:
            part = remaining[:1] if one_by_one else remaining
            try:
                await self._send(part)
            except RecordTooLarge as error:
                # Which one it is shows when each goes alone.
                one_by_one = True
                remaining = _not_acknowledged(remaining, error)
            except (AppendError, EdgeError) as error:
                remaining = _not_acknowledged(remaining, error)
                await self._pause(error)
            else:
                remaining = remaining[len(part) :]
                self.failures, self.last_error = 0, ""

    async def _send(self, part: list[Stored]) -> None:
        try:
            await self._writer.append_many(
                NEWSTORE_EVENTS, [self._entry(stored) for stored in part]
            )
        except RecordTooLarge as error:
            if len(part) > 1:
                raise
            # It would hold up the store for ever; the file keeps it for a person.
            _log.error(
                "edge_event_unsendable", sequence=part[0].sequence, error=str(error)
            )
            reason = BrokenEvent(
                f"The broker does not take it: {error.message}", remedy=error.remedy
            )
            await self._set_aside(
                part[0].event, reason, source="outbox", line=part[0].sequence
            )

    async def _pause(self, error: AppendError | EdgeError) -> None:
        self.failures += 1
        self.last_error = str(error)
        delay_s = self._backoff.delay_s(self.failures)
        _log.warning(
            "edge_not_delivered",
            failures=self.failures,
            retry_in_s=round(delay_s, 3),
            backlog=self._outbox.backlog().count,
            error=error.message,
        )
        await asyncio.sleep(delay_s)

    def _entry(self, stored: Stored) -> Entry:
        sequence = str(stored.sequence).encode()
        headers = (
            self._spool,
            (OUTBOX_SEQUENCE_HEADER, sequence),
            (TRACE, stored.traceparent),
        )
        return Entry(stored.key, stored.event, headers)


def _not_acknowledged(
    window: list[Stored], error: AppendError | EdgeError
) -> list[Stored]:
    """Return what must be sent again: of each key, from its first unacknowledged on."""
    acknowledged = error.acknowledged if isinstance(error, AppendError) else ()
    remaining: list[Stored] = []
    open_keys: set[bytes] = set()
    for index, stored in enumerate(window):
        known = index < len(acknowledged) and acknowledged[index] is not None
        if known and stored.key not in open_keys:
            continue
        open_keys.add(stored.key)
        remaining.append(stored)
    return remaining
