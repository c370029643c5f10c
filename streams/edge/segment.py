"""How an accepted event lies in a spool file, and how to find the whole ones."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

# 0xF5 never occurs in UTF-8, so no JSON event holds these bytes.
MAGIC = b"\xf5OS\x01"
_HEAD = struct.Struct(">4sII")
_BODY = struct.Struct(">QQHH")

KEY_BYTES_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Stored:
    """An accepted event as the spool keeps it; `start` and `end` are file positions."""

    sequence: int
    accepted_at_ms: int
    key: bytes
    traceparent: bytes
    event: bytes
    start: int = 0
    end: int = 0

    @property
    def size(self) -> int:
        return (
            _HEAD.size
            + _BODY.size
            + len(self.key)
            + len(self.traceparent)
            + len(self.event)
        )


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of a spool file that holds no whole record."""

    start: int
    end: int


def encode(stored: Stored) -> bytes:
    """Frame one record: magic, length and CRC-32 of the body, then the body."""
    body = b"".join(
        (
            _BODY.pack(
                stored.sequence,
                stored.accepted_at_ms,
                len(stored.key),
                len(stored.traceparent),
            ),
            stored.key,
            stored.traceparent,
            stored.event,
        )
    )
    return _HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body


def scan(data: bytes, base: int = 0) -> Iterator[Stored | Damage]:
    """Walk the records of `data`, which begins at file position `base`.

    What does not check is passed over up to the next record that does.
    """
    position = 0
    while position < len(data):
        stored = _decode(data, position, base)
        if stored is not None:
            yield stored
            position = stored.end - base
            continue
        found = _next_whole(data, position + 1, base)
        yield Damage(base + position, base + found)
        position = found


def _next_whole(data: bytes, position: int, base: int) -> int:
    while True:
        position = data.find(MAGIC, position)
        if position < 0:
            return len(data)
        if _decode(data, position, base) is not None:
            return position
        position += 1


def _decode(data: bytes, position: int, base: int) -> Stored | None:
    start = position + _HEAD.size
    if start > len(data):
        return None
    magic, length, crc = _HEAD.unpack_from(data, position)
    end = start + length
    if magic != MAGIC or length < _BODY.size or end > len(data):
        return None
    if zlib.crc32(memoryview(data)[start:end]) != crc:
        return None
    sequence, accepted_at_ms, key_bytes, trace_bytes = _BODY.unpack_from(data, start)
    key_at = start + _BODY.size
    trace_at = key_at + key_bytes
    event_at = trace_at + trace_bytes
    if event_at > end:
        return None
    return Stored(
        sequence=sequence,
        accepted_at_ms=accepted_at_ms,
        key=data[key_at:trace_at],
        traceparent=data[trace_at:event_at],
        event=data[event_at:end],
        start=base + position,
        end=base + end,
    )
