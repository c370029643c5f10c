"""The durable outbox: what was accepted stays on disk until the broker has it.

Segmented append-only files rather than SQLite: an event is one sequential write and one
sync shared by a group, forwarding deletes whole files and rewrites nothing, and damage
costs the damaged records alone and is seen (a damaged SQLite file is lost as a whole, a
damaged WAL frame is dropped in silence). Blocking, for one thread.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import structlog

from streams.edge.disk import (
    Cursor,
    Disk,
    lock,
    spool_error,
    spool_id,
    unusable_on_failure,
)
from streams.edge.errors import SpoolFull
from streams.edge.segment import Damage, Stored, encode, scan
from streams.engine.fold import Clock

SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment is read whole, so this and one group bound the memory of reading."""

SPOOL_BYTES_MAX = 1024 * 1024 * 1024
"""About a million events, months of a busy store's sales; then new ones are refused."""

_log = structlog.get_logger(__name__)


class Draft(NamedTuple):
    """An event on its way into the outbox."""

    key: bytes
    event: bytes
    traceparent: bytes = b""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was accepted and is not yet acknowledged by the broker."""

    count: int
    bytes: int
    oldest_at_ms: int | None


@dataclass(slots=True)
class _Segment:
    path: Path
    first_sequence: int
    last_sequence: int
    size: int = 0
    damaged: set[int] = field(default_factory=set)


class Outbox:
    """One spool directory, held by one process.

    Attributes:
        spool_id: Tells this spool's sequences from any other's.
        damaged_bytes: What was found unreadable since opening, torn tails included.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        bytes_max: int = SPOOL_BYTES_MAX,
    ) -> None:
        """Open or create the spool; what a crash has torn is cut off and reported.

        Raises:
            SpoolBusy: Another process has it.
            SpoolUnusable: It cannot be opened.
        """
        self.directory = directory
        self.damaged_bytes = 0
        self._clock = clock
        self._disk = disk or Disk()
        self._segment_bytes = segment_bytes
        self._bytes_max = bytes_max
        self._must_cut = False
        self._unread = self._outstanding = Backlog(0, 0, None)
        with unusable_on_failure(directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = lock(directory)
            try:
                self._open()
            except BaseException:
                os.close(self._lock)
                raise
        self._tidy()
        self._reading, self._position = self._segments[0], 0

    def _open(self) -> None:
        self.spool_id = spool_id(self.directory, self._disk)
        self._cursor = Cursor(self.directory)
        self._acknowledged = self._cursor.read()
        self._segments = self._load()
        last = max((s.last_sequence for s in self._segments), default=0)
        self._next_sequence = max(self._acknowledged, last) + 1
        self._file = self._open_active()

    def append(self, drafts: Sequence[Draft]) -> list[int]:
        """Keep a group of events, all or none; on return they survive a power loss.

        Raises:
            SpoolFull: No room, by the limit or on the disk.
            SpoolFailed: The disk refused; the group is taken back.
        """
        now_ms = int(self._clock().timestamp() * 1000)
        first = self._next_sequence
        frames = [
            encode(
                Stored(first + step, now_ms, draft.key, draft.traceparent, draft.event)
            )
            for step, draft in enumerate(drafts)
        ]
        data = b"".join(frames)
        self._require_room(len(data))
        try:
            self._prepare()
            active = self._segments[-1]
            # Whatever happens from here, these bytes are not to stay if it fails.
            self._must_cut = True
            self._disk.write(self._file, data, active.size)
            self._disk.sync(self._file)
            self._must_cut = False
        except OSError as error:
            self._try_cut()
            raise spool_error(error, self.directory) from error
        active.size += len(data)
        active.last_sequence = first + len(drafts) - 1
        self._next_sequence = first + len(drafts)
        self._unread = _grown(self._unread, len(drafts), len(data), now_ms)
        return list(range(first, self._next_sequence))

    def read_next(self, *, records_max: int, bytes_max: int) -> list[Stored]:
        """Return the next events in order, each once; empty when all were read."""
        window: list[Stored] = []
        room = bytes_max
        while room > 0 and len(window) < records_max:
            if self._position >= self._reading.size and not self._turn_page():
                # Damage may have made the estimate too high; here it is known.
                self._unread = Backlog(0, 0, None)
                break
            for item in self._read_segment():
                self._position = item.end
                if isinstance(item, Damage):
                    self._note(self._reading, item)
                elif item.sequence > self._acknowledged:
                    window.append(item)
                    room -= item.size
                    if room <= 0 or len(window) >= records_max:
                        break
        self._hand_out(window)
        return window

    def acknowledge(self, window: Sequence[Stored]) -> None:
        """Forget a window that was read, in reading order; delete what is delivered."""
        if not window:
            return
        self._acknowledged = window[-1].sequence
        left = self._outstanding.count - len(window)
        size = self._outstanding.bytes - sum(stored.size for stored in window)
        oldest = window[-1].accepted_at_ms if left else None
        self._outstanding = Backlog(left, size, oldest)
        self._tidy()

    def backlog(self) -> Backlog:
        """Report what is accepted and not yet acknowledged."""
        oldest = self._outstanding.oldest_at_ms
        return Backlog(
            self._unread.count + self._outstanding.count,
            self._unread.bytes + self._outstanding.bytes,
            self._unread.oldest_at_ms if oldest is None else oldest,
        )

    def close(self) -> None:
        """Let the spool go; another process may open it."""
        self._cursor.close()
        os.close(self._file)
        os.close(self._lock)

    def _load(self) -> list[_Segment]:
        segments = []
        paths = sorted(self.directory.glob("*.events"))
        for path in paths:
            segment = self._inspect(path, is_last=path == paths[-1])
            segments.append(segment)
        return segments

    def _inspect(self, path: Path, *, is_last: bool) -> _Segment:
        data = path.read_bytes()
        first = int(path.stem)
        segment = _Segment(path, first, first - 1, len(data))
        for item in scan(data):
            if isinstance(item, Stored):
                segment.last_sequence = max(segment.last_sequence, item.sequence)
                if item.sequence > self._acknowledged:
                    self._unread = _grown(
                        self._unread, 1, item.size, item.accepted_at_ms
                    )
            elif is_last and item.end == len(data):
                self._cut_tail(segment, item, data[item.start :])
            else:
                self._note(segment, item)
        return segment

    def _cut_tail(self, segment: _Segment, tail: Damage, torn: bytes) -> None:
        """Drop the end of the last write before a crash: it was never accepted."""
        self.damaged_bytes += len(torn)
        kept = self.directory / "damaged" / f"{segment.path.stem}.{tail.start}.tail"
        _log.warning("spool_tail_cut", bytes=len(torn), kept=str(kept))
        if any(torn):
            try:
                kept.parent.mkdir(mode=0o700, exist_ok=True)
                kept.write_bytes(torn)
            except OSError as error:
                _log.warning("spool_tail_not_kept", error=str(error))
        os.truncate(segment.path, tail.start)
        segment.size = tail.start

    def _note(self, segment: _Segment, damage: Damage) -> None:
        """Report accepted events that are lost; their file is kept for a person."""
        if damage.start in segment.damaged:
            return
        segment.damaged.add(damage.start)
        self.damaged_bytes += damage.end - damage.start
        _log.error(
            "spool_damaged",
            segment=segment.path.name,
            start=damage.start,
            bytes=damage.end - damage.start,
            remedy="Check the disk; the file is kept in the spool's folder 'damaged'",
        )

    def _open_active(self) -> int:
        """Open the last segment, and make sure of what a killed process left in it."""
        if not self._segments or self._segments[-1].size >= self._segment_bytes:
            return self._new_segment()
        file = os.open(self._segments[-1].path, os.O_RDWR | os.O_CLOEXEC)
        self._disk.sync(file)
        self._disk.sync_directory(self.directory)
        return file

    def _new_segment(self) -> int:
        first = self._next_sequence
        path = self.directory / f"{first:020d}.events"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._disk.sync_directory(self.directory)
        except OSError:
            os.close(file)
            raise
        self._segments.append(_Segment(path, first, first - 1))
        return file

    def _prepare(self) -> None:
        if self._must_cut:
            self._disk.truncate(self._file, self._segments[-1].size)
            self._must_cut = False
        if self._segments[-1].size >= self._segment_bytes:
            old, self._file = self._file, self._new_segment()
            os.close(old)

    def _try_cut(self) -> None:
        try:
            if self._must_cut:
                self._disk.truncate(self._file, self._segments[-1].size)
                self._must_cut = False
        except OSError as error:
            # The next append tries again before it writes.
            _log.warning("spool_not_cut", error=str(error))

    def _require_room(self, size: int) -> None:
        kept = sum(segment.size for segment in self._segments)
        if kept + size > self._bytes_max:
            raise SpoolFull(
                f"The spool {str(self.directory)!r} holds {kept:,} bytes and may hold "
                f"{self._bytes_max:,}",
                remedy="Restore the way to the broker, or allow the spool more bytes",
            )

    def _read_segment(self) -> list[Stored | Damage]:
        file = os.open(self._reading.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.pread(file, self._reading.size - self._position, self._position)
        finally:
            os.close(file)
        return list(scan(data, self._position))

    def _turn_page(self) -> bool:
        for segment in self._segments:
            if segment.first_sequence > self._reading.first_sequence:
                self._reading, self._position = segment, 0
                return True
        return False

    def _hand_out(self, window: list[Stored]) -> None:
        if not window:
            return
        size = sum(stored.size for stored in window)
        first_ms = window[0].accepted_at_ms
        self._outstanding = _grown(self._outstanding, len(window), size, first_ms)
        count = max(0, self._unread.count - len(window))
        self._unread = replace(
            self._unread,
            count=count,
            bytes=max(0, self._unread.bytes - size),
            oldest_at_ms=window[-1].accepted_at_ms if count else None,
        )

    def _tidy(self) -> None:
        try:
            self._cursor.write(self._acknowledged)
            self._remove_delivered()
        except OSError as error:
            # Only re-sends after a restart, and disk space until then, are at stake.
            _log.warning("spool_not_tidied", error=str(error))

    def _remove_delivered(self) -> None:
        while (
            len(self._segments) > 1
            and self._segments[0].last_sequence <= self._acknowledged
        ):
            delivered = self._segments[0]
            if delivered.damaged:
                kept = self.directory / "damaged"
                kept.mkdir(mode=0o700, exist_ok=True)
                delivered.path.rename(kept / delivered.path.name)
            else:
                delivered.path.unlink(missing_ok=True)
            del self._segments[0]


def _grown(backlog: Backlog, count: int, size: int, oldest_at_ms: int) -> Backlog:
    known = backlog.oldest_at_ms
    return Backlog(
        backlog.count + count,
        backlog.bytes + size,
        oldest_at_ms if known is None else known,
    )
