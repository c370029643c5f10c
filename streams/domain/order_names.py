"""How orders, their units and what hangs on them are named, here and at the vendors."""

import re
from hashlib import sha256

KEY_LENGTH_MAX = 256
"""commercetools API reference: keys have 2 to 256 characters."""

_RUN = re.compile(
    r"~(?:(?P<run>[2-9]|[1-9][0-9]{1,5})"
    r"|(?P<run_of_part>[1-9][0-9]{0,5})\.(?:[2-9]|[1-9][0-9]{1,3}))\Z"
)
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_-]")
_DIGEST_LENGTH = 12


def order_number_of(external_id: str) -> str:
    """Return the order number in NewStore's public number of an order."""
    return _RUN.sub("", external_id) if "~" in external_id else external_id


def run_of(external_id: str) -> int:
    """Return which of our fulfilment orders it is: 1, or more for a re-route's."""
    found = _RUN.search(external_id) if "~" in external_id else None
    return int(found["run"] or found["run_of_part"]) if found else 1


def external_id_of(number: str, run: int, part: int = 1) -> str:
    """Return the public number under which a run's fulfilment order is injected.

    A run that needs several orders in NewStore numbers them from 1.
    """
    if part > 1:
        return f"{number}~{run}.{part}"
    return number if run == 1 else f"{number}~{run}"


def unit_name(line_id: str, index: int) -> str:
    """Return our name of a line's unit inside its order; counted from 1."""
    return f"{line_id}#{index}"


def split_unit_name(name: str) -> tuple[str, int] | None:
    """Return line id and index of a unit's name; None if it is not one of ours."""
    line_id, separator, index = name.rpartition("#")
    if not separator or not line_id or not index.isascii() or not index.isdigit():
        return None
    return line_id, int(index)


def ledger_unit(number: str, unit: str) -> str:
    """Return a unit's name in the ledger, where units of all orders stand together."""
    return f"{number}/{unit}"


def safe_key(*parts: str) -> str:
    """Join parts to a key that commercetools takes; different parts stay different."""
    joined = "-".join(parts)
    key = _NOT_IN_KEYS.sub("_", joined)
    # A unit's `#` reads as `_`, and nothing else does, unless the digest says so.
    is_plain = key == joined.replace("#", "_") and "_" not in joined
    if is_plain and 2 <= len(key) <= KEY_LENGTH_MAX:
        return key
    digest = sha256("\0".join(parts).encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{key[: KEY_LENGTH_MAX - _DIGEST_LENGTH - 1]}-{digest}"
