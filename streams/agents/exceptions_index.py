"""What the exceptions stage keeps about its cases: how to find and to count them."""

from collections import Counter
from collections.abc import Callable

from streams.domain.exceptions import Case
from streams.engine.fold import Result
from streams.mapping.exception_rows import (
    GroupRow,
    decode_group,
    encode_row,
    index_rows,
    summed,
    tally_key,
)
from streams.tables import CASE_GROUPS, CASE_TALLIES, Table

Get = Callable[[Table, bytes], bytes | None]


class Index:
    """Keeps queue, groups and tallies equal to the cases; reads through `get`."""

    def __init__(self, get: Get, result: Result) -> None:
        self._get = get
        self._result = result
        self._tallies: Counter[bytes] = Counter()
        self._groups: dict[str, tuple[Case, Counter[str]]] = {}

    def move(self, before: Case | None, after: Case | None) -> None:
        """Take a change of a case in; None is a case that is not there."""
        old, new = set(index_rows(before)), set(index_rows(after))
        for table, key in old - new:
            self._result.put(table, key, None)
        for table, key in new - old:
            self._result.put(table, key, b"")
        if before is not None:
            self._count(before, -1)
        if after is not None:
            self._count(after, +1)

    def write(self) -> None:
        """Hand the counts to the result, once for all cases that changed."""
        for key, by in self._tallies.items():
            count = int(self._get(CASE_TALLIES, key) or b"0") + by
            self._result.put(CASE_TALLIES, key, b"%d" % count if count else None)
        for group_id, (case, counts) in self._groups.items():
            self._write_group(group_id.encode(), case, counts)

    def _count(self, case: Case, by: int) -> None:
        self._tallies[tally_key(case)] += by
        group_id = case.group_id
        _, counts = self._groups.get(group_id, (case, Counter[str]()))
        counts[case.state] += by
        self._groups[group_id] = case, counts

    def _write_group(self, key: bytes, case: Case, by: Counter[str]) -> None:
        stored = self._get(CASE_GROUPS, key)
        known = None if stored is None else decode_group(stored)
        counts = summed(known.counts if known else {}, by)
        if not counts:
            self._result.put(CASE_GROUPS, key, None)
            return
        trouble = case.trouble
        row = GroupRow(
            case.kind,
            trouble.reason,
            trouble.field,
            trouble.value,
            case.sentence,
            min(known.first_seen, case.first_seen) if known else case.first_seen,
            max(known.last_seen, case.last_seen) if known else case.last_seen,
            counts,
        )
        self._result.put(CASE_GROUPS, key, encode_row(row))
