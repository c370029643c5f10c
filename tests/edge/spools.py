"""Opening and reading spools, for the outbox's tests."""

from pathlib import Path

from streams.edge.disk import Disk
from streams.edge.outbox import Outbox
from streams.edge.segment import Stored
from tests.edge.fakes import Clock, number_of


def open_outbox(
    directory: Path,
    *,
    disk: Disk | None = None,
    clock: Clock | None = None,
    segment_bytes: int = 4096,
    bytes_max: int = 1_000_000,
) -> Outbox:
    return Outbox(
        directory,
        clock=clock or Clock(),
        disk=disk,
        segment_bytes=segment_bytes,
        bytes_max=bytes_max,
    )


def read_all(outbox: Outbox) -> list[Stored]:
    found: list[Stored] = []
    while window := outbox.read_next(records_max=7, bytes_max=2_000):
        found += window
    return found


def numbers(found: list[Stored]) -> list[int]:
    return [number_of(stored.event) for stored in found]


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.events"))
