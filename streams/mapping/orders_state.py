"""The orders' state as bytes: one row for each order, and when it is to be woken.

MessagePack; the order by field names, those left out that have their default, what is
in it as arrays. New fields go at the end of the values, with a default, so that older
state still reads.
"""

from datetime import datetime
from typing import Any, get_type_hints

import msgspec
from msgspec.structs import astuple

from streams.domain.order_record import Order

_MS_BYTES = 8


def _field(name: str, kind: Any) -> tuple[str, Any] | tuple[str, Any, Any]:
    if name not in Order._field_defaults:
        return name, kind
    default = Order._field_defaults[name]
    return name, kind, msgspec.field(default_factory=dict) if default == {} else default


_Row = msgspec.defstruct(
    "_Row",
    [_field(name, kind) for name, kind in get_type_hints(Order).items()],
    omit_defaults=True,
)
"""A row has the order's fields."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode


def encode_order(order: Order) -> bytes:
    """Write a row."""
    return _encode(_Row(*order))


def decode_order(row: bytes) -> Order:
    """Read a row.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return Order(*astuple(_decode(row)))


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
