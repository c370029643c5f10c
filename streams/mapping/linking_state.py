"""Rows of the linking stage: what is known of an alias, and the times that are due.

MessagePack, as arrays: new fields go at the end, with a default.
"""

import msgspec

from streams.domain.linking import Link

_TIME_BYTES = 8


encode_link = msgspec.msgpack.Encoder().encode
decode_link = msgspec.msgpack.Decoder(Link).decode


def timer_key(due_ms: int, alias: bytes) -> bytes:
    """Return the key of a time that is due; keys sort by it."""
    return due_ms.to_bytes(_TIME_BYTES, "big") + alias


def parse_timer_key(key: bytes) -> tuple[int, bytes]:
    """Read the time and the alias in a key."""
    return int.from_bytes(key[:_TIME_BYTES], "big"), key[_TIME_BYTES:]
