"""What the exceptions stage keeps about its cases: how to find and to count them."""

from collections.abc import Callable
from dataclasses import dataclass

from streams.domain.exceptions import Case
from streams.engine.fold import Result
from streams.mapping.exception_rows import (
    GroupRow,
    counted,
    decode_group,
    encode_row,
    index_rows,
    tally_key,
)
from streams.tables import CASE_GROUPS, CASE_TALLIES, Table

Get = Callable[[Table, bytes], bytes | None]


@dataclass(slots=True)
class Index:
    """Keeps queue, groups and tallies equal to the cases; reads through `get`."""

    get: Get
    result: Result

    def move(self, before: Case | None, after: Case | None) -> None:
        """Take a change of a case in; None is a case that is not there."""
        old, new = set(index_rows(before)), set(index_rows(after))
        for table, key in old - new:
            self.result.put(table, key, None)
        for table, key in new - old:
            self.result.put(table, key, b"")
        if before is not None:
            self._tally(tally_key(before), -1)
            self._group(before, -1)
        if after is not None:
            self._tally(tally_key(after), +1)
            self._group(after, +1)

    def _tally(self, key: bytes, by: int) -> None:
        count = int(self.get(CASE_TALLIES, key) or b"0") + by
        self.result.put(CASE_TALLIES, key, b"%d" % count if count else None)

    def _group(self, case: Case, by: int) -> None:
        key, trouble = case.group_id.encode(), case.trouble
        stored = self.get(CASE_GROUPS, key)
        known = None if stored is None else decode_group(stored)
        counts = counted(known.counts if known else {}, case.state, by)
        if not counts:
            self.result.put(CASE_GROUPS, key, None)
            return
        first = min(known.first_seen, case.first_seen) if known else case.first_seen
        last = max(known.last_seen, case.last_seen) if known else case.last_seen
        row = GroupRow(
            case.kind,
            trouble.reason,
            trouble.field,
            trouble.value,
            case.sentence,
            first,
            last,
            counts,
        )
        self.result.put(CASE_GROUPS, key, encode_row(row))
