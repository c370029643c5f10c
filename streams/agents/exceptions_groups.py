"""Retrying a group: its cases are retried one after the other, some at each tick."""

from datetime import datetime
from itertools import islice

from msgspec.structs import replace as changed

from streams.agents.exceptions_book import Book
from streams.domain.exception_moves import act
from streams.domain.exceptions import Act, Refused
from streams.engine.fold import View
from streams.mapping.exception_rows import END, RetryRow
from streams.tables import CASE_MEMBERS

CASES_MAX = 200
"""Cases of a group taken up in one tick."""


def spread_group(
    view: View, now: datetime, book: Book, group_id: str, retry: RetryRow
) -> RetryRow | None:
    """Begin to retry the next cases of a group; return what is left, None if nothing.

    Cases whose state does not allow it are left out: they are under way already.
    """
    prefix, last = group_id.encode() + END, b""
    members = view.scan(CASE_MEMBERS, prefix, retry.start or None)
    for key, _ in islice(members, CASES_MAX):
        last = key
        row = book.case(key.removeprefix(prefix).decode())
        if row is None:
            continue
        answer = act(row.case, Act.RETRY, who=retry.by, at=now, said="with its group")
        if not isinstance(answer, Refused):
            book.put_case(answer)
            book.put_retry(answer.case_id, RetryRow(retry.by, retry.cause))
    return changed(retry, start=last + END) if last else None
