"""What moves a case of the exceptions list: parkings, successes, and people."""

from dataclasses import replace
from datetime import datetime

from streams.domain.exceptions import (
    PEOPLES_ACTS,
    TRANSITIONS,
    UNFINISHED,
    Act,
    Case,
    CaseRecord,
    Note,
    Parking,
    Refused,
    State,
)

AUDIT_MAX = 50
"""Notes that a case keeps, the newest; what is older is only counted."""


def fold_parking(
    case: Case | None, record: CaseRecord | None, parking: Parking, case_id: str
) -> tuple[Case, CaseRecord]:
    """Take a parked record into its case. A parking already known changes nothing."""
    version = parking.version
    if record is not None and case is not None and version <= record.parked:
        return case, record
    if case is None:
        case = _new_case(parking, case_id)
    known = record or CaseRecord(version)
    settled = max(known.settled, parking.done_until)
    parked = replace(known, parked=version, settled=settled)
    was_waiting = record is not None and record.is_waiting
    case = replace(
        _seen(case, parking),
        records=case.records + (record is None),
        waiting=case.waiting + parked.is_waiting - was_waiting,
        seen=case.seen + 1,
    )
    if parked.is_waiting:
        case = _audited(_moved(case, Act.PARK, version.at), _parked_note(parking))
    return _closed_if_done(case, version.at, parking.trouble.stage), parked


def fold_success(
    case: Case, record: CaseRecord, until: int, at: datetime, who: str
) -> tuple[Case, CaseRecord]:
    """Note that a record succeeded: every parking up to that offset is done with."""
    done = replace(record, settled=max(record.settled, until))
    waiting = case.waiting - record.is_waiting + done.is_waiting
    if waiting == case.waiting:
        return case, done
    return _closed_if_done(replace(case, waiting=waiting), at, who), done


def act(
    case: Case, what: Act, *, who: str, at: datetime, said: str = "", owner: str = ""
) -> Case | Refused:
    """Do what a person asks, if the case's state allows it."""
    if what not in TRANSITIONS[case.state]:
        allowed = ", ".join(sorted(TRANSITIONS[case.state].keys() & PEOPLES_ACTS))
        return Refused(
            f"The case is {case.state}; {what} is not possible now. "
            f"Possible: {allowed or 'nothing, until it fails again'}."
        )
    if what is Act.RETRY and not case.can_retry:
        topic = case.trouble.topic
        what_else = (
            f"Records of {topic} are not" if topic else "There is no record to be"
        )
        return Refused(
            f"{what_else} sent again: once it has put itself right, the case closes by "
            "itself. Or dismiss it."
        )
    if what is Act.ASSIGN:
        case, said = replace(case, owner=owner), owner
    if what is Act.RETRY:
        case = replace(case, attempts=case.attempts + 1)
    return _audited(_moved(case, what, at), Note(at, who, what, said))


def _new_case(parking: Parking, case_id: str) -> Case:
    return Case(
        case_id=case_id,
        kind=parking.kind,
        trouble=parking.trouble,
        sentence=parking.sentence,
        entity_type=parking.entity_type,
        can_retry=parking.can_retry,
        state=State.OPEN,
        first_seen=parking.version.at,
        last_seen=parking.version.at,
    )


def _seen(case: Case, parking: Parking) -> Case:
    """Let the newest parking say what is wrong."""
    at = parking.version.at
    case = replace(case, first_seen=min(case.first_seen, at))
    if at < case.last_seen:
        return case
    return replace(
        case,
        last_seen=at,
        kind=parking.kind,
        trouble=parking.trouble,
        sentence=parking.sentence,
    )


def _parked_note(parking: Parking) -> Note:
    trouble = parking.trouble
    return Note(parking.version.at, trouble.stage, "parked", trouble.reason)


def _closed_if_done(case: Case, at: datetime, who: str) -> Case:
    if case.waiting or case.state is State.RESOLVED:
        return case
    return _audited(_moved(case, Act.SETTLE, at), Note(at, who, "resolved"))


def _moved(case: Case, what: Act, at: datetime) -> Case:
    state = TRANSITIONS[case.state][what]
    if state is State.OPEN and case.owner:
        state = State.ASSIGNED
    return replace(case, state=state, closed_at=None if state in UNFINISHED else at)


def _audited(case: Case, note: Note) -> Case:
    audit = (*case.audit, note)[-AUDIT_MAX:]
    dropped = case.audit_dropped + len(case.audit) + 1 - len(audit)
    return replace(case, audit=audit, audit_dropped=dropped)


def sent_again(record: CaseRecord) -> CaseRecord:
    """Count that the record was put on its topic once more."""
    return replace(record, retries=record.retries + 1)
