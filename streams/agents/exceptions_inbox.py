"""Taking parked records into the exceptions list."""

from collections.abc import Mapping
from dataclasses import replace

from msgspec.structs import replace as changed

from streams.agents.exceptions_book import Book
from streams.domain.exception_moves import fold_parking
from streams.domain.exceptions import Parking, case_id_of
from streams.engine.fold import Record, Result
from streams.mapping.exception_rows import Origin, RecordRow, decode_success
from streams.mapping.exceptions import ParkedRecord, Unreadable, read_parked
from streams.tables import CASE_SUCCESSES
from streams.topics import Topic


def take_parked(
    record: Record, book: Book, result: Result, catalogue: Mapping[str, Topic]
) -> None:
    """Take one record of the topic `exceptions` into its case."""
    parked = read_parked(record, catalogue)
    if isinstance(parked, Unreadable):
        result.park(record, **parked._asdict())
        return
    trouble = parked.parking.trouble
    origin = Origin(trouble.stage, parked.origin)
    row = book.record(origin)
    case_id = row.case_id if row else case_id_of(trouble, record.partition)
    case_row = book.case(case_id)
    case, state = fold_parking(
        case_row.case if case_row else None,
        row.state if row else None,
        _with_successes(parked, origin, case_id, book),
        case_id,
    )
    if row is not None and state == row.state:
        result.count("repeated")
        return
    result.count("taken")
    book.put_case(case)
    if row is None:
        row = RecordRow(
            case_id,
            parked.origin,
            trouble.stage,
            parked.topic,
            parked.key,
            parked.value,
            parked.headers,
            state,
        )
    book.put_record(changed(row, state=state))


def _with_successes(
    parked: ParkedRecord, origin: Origin, case_id: str, book: Book
) -> Parking:
    """Add what is known already of successes: their topic may be read first."""
    done_until = -1
    for key in (origin.key, case_id.encode()):
        stored = book.get(CASE_SUCCESSES, key)
        if stored is not None:
            done_until = max(done_until, decode_success(stored).until)
    return replace(parked.parking, done_until=done_until)
