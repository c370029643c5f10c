"""The ledger's fold for one movement, for the rivals: the domain's own functions.

Rivals call this for each record and keep the row and the movement id their own way.
"""

import time
from datetime import UTC, datetime

from streams.domain.ledger import decide
from streams.domain.movements import Movement
from streams.domain.stock import Row, milliseconds, new_row, post
from streams.mapping.stock import decode_movement, encode_entry, encode_level, row_key
from streams.mapping.stock_state import decode_row, encode

LOCATIONS = ("LDN01", "LDN02", "MAN01", "DC001")

read = decode_movement


def key_of(movement: Movement) -> bytes:
    """Return the row's key."""
    return row_key(movement.sku, movement.location_id)


def apply(movement: Movement, stored: bytes | None) -> tuple[bytes, bytes, bytes]:
    """Return the new row, the journal entry and the level."""
    now = int(time.time() * 1000)
    before: Row = (
        new_row(safety_stock=0, enabled=True, now=now)
        if stored is None
        else decode_row(stored)
    )
    (posting,) = decide(movement, None, None, now=now).postings
    at = milliseconds(movement.occurred_at)
    after = post(before, posting, at=at, now=now)
    recorded_at = datetime.fromtimestamp(now / 1000, UTC)
    entry = encode_entry(movement, posting, before, after, recorded_at)
    return (
        encode(after),
        entry,
        encode_level(movement.sku, movement.location_id, after),
    )
