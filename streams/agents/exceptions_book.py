"""The exceptions stage's rows while a batch is folded: read once, written once."""

from collections.abc import Iterator

from streams.agents.exceptions_index import Index
from streams.domain.exceptions import Case
from streams.engine.fold import Result, View
from streams.mapping.exception_rows import (
    CaseRow,
    Origin,
    RecordRow,
    RetryRow,
    case_prefix,
    decode_case,
    decode_record,
    encode_row,
    record_key,
    retry_case_key,
)
from streams.tables import CASE_ORIGINS, CASE_RECORDS, CASE_RETRIES, CASES, Table


class Book:
    """Cases and records as they stand, changes of this batch included."""

    def __init__(self, view: View, result: Result) -> None:
        self._view = view
        self._result = result
        self._cases: dict[str, CaseRow | None] = {}
        self._before: dict[str, Case | None] = {}
        self._origins: dict[Origin, bytes] = {}
        self._records: dict[bytes, RecordRow] = {}

    def get(self, table: Table, key: bytes) -> bytes | None:
        """Return a row, as this batch has left it."""
        written = self._result.writes.get(table, {})
        return written[key] if key in written else self._stored(table, key)

    def case(self, case_id: str) -> CaseRow | None:
        if case_id not in self._cases:
            row = self._stored(CASES, case_id.encode())
            found = None if row is None else decode_case(row)
            self._cases[case_id] = found
            self._before[case_id] = found.case if found else None
        return self._cases[case_id]

    def record(self, origin: Origin) -> RecordRow | None:
        """Return the record that a stage parked, wherever it was parked last."""
        key = self._origins.get(origin) or self._stored(CASE_ORIGINS, origin.key)
        return None if key is None else self._record(key)

    def records(self, case_id: str) -> Iterator[RecordRow]:
        """Walk a case's records, oldest first."""
        keys = {key for key in self._records if key.startswith(case_prefix(case_id))}
        keys.update(k for k, _ in self._view.scan(CASE_RECORDS, case_prefix(case_id)))
        for key in sorted(keys):
            row = self._record(key)
            if row is not None:
                yield row

    def put_case(
        self, case: Case, commanded: int | None = None, refused: str = ""
    ) -> None:
        known = self.case(case.case_id)
        if commanded is None:
            commanded, refused = (known.commanded, known.refused) if known else (-1, "")
        self._cases[case.case_id] = CaseRow(case, commanded, refused)

    def put_record(self, row: RecordRow) -> None:
        key = record_key(row.case_id, row.origin)
        self._records[key] = row
        self._origins[Origin(row.stage, row.origin)] = key

    def put_retry(self, case_id: str, retry: RetryRow) -> None:
        self._result.put(CASE_RETRIES, retry_case_key(case_id), encode_row(retry))

    def write(self) -> None:
        """Hand all changes to the result: rows, ways to find them, and counts."""
        for origin, key in self._origins.items():
            self._result.put(CASE_ORIGINS, origin.key, key)
        for key, record in self._records.items():
            self._result.put(CASE_RECORDS, key, encode_row(record))
        index = Index(self.get, self._result)
        for case_id, row in self._cases.items():
            if row is not None:
                self._result.put(CASES, case_id.encode(), encode_row(row))
                index.move(self._before[case_id], row.case)
        index.write()

    def _record(self, key: bytes) -> RecordRow | None:
        if key not in self._records:
            row = self._stored(CASE_RECORDS, key)
            return None if row is None else decode_record(row)
        return self._records[key]

    def _stored(self, table: Table, key: bytes) -> bytes | None:
        return self._view.get(table, (key,)).get(key)
