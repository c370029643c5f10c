"""Hearing what succeeded, of what was parked once or is about to be heard of."""

from msgspec.structs import replace as changed

from streams.agents.exceptions_book import Book
from streams.domain.exception_moves import fold_success
from streams.engine.fold import Result
from streams.mapping.exception_rows import (
    Origin,
    RecordRow,
    SuccessRow,
    decode_success,
    encode_row,
)
from streams.mapping.exceptions import CommandWire
from streams.tables import CASE_SUCCESSES


def take_success(command: CommandWire, book: Book, result: Result) -> None:
    """Note that a record, or all of a case up to an offset, succeeded."""
    if command.case_id:
        _remember(command.case_id.encode(), command, book, result)
        for row in list(book.records(command.case_id)):
            _settle(row, command, book)
        return
    origin = Origin(command.by, command.origin)
    parked = book.record(origin)
    if parked is None:
        _remember(origin.key, command, book, result)
    else:
        _settle(parked, command, book)


def _remember(key: bytes, command: CommandWire, book: Book, result: Result) -> None:
    stored = book.get(CASE_SUCCESSES, key)
    if stored is None or decode_success(stored).until < command.until:
        row = SuccessRow(command.until, command.at)
        result.put(CASE_SUCCESSES, key, encode_row(row))


def _settle(row: RecordRow, command: CommandWire, book: Book) -> None:
    case_row = book.case(row.case_id)
    if case_row is None:
        return
    case, state = fold_success(
        case_row.case, row.state, command.until, command.at, command.by
    )
    book.put_case(case)
    book.put_record(changed(row, state=state))
