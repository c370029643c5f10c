"""Rows of the linking stage: what is known of an alias, and the times that are due."""

import msgspec

from streams.domain.linking import Kept, Link

_TIME_BYTES = 8


class _Row(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    number: str = ""
    sequence: int = 0
    known_version: int = 0
    wanted_version: int = 0
    missing_version: int = 0
    waiting: tuple[Kept, ...] = ()
    due_ms: int = 0
    is_raised: bool = False
    heard_ms: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode


def encode_link(link: Link) -> bytes:
    """Write a row."""
    return _encode(_Row(*(getattr(link, name) for name in _Row.__struct_fields__)))


def decode_link(row: bytes) -> Link:
    """Read a row."""
    return Link(**msgspec.structs.asdict(_decode(row)))


def timer_key(due_ms: int, alias: bytes) -> bytes:
    """Return the key of a time that is due; keys sort by it."""
    return due_ms.to_bytes(_TIME_BYTES, "big") + alias


def parse_timer_key(key: bytes) -> tuple[int, bytes]:
    """Read the time and the alias in a key."""
    return int.from_bytes(key[:_TIME_BYTES], "big"), key[_TIME_BYTES:]
