"""The ledger's fold for one movement, for the rivals: the domain's own functions.

Rivals call this for each record and keep the row and the movement id their own way.
"""

from datetime import UTC, datetime

from streams.domain.ledger import decide
from streams.domain.movements import Movement
from streams.domain.stock import Row, new_row, on_hand, post
from streams.mapping.stock import decode_movement, encode_entry, encode_level, row_key
from streams.mapping.stock_state import decode_row, encode_row

LOCATIONS = ("LDN01", "LDN02", "MAN01", "DC001")

read = decode_movement


def key_of(movement: Movement) -> bytes:
    """Return the row's key."""
    return row_key(movement.sku, movement.location_id)


def apply(movement: Movement, stored: bytes | None) -> tuple[bytes, bytes, bytes]:
    """Return the new row, the journal entry and the level."""
    now = datetime.now(UTC)
    row: Row = (
        new_row(safety_stock=0, enabled=True, now=now)
        if stored is None
        else decode_row(stored)
    )
    (posting,) = decide(movement, None, None, now=now).postings
    on_hand_before, available_before = on_hand(row), row.available
    post(row, posting, movement.occurred_at, now)
    entry = encode_entry(movement, posting, row, on_hand_before, available_before)
    return encode_row(row), entry, encode_level(movement.sku, movement.location_id, row)
