"""Rows of the table `waiting`: events with lines whose SKU or location is unknown yet.

Each event is one row by its offset; each name it waits for is a row of name and offset
that leads to it. Where people sent it again, a row leads from where it was first.
"""

from collections.abc import Iterable, Sequence

import msgspec

from streams.mapping.exceptions import RecordLike, origin_of
from streams.mapping.pos_sheet import Name, OpenLine

EVENT = b"e"
COPY = b"r"
KINDS = {"location": b"l", "sku": b"s"}
_KIND_OF = {prefix: kind for kind, prefix in KINDS.items()}

# A name may hold any character, so its end is marked by what cannot be inside it.
_NUL, _ESCAPED, _END, _AFTER = b"\x00", b"\x00\xff", b"\x00\x01", b"\x00\x02"


class WaitingEvent(msgspec.Struct, frozen=True, array_like=True):
    """An event as it came, and the lines that wait with the names they wait for.

    It has what a record has, so that it can be mapped, caused from or parked again.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    lines: tuple[int, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    @property
    def first_offset(self) -> int:
        """Where the event was before people sent it again."""
        return first_offset(self)

    def with_open(self, open_lines: Iterable[OpenLine]) -> "WaitingEvent":
        """Return the event as waiting for just these lines."""
        lines = list(open_lines)
        names = {tuple(name) for line in lines for name in line.names}
        return msgspec.structs.replace(
            self,
            lines=tuple(line.line for line in lines),
            names=tuple(sorted(names)),
        )

    def expects(self, line: OpenLine) -> bool:
        """Say whether the event already waits for all names that this line lacks."""
        return {tuple(name) for name in line.names} <= set(self.names)

    def rows(self) -> dict[bytes, bytes]:
        """Return the rows that keep the event waiting; none if no line is open."""
        if not self.lines:
            return {}
        here = event_key(self.offset)
        leads = {name_key(Name(*name), self.offset): b"" for name in self.names}
        if self.first_offset != self.offset:
            leads[copy_key(self.first_offset)] = here
        return {here: msgspec.msgpack.encode(self), **leads}


def first_offset(record: RecordLike) -> int:
    """Return the offset that an event had before people sent it again."""
    return int(origin_of(record).rpartition("/")[2])


_decoder = msgspec.msgpack.Decoder(WaitingEvent)


def decode_waiting(row: bytes) -> WaitingEvent:
    """Read an event's row."""
    return _decoder.decode(row)


def event_key(offset: int) -> bytes:
    """Return the key of an event's row; rows sort by offset."""
    return EVENT + offset.to_bytes(8, "big")


def copy_key(offset: int) -> bytes:
    """Return the key of the row that leads from an event to its copy that waits.

    An event that people sent again has another offset; only its last copy may wait.
    """
    return COPY + offset.to_bytes(8, "big")


def name_prefix(name: Name) -> bytes:
    """Return what the keys of all rows about a name begin with."""
    return KINDS[name.kind] + name.name.encode().replace(_NUL, _ESCAPED) + _END


def after_name(name: Name) -> bytes:
    """Return the least key behind all rows about a name."""
    return name_prefix(name).removesuffix(_END) + _AFTER


def name_key(name: Name, offset: int) -> bytes:
    """Return the key of the row that leads from a name to an event."""
    return name_prefix(name) + offset.to_bytes(8, "big")


def parse_name_key(key: bytes) -> tuple[Name, int]:
    """Read the key of a row that leads from a name to an event."""
    text = key[1:-8].removesuffix(_END).replace(_ESCAPED, _NUL)
    return Name(_KIND_OF[key[:1]], text.decode()), int.from_bytes(key[-8:], "big")
