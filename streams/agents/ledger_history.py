"""What physically moved each row of a batch, kept for counts that come late.

One record for each row and batch: that costs a third of a microsecond a movement,
where a record for each movement would cost a table write.
"""

from collections.abc import Mapping
from datetime import datetime

from streams.domain.counts import STEPS, Moved
from streams.domain.postings import Posting
from streams.engine.fold import Result, View
from streams.mapping import stock_state as codec
from streams.tables import HISTORY


class History:
    """The moves of one batch, and the stored ones of those rows that are counted."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._moved: dict[bytes, list[Moved]] = {}
        self._merged: dict[bytes, list[bytes]] = {}

    def remember(self, row_key: bytes, posting: Posting, at: datetime) -> None:
        """Note what a posting physically moved."""
        _, source, target, quantity, _, _, _ = posting
        for pool, sign in STEPS[source, target]:
            # A third of what Moved(...) takes, and every movement passes here.
            moved = tuple.__new__(Moved, (at, pool, sign * quantity))
            if row_key in self._moved:
                self._moved[row_key].append(moved)
            else:
                self._moved[row_key] = [moved]

    def of_row(self, row_key: bytes, *, is_new: bool) -> list[Moved]:
        """Return what moved a row, as far back as a count may ask for it.

        What is stored is merged with what is new, and will be written as one record. A
        new row has nothing stored, which saves a stock load one scan a row.
        """
        if row_key not in self._merged:
            prefix = codec.history_prefix(row_key)
            stored = {} if is_new else dict(self._view.scan(HISTORY, prefix))
            records = [codec.decode_history(value) for value in stored.values()]
            older = [moved for record in records for moved in record]
            self._merged[row_key] = list(stored)
            self._moved[row_key] = older + self._moved.get(row_key, [])
        return self._moved[row_key]

    def keep(self, row_key: bytes, moved: list[Moved]) -> None:
        """Keep only this much of what `of_row` returned."""
        self._moved[row_key] = moved

    def write(self, result: Result, first_entry: Mapping[bytes, int]) -> list[bytes]:
        """Write one record for each row that moved; return the records' keys."""
        written: dict[bytes, bytes | None] = {
            codec.history_key(row_key, first_entry[row_key]): codec.encode(moved)
            for row_key, moved in self._moved.items()
            if moved
        }
        merged = [key for keys in self._merged.values() for key in keys]
        if written or merged:
            result.writes[HISTORY] = {**dict.fromkeys(merged), **written}
        return list(written)
