"""The orders' state as bytes: one row for each order, and when it is to be woken.

MessagePack; the order by field names, what is in it as arrays. New fields go at the end
of the values, with a default, so that older state still reads.
"""

from datetime import datetime

import msgspec

from streams.domain.order_record import Order

encode_order = msgspec.msgpack.Encoder().encode
decode_order = msgspec.msgpack.Decoder(Order).decode

_MS_BYTES = 8


def order_key(number: str) -> bytes:
    """Return the key of an order's row, and of all its records."""
    return number.encode()


def timer_key(due: datetime, number: str) -> bytes:
    """Return a key that sorts by the time due, to the millisecond above."""
    due_ms = -int(-due.timestamp() * 1000 // 1)
    return due_ms.to_bytes(_MS_BYTES, "big") + order_key(number)


def timer_number(key: bytes) -> str:
    """Return the number of the order that a timer wakes."""
    return key[_MS_BYTES:].decode()


def is_due(key: bytes, now: datetime) -> bool:
    """Say whether a timer's time has come."""
    return int.from_bytes(key[:_MS_BYTES], "big") <= now.timestamp() * 1000
