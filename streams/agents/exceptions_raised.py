"""Cases that a stage raises and withdraws itself, of an entity that it keeps."""

from msgspec.structs import replace as changed

from streams.agents.exceptions_book import Book
from streams.domain.exception_kinds import can_try_again, kind_named
from streams.domain.exception_moves import fold_parking, fold_success
from streams.domain.exceptions import CaseRecord, Parking, Version, case_id_of
from streams.engine.fold import Record, Result
from streams.mapping.exception_rows import Origin, RecordRow
from streams.mapping.exceptions import Action, CommandWire


def take_raised(
    record: Record, command: CommandWire, book: Book, result: Result
) -> None:
    """Raise or withdraw a case; both come in order, from one stage's partition."""
    case_id = case_id_of(command.trouble, record.partition)
    # Stands for the record that there is none of: it waits while the case is raised.
    origin = Origin(command.by, f"{case_id}/{record.partition}/0")
    row, case_row = book.record(origin), book.case(case_id)
    case = case_row.case if case_row else None
    if command.action is Action.RAISE:
        parking = Parking(
            trouble=command.trouble,
            version=Version(record.offset, command.at),
            sentence=command.sentence,
            kind=kind_named(command.kind),
            entity_type=command.kind,
            can_retry=can_try_again(command.by, kind_named(command.kind)),
        )
        case, state = fold_parking(case, row.state if row else None, parking, case_id)
        result.count("raised")
    elif row is not None and case is not None:
        case, state = fold_success(
            case, row.state, record.offset, command.at, command.by
        )
    else:
        result.count("unknown_case")
        return
    book.put_case(case)
    book.put_record(_row(case_id, origin, state, row))


def _row(
    case_id: str, origin: Origin, state: CaseRecord, known: RecordRow | None
) -> RecordRow:
    if known is not None:
        return changed(known, state=state)
    return RecordRow(case_id, origin.origin, origin.stage, "", None, None, (), state)
