"""Reading the exceptions list from a partition's state: pages, groups, counts."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from streams.domain.exceptions import Case
from streams.mapping.exception_rows import (
    CLOSED_FIRST,
    UNFINISHED_FIRST,
    CaseRow,
    GroupRow,
    RecordRow,
    case_of_queue_key,
    case_prefix,
    decode_case,
    decode_group,
    decode_record,
)
from streams.tables import (
    CASE_GROUPS,
    CASE_QUEUE,
    CASE_RECORDS,
    CASE_TALLIES,
    CASES,
    Table,
)


class Rows(Protocol):
    """A partition's committed state (an engine's view fits)."""

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]: ...

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]: ...


def find_case(rows: Rows, case_id: str) -> CaseRow | None:
    """Return a case with what it heard last."""
    key = case_id.encode()
    found = rows.get(CASES, (key,)).get(key)
    return None if found is None else decode_case(found)


def records_of(rows: Rows, case_id: str) -> Iterator[RecordRow]:
    """Walk a case's records, oldest first."""
    for _, row in rows.scan(CASE_RECORDS, case_prefix(case_id)):
        yield decode_record(row)


class Found(NamedTuple):
    """A case and its place in the queue, from where a reader can go on."""

    key: bytes
    case: Case


def walk_cases(rows: Rows, *, closed: bool, after: bytes = b"") -> Iterator[Found]:
    """Walk unfinished or closed cases, oldest first, from behind a place on."""
    first = CLOSED_FIRST if closed else UNFINISHED_FIRST
    for key, _ in rows.scan(CASE_QUEUE, first, max(first, after)):
        row = find_case(rows, case_of_queue_key(key))
        if key > after and row is not None:
            yield Found(key, row.case)


def groups(rows: Rows) -> Iterator[tuple[str, GroupRow]]:
    """Walk the groups of cases with one cause."""
    for key, row in rows.scan(CASE_GROUPS):
        yield key.decode(), decode_group(row)


def tallies(rows: Rows) -> dict[tuple[str, str], int]:
    """Count the cases by kind and state."""
    found = {}
    for key, count in rows.scan(CASE_TALLIES):
        kind, _, state = key.decode().partition("|")
        found[kind, state] = int(count)
    return found


def oldest_unfinished(rows: Rows) -> datetime | None:
    """Return since when the oldest unfinished case waits."""
    for key, _ in rows.scan(CASE_QUEUE, UNFINISHED_FIRST):
        micros = int.from_bytes(key[1:9], "big")
        return datetime.fromtimestamp(micros / 1_000_000, UTC)
    return None
