"""When keys of the ledger's tables are looked at again, mostly to be forgotten."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from streams.engine.fold import Result, View
from streams.mapping import stock_state as codec
from streams.tables import EXPIRIES, Table

KEYS_PER_EXPIRY = 1_000
"""At 50 bytes a key, and 512 at most, an expiry stays below a message's 1 MB."""


def schedule(
    result: Result, table: Table, keys: Sequence[bytes], due: datetime, offset: int
) -> None:
    """Note when the keys of a table may be forgotten; once a batch, table and hour."""
    for part, start in enumerate(range(0, len(keys), KEYS_PER_EXPIRY)):
        expiry = codec.Expiry(table.name, tuple(keys[start : start + KEYS_PER_EXPIRY]))
        key = codec.expiry_key(due, offset, table, part)
        result.put(EXPIRIES, key, codec.encode(expiry))


def postpone(
    view: View, result: Result, expiry_key: bytes, expiry: codec.Expiry, hour: int
) -> None:
    """Look again at some keys of an expiry later, others of its batch may be due then.

    They keep their own key: merged, they could outgrow a message.
    """
    written = result.writes.get(EXPIRIES, {})
    keys = (codec.postponed(expiry_key, hour, part) for part in count())
    free = next(key for key in keys if key not in written | view.get(EXPIRIES, (key,)))
    result.put(EXPIRIES, free, codec.encode(expiry))
