"""Sending again what waits in cases under retry, a part at each tick."""

from collections.abc import Iterator, Mapping
from itertools import islice

from msgspec.structs import replace as changed

from streams.agents.exceptions_book import Book
from streams.agents.exceptions_groups import spread_group
from streams.agents.exceptions_sending import is_to_be_sent, output_of
from streams.domain.exception_moves import sent_again
from streams.domain.exceptions import UNFINISHED
from streams.engine.fold import Context, Result, View
from streams.mapping.exception_rows import (
    END,
    RecordRow,
    RetryRow,
    case_prefix,
    decode_record,
    decode_retry,
    encode_row,
    retry_of_key,
)
from streams.tables import CASE_RECORDS, CASE_RETRIES
from streams.topics import Topic

RECORDS_MAX = 500
"""Records sent again in one tick, so that a tick stays as short as a batch."""

CASES_MAX = 200
"""Cases that one tick takes up."""


class Retries:
    """One tick's work on the retries that are under way."""

    def __init__(
        self, view: View, context: Context, result: Result, known: Mapping[str, Topic]
    ) -> None:
        self._view, self._now, self._result = view, context.now, result
        self._catalogue = known
        self._book = Book(view, result)

    def go_on(self) -> None:
        """Send what there is room for; cases first, then the next cases of a group."""
        room = RECORDS_MAX
        for key, raw in islice(self._view.scan(CASE_RETRIES), CASES_MAX):
            is_group, name = retry_of_key(key)
            retry = decode_retry(raw)
            if not is_group:
                room -= self._send(key, name, retry, room)
            elif room == RECORDS_MAX:
                left = spread_group(self._view, self._now, self._book, name, retry)
                self._put(key, left)
            if room <= 0:
                break
        self._book.write()

    def _send(self, key: bytes, case_id: str, retry: RetryRow, room: int) -> int:
        row = self._book.case(case_id)
        sent, last = 0, b""
        if row is not None and row.case.state in UNFINISHED:
            for at, record in islice(self._waiting(case_id, retry.start), room):
                self._result.send(
                    *output_of(
                        record, retry, row.case.trouble, self._now, self._catalogue
                    )
                )
                self._book.put_record(changed(record, state=sent_again(record.state)))
                sent, last = sent + 1, at
        left = changed(retry, start=last + END) if sent == room else None
        self._put(key, left)
        if sent:
            self._result.count("sent_again", sent)
        return sent

    def _put(self, key: bytes, left: RetryRow | None) -> None:
        self._result.put(CASE_RETRIES, key, encode_row(left) if left else None)

    def _waiting(self, case_id: str, start: bytes) -> Iterator[tuple[bytes, RecordRow]]:
        rows = self._view.scan(CASE_RECORDS, case_prefix(case_id), start or None)
        for key, raw in rows:
            record = decode_record(raw)
            if is_to_be_sent(record, self._catalogue):
                yield key, record
