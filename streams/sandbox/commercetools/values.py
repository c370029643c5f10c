"""Reading JSON by the vendor's shapes: what does not fit is `InvalidJsonInput`.

A kind checks one value and returns it typed; `needed` and `optional` read a field.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar, cast

import msgspec

from streams.sandbox.commercetools import errors
from streams.sandbox.commercetools.clock import wire_time

T = TypeVar("T")
Fields = Mapping[str, object]
Kind = Callable[[str, object], T]

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
CURRENCY_PATTERN = re.compile(r"[A-Z]{3}")
# ISO 4217: currencies without or with more digits than two.
FRACTION_DIGITS = {"CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "BHD": 3, "KWD": 3}
KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{2,256}")


def decode(body: bytes) -> Fields:
    """Read a request's body as a JSON object."""
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.invalid_json(str(error)) from None
    return mapping("body", value)


def needed(fields: Fields, name: str, kind: Kind[T]) -> T:
    """Read a required field; null counts as absent."""
    value = fields.get(name)
    if value is None:
        raise errors.invalid_json(f"{name}: Missing required value")
    return kind(name, value)


def optional(fields: Fields, name: str, kind: Kind[T]) -> T | None:
    """Read a field that may be absent or null."""
    value = fields.get(name)
    return None if value is None else kind(name, value)


def integer(minimum: int, maximum: int) -> Kind[int]:
    """Return the kind of whole numbers from `minimum` to `maximum`."""

    def check(name: str, value: object) -> int:
        if type(value) is not int:
            raise errors.invalid_json(f"{name}: A whole number is expected")
        if not minimum <= value <= maximum:
            raise errors.invalid_json(
                f"{name}: {value} is not within {minimum} to {maximum}"
            )
        return value

    return check


INT32 = integer(-INT32_MAX - 1, INT32_MAX)
INT64 = integer(-INT64_MAX - 1, INT64_MAX)


def text(name: str, value: object) -> str:
    """Check a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise errors.invalid_json(f"{name}: A text is expected")
    return value


def key(name: str, value: object) -> str:
    """Check a key: 2 to 256 of A-Z a-z 0-9 _ - (API spec, `InventoryEntry.key`)."""
    checked = text(name, value)
    if not KEY_PATTERN.fullmatch(checked):
        raise errors.invalid_input(
            f"{name}: '{checked}' does not match ^[A-Za-z0-9_-]+$, 2 to 256 characters"
        )
    return checked


def boolean(name: str, value: object) -> bool:
    """Check true or false."""
    if not isinstance(value, bool):
        raise errors.invalid_json(f"{name}: true or false is expected")
    return value


def moment(name: str, value: object) -> str:
    """Check an ISO 8601 date and time with its zone; return it as the vendor does."""
    try:
        parsed = datetime.fromisoformat(text(name, value))
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise errors.invalid_json(f"{name}: An ISO 8601 date and time is expected")
    return wire_time(parsed)


def mapping(name: str, value: object) -> Fields:
    """Check a JSON object."""
    if not isinstance(value, dict):
        raise errors.invalid_json(f"{name}: A JSON object is expected")
    return cast(Fields, value)


def listing(name: str, value: object) -> list[object]:
    """Check a JSON array."""
    if not isinstance(value, list):
        raise errors.invalid_json(f"{name}: A JSON array is expected")
    return value


def objects(name: str, value: object) -> list[Fields]:
    """Check a JSON array of objects."""
    return [
        mapping(f"{name}[{index}]", item)
        for index, item in enumerate(listing(name, value))
    ]


def texts(name: str, value: object) -> list[str]:
    """Check a JSON array of texts."""
    return [
        text(f"{name}[{index}]", item)
        for index, item in enumerate(listing(name, value))
    ]


def one_of(*allowed: str) -> Kind[str]:
    """Return the kind of texts of an enumeration; others are `InvalidField`."""

    def check(name: str, value: object) -> str:
        checked = text(name, value)
        if checked not in allowed:
            raise errors.invalid_field(name, checked, allowed)
        return checked

    return check


def money(name: str, value: object) -> Fields:
    """Check a Money; return it as CentPrecisionMoney (API spec, `types/common`)."""
    fields = mapping(name, value)
    currency = needed(fields, "currencyCode", text)
    if not CURRENCY_PATTERN.fullmatch(currency):
        raise errors.invalid_json(f"{name}: '{currency}' is not a currency code")
    return {
        "type": "centPrecision",
        "currencyCode": currency,
        "centAmount": needed(fields, "centAmount", INT64),
        "fractionDigits": FRACTION_DIGITS.get(currency, 2),
    }


def identifier(name: str, value: object) -> tuple[str, str]:
    """Check a ResourceIdentifier: `id` or `key`, not both; return which and its value.

    Source: API spec, `types/common/ResourceIdentifier`.
    """
    fields = mapping(name, value)
    by_id = optional(fields, "id", text)
    by_key = optional(fields, "key", text)
    if (by_id is None) == (by_key is None):
        raise errors.invalid_json(f"{name}: Either 'id' or 'key' is expected")
    return ("id", by_id) if by_id is not None else ("key", cast(str, by_key))
