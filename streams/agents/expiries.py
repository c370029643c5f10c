"""Rows that are forgotten once nothing has touched them for long: which to look at now.

The key of an expiry is the time from which its row is kept, then the row's own key. It
is written once, and moved on when its time comes and the row has changed since: so a
row costs one key more, however often it changes.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from streams.engine.fold import View
from streams.tables import Table

ROWS_MAX = 200
"""Rows looked at in one tick, so that a tick stays as short as a batch."""

_TIME_BYTES = 8


class Expiry(NamedTuple):
    """A row, and since when it is kept, in milliseconds."""

    kept_ms: int
    name: bytes

    @property
    def key(self) -> bytes:
        """Return the key of this expiry; keys sort by the time."""
        return expiry_key(self.kept_ms, self.name)


class Expiries:
    """Walks a table of expiries.

    What it remembers only saves work: without it each walk would pass over every key
    that was deleted before.
    """

    def __init__(self, table: Table, keep: timedelta) -> None:
        self._table = table
        self._keep_ms = keep // timedelta(milliseconds=1)
        self._starts: dict[int, bytes] = {}

    def due(self, view: View, now_ms: int) -> list[Expiry]:
        """Return the rows that were kept long enough, the oldest first."""
        border = expiry_key(max(0, now_ms - self._keep_ms) + 1, b"")
        start = self._starts.get(view.partition)
        if start is not None and start > border:
            start = None  # The clock was set back.
        due = list(islice(self._until(view, start, border), ROWS_MAX))
        self._starts[view.partition] = due[0].key if due else border
        return due

    def is_over(self, kept_ms: int, now_ms: int) -> bool:
        """Say whether a row that was last touched then is to be forgotten now."""
        return kept_ms + self._keep_ms <= now_ms

    def _until(
        self, view: View, start: bytes | None, border: bytes
    ) -> Iterator[Expiry]:
        keys = (key for key, _ in view.scan(self._table, start=start))
        for key in takewhile(lambda key: key < border, keys):
            yield Expiry(int.from_bytes(key[:_TIME_BYTES], "big"), key[_TIME_BYTES:])


def milliseconds(moment: datetime) -> int:
    """Return a time as expiries have it."""
    return int(moment.timestamp() * 1000)


def expiry_key(kept_ms: int, name: bytes) -> bytes:
    """Return the key of a row that is kept from then on."""
    return kept_ms.to_bytes(_TIME_BYTES, "big") + name
