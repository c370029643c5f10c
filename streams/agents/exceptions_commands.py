"""What people ask of the exceptions list, done where the case's state allows it."""

from msgspec.structs import replace as changed

from streams.agents.exceptions_book import Book
from streams.agents.exceptions_raised import take_raised
from streams.agents.exceptions_successes import take_success
from streams.domain.exception_moves import act
from streams.domain.exceptions import Act, Case, Refused
from streams.engine.fold import Record, Result
from streams.mapping.exception_rows import Origin, RetryRow, encode_row, retry_group_key
from streams.mapping.exceptions import (
    Action,
    CommandWire,
    Unreadable,
    coordinates,
    read_command,
)
from streams.tables import CASE_RETRIES

ACTS = {
    Action.ASSIGN: Act.ASSIGN,
    Action.RETRY: Act.RETRY,
    Action.DISMISS: Act.DISMISS,
}


def take_command(record: Record, book: Book, result: Result) -> None:
    """Do what one record of the topic `exception-commands` asks."""
    command = read_command(record.value)
    if isinstance(command, Unreadable):
        result.park(record, **command._asdict())
        return
    result.count(f"heard_{command.action}")
    if command.action is Action.SETTLE:
        take_success(command, book, result)
    elif command.action in (Action.RAISE, Action.WITHDRAW):
        take_raised(record, command, book, result)
    elif command.group_id:
        row = RetryRow(command.by, coordinates(record))
        result.put(CASE_RETRIES, retry_group_key(command.group_id), encode_row(row))
    else:
        _take_for_case(record, command, book, result)


def _take_for_case(
    record: Record, command: CommandWire, book: Book, result: Result
) -> None:
    row = book.case(command.case_id)
    if row is None:
        result.count("unknown_case")
        return
    answer = _answer(row.case, command, book)
    if isinstance(answer, Refused):
        # Asked for in time, and overtaken by another command: nothing is lost by it.
        result.count("refused")
        book.put_case(row.case, record.offset, answer.sentence)
        return
    book.put_case(answer, record.offset)
    if command.action is Action.RETRY:
        retry = RetryRow(command.by, coordinates(record))
        book.put_retry(command.case_id, retry)


def _answer(case: Case, command: CommandWire, book: Book) -> Case | Refused:
    if command.action is Action.EDIT:
        return _edited(case, command, book)
    return act(
        case,
        ACTS[command.action],
        who=command.by,
        at=command.at,
        said=command.said,
        owner=command.owner,
    )


def _edited(case: Case, command: CommandWire, book: Book) -> Case | Refused:
    row = book.record(Origin(case.trouble.stage, command.origin))
    if row is None or row.case_id != case.case_id:
        return Refused(
            f"Record {command.origin!r} does not belong to the case. Name one that "
            "`oneshelf exceptions show` lists."
        )
    said = f"{command.origin}: {len(command.body_base64):,} bytes. {command.said}"
    answer = act(case, Act.EDIT, who=command.by, at=command.at, said=said.strip())
    if isinstance(answer, Case):
        book.put_record(changed(row, edited=command.body_base64))
    return answer
