"""What the edge's tests share: events, a clock, a disk that fails, a log in memory."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from streams.edge.disk import Disk
from streams.edge.outbox import Draft
from streams.engine.errors import (
    AppendError,
    BrokerUnavailable,
    Position,
    RecordTooLarge,
)
from streams.engine.headers import header
from streams.engine.produce import Entry
from streams.topics import Topic

START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def event(number: int, *, order: str = "order-1", pad: int = 0) -> bytes:
    """Return a NewStore envelope that can be told by its number."""
    return msgspec.json.encode(
        {
            "tenant": "acme",
            "name": "order.opened",
            "published_at": "2026-03-01T10:15:02.345Z",
            "payload": {"id": order, "number": number, "pad": "x" * pad},
        }
    )


def number_of(value: bytes) -> int:
    return int(msgspec.json.decode(value)["payload"]["number"])


def draft(number: int, *, order: str = "order-1", pad: int = 0) -> Draft:
    return Draft(order.encode(), event(number, order=order, pad=pad), b"trace")


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class PowerCut(BaseException):
    """The machine is gone: nothing in the process may handle this."""


class UnsyncedDisk(Disk):
    """A disk that need not survive a power loss; quick, for sweeps."""

    def sync(self, file: int) -> None:
        pass

    def sync_directory(self, directory: Path) -> None:
        pass


class FaultyDisk(Disk):
    """A disk that fills up, fails to sync, or loses its power in the middle of a write.

    Attributes:
        room: Bytes that may still be written; None is endless.
        sync_fails: Whether the next syncs fail.
        cut_after: Bytes of a write after which the power goes; None is never.
    """

    def __init__(self) -> None:
        self.room: int | None = None
        self.sync_fails = False
        self.truncate_fails = False
        self.cut_after: int | None = None
        self.synced = 0

    def write(self, file: int, data: bytes, position: int) -> None:
        if self.cut_after is not None:
            super().write(file, data[: self.cut_after], position)
            raise PowerCut
        if self.room is not None and len(data) > self.room:
            super().write(file, data[: self.room], position)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(file, data, position)
        if self.room is not None:
            self.room -= len(data)

    def sync(self, file: int) -> None:
        if self.sync_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.synced += 1
        super().sync(file)

    def truncate(self, file: int, size: int) -> None:
        if self.truncate_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().truncate(file, size)


@dataclass
class MemoryLog:
    """A log of several partitions that answers as it is told to.

    Attributes:
        down: Every append fails, and nothing is written.
        lossy: Appends are written, but the answers are lost.
        broken_partition: Appends to this one fail, the others work.
        too_large: Values that the broker refuses for good.
    """

    partitions: int = 3
    down: bool = False
    lossy: bool = False
    broken_partition: int | None = None
    too_large: set[bytes] = field(default_factory=set)
    attempts: int = 0
    records: list[list[Entry]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records = [[] for _ in range(self.partitions)]

    async def append_many(
        self, topic: Topic, entries: Sequence[Entry]
    ) -> Sequence[Position]:
        self.attempts += 1
        if self.down:
            raise unavailable(())
        for entry in entries:
            if entry.value in self.too_large:
                raise RecordTooLarge(topic.name, entry.key, 9_999, 1_000)
        positions: list[Position | None] = []
        for entry in entries:
            partition = sum(entry.key or b"") % self.partitions
            if partition == self.broken_partition:
                positions.append(None)
                continue
            self.records[partition].append(entry)
            positions.append((partition, len(self.records[partition]) - 1))
        if self.lossy:
            raise unavailable(())
        if None in positions:
            raise unavailable(positions)
        return [position for position in positions if position is not None]

    def all_records(self) -> list[Entry]:
        return [entry for partition in self.records for entry in partition]

    def numbers(self, order: str) -> list[int]:
        """Return the numbers of an order's events, each at its first appearance."""
        return first_appearances(
            number_of(entry.value or b"")
            for entry in self.all_records()
            if entry.key == order.encode()
        )


def first_appearances(numbers: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def unavailable(acknowledged: Sequence[Position | None]) -> AppendError:
    return BrokerUnavailable(
        "No broker", remedy="Wait", retry_after_s=0.0, acknowledged=acknowledged
    )


def header_of(entry: Entry, name: str) -> str:
    return (header(entry.headers, name) or b"").decode()


async def until(condition: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 # what is watched has no event to tell
            await asyncio.sleep(0.002)
