"""Forgetting cases that were closed long ago."""

from datetime import datetime, timedelta
from itertools import islice

from streams.agents.exceptions_book import Book
from streams.agents.exceptions_index import Index
from streams.engine.fold import Result, View
from streams.mapping.exception_rows import (
    CLOSED_FIRST,
    Origin,
    case_of_queue_key,
    closed_before,
    record_key,
)
from streams.tables import (
    CASE_ORIGINS,
    CASE_QUEUE,
    CASE_RECORDS,
    CASE_SUCCESSES,
    CASES,
)

KEPT_FOR = timedelta(days=90)
"""As long as the topic keeps what was parked."""

CASES_MAX = 100
"""Cases forgotten in one tick."""


def forget_closed(view: View, now: datetime, result: Result) -> None:
    """Forget cases that were closed too long ago, and all that belongs to them."""
    book = Book(view, result)
    index = Index(book.get, result)
    border = closed_before(now - KEPT_FOR)
    for key, _ in islice(view.scan(CASE_QUEUE, CLOSED_FIRST), CASES_MAX):
        if key >= border:
            break
        case_id = case_of_queue_key(key)
        row = book.case(case_id)
        if row is None:
            continue
        index.move(row.case, None)
        for record in book.records(case_id):
            origin = Origin(record.stage, record.origin)
            result.put(CASE_RECORDS, record_key(case_id, record.origin), None)
            result.put(CASE_ORIGINS, origin.key, None)
        result.put(CASE_SUCCESSES, case_id.encode(), None)
        result.put(CASES, case_id.encode(), None)
        result.count("forgotten")
    index.write()
