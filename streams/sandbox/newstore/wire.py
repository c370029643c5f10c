"""JSON as NewStore writes it: amounts as numbers, times in UTC with `Z`."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def moment(value: datetime) -> str:
    """Write a time in UTC with milliseconds and `Z`."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def encode(value: object) -> bytes:
    """Write JSON; a Decimal becomes a number with the digits it has."""
    return _encoder.encode(value)


def canonical(body: bytes) -> bytes:
    """Return a JSON body in one form: neither blanks, order of keys nor trailing zeros
    of amounts make a difference (an assumption; bodies of the same bytes always agree).
    """
    return msgspec.json.encode(_plain(msgspec.json.decode(body)), order="sorted")


def _plain(value: Any) -> Any:
    # Any: whatever JSON holds.
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (float, int)) and not isinstance(value, bool):
        # In a list of its own, so that the text "5" stays another value.
        return [str(Decimal(str(value)).normalize())]
    return value
