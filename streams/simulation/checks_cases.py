"""What must hold of the exceptions list when the world is at rest."""

from collections import Counter
from collections.abc import Iterator

from streams.domain.exception_kinds import Kind
from streams.domain.exceptions import Case, State
from streams.engine.headers import header
from streams.mapping.exception_rows import (
    Origin,
    RecordRow,
    decode_case,
    decode_record,
    index_rows,
    tally_key,
)
from streams.mapping.exceptions import ATTEMPT, ParkedRecord, origin_of, read_parked
from streams.mapping.waiting import EVENT, decode_waiting
from streams.simulation.snapshot import Snapshot
from streams.tables import (
    CASE_MEMBERS,
    CASE_QUEUE,
    CASE_RECORDS,
    CASE_RETRIES,
    CASE_TALLIES,
    CASES,
    WAITING,
)
from streams.topics import NEWSTORE_EVENTS

_NAMES = (Kind.UNKNOWN_SKU, Kind.UNKNOWN_LOCATION)


def check_cases(snap: Snapshot) -> Iterator[str]:
    """Each parked record is in one case; it waits there while it waits in the world."""
    held = [decode_record(row) for _, _, row in snap.table(CASE_RECORDS)]
    places = Counter(Origin(record.stage, record.origin) for record in held)
    for origin in sorted(_parked_origins(snap) | places.keys()):
        if places[origin] != 1:
            yield f"{origin} is in {places[origin]} cases"
    cases = _cases(snap)
    waiting = Counter(record.case_id for record in held if record.state.is_waiting)
    for case_id, case in cases.items():
        if case.waiting != waiting[case_id]:
            yield f"case {case_id}: {waiting[case_id]} wait, it says {case.waiting}"
        if (case.state is State.RESOLVED) != (case.waiting == 0):
            yield f"case {case_id} is {case.state}, {case.waiting} wait"
    yield from _check_names(snap, held, cases)
    yield from _check_sent(snap, held)


def check_list(snap: Snapshot) -> Iterator[str]:
    """Queue, groups and tallies say what the cases say; no retry is left undone."""
    cases = _cases(snap).values()
    wanted = {place for case in cases for place in index_rows(case)}
    found = {(t, k) for t in (CASE_QUEUE, CASE_MEMBERS) for _, k, _ in snap.table(t)}
    for table, key in sorted(wanted ^ found, key=repr):
        what = "missing" if (table, key) in wanted else "left over"
        yield f"{table.name}: {key!r} is {what}"
    tallies: Counter[bytes] = Counter()
    for _, key, count in snap.table(CASE_TALLIES):
        tallies[key] += int(count)
    if tallies != Counter(map(tally_key, cases)):
        yield f"tallies are {dict(tallies)}"
    for _, key, _ in snap.table(CASE_RETRIES):
        yield f"the retry of {key!r} is not done"


def _check_names(
    snap: Snapshot, held: list[RecordRow], cases: dict[str, Case]
) -> Iterator[str]:
    """An event waits for a name if and only if a case says that it does."""
    said = {
        record.origin
        for record in held
        if record.state.is_waiting and cases[record.case_id].kind in _NAMES
    }
    open_lines = {
        origin_of(decode_waiting(row))
        for _, key, row in snap.table(WAITING)
        if key[:1] == EVENT
    }
    for origin in sorted(said ^ open_lines):
        yield f"{origin} waits only {'in its case' if origin in said else 'in intake'}"


def _check_sent(snap: Snapshot, held: list[RecordRow]) -> Iterator[str]:
    """A record was sent again once for each retry that its case knows of."""
    sent: dict[str, list[int]] = {}
    for record in snap.records(NEWSTORE_EVENTS):
        attempt = header(record.headers, ATTEMPT)
        if attempt is not None:
            sent.setdefault(origin_of(record), []).append(int(attempt))
    known = {record.origin: record.state.retries for record in held}
    for origin in sorted(sent.keys() | known.keys()):
        wanted = list(range(1, known.get(origin, 0) + 1))
        if sorted(sent.get(origin, [])) != wanted:
            yield f"{origin} was sent again as {sent.get(origin)}, wanted {wanted}"


def _parked_origins(snap: Snapshot) -> set[Origin]:
    found = set()
    for record in snap.parked:
        parked = read_parked(record, {})
        if isinstance(parked, ParkedRecord):
            found.add(Origin(parked.parking.trouble.stage, parked.origin))
    return found


def _cases(snap: Snapshot) -> dict[str, Case]:
    return {key.decode(): decode_case(row).case for _, key, row in snap.table(CASES)}
