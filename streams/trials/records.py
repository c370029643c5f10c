"""A record that is tried out: it is on no log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TriedRecord:
    """Fits `engine.fold.Record`; its offset is its place among those tried."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    partition: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()
