"""What moves a case of the exceptions list: parkings, successes, and people."""

from dataclasses import replace
from datetime import datetime
from typing import Any

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
    settled = max(record.settled if record else -1, parking.done_until)
    parked = CaseRecord(version, settled, record.retries if record else 0)
    was_waiting = record is not None and record.is_waiting
    waiting = case.waiting + parked.is_waiting - was_waiting
    changes = _seen(case, parking) | {
        "records": case.records + (record is None),
        "waiting": waiting,
        "seen": case.seen + 1,
    }
    stage, reason = parking.trouble.stage, parking.trouble.reason
    if parked.is_waiting:
        note = Note(version.at, stage, "parked", reason)
        return _moved(case, Act.PARK, note, changes), parked
    if waiting or case.state is State.RESOLVED:
        return replace(case, **changes), parked
    note = Note(version.at, stage, "resolved")
    return _moved(case, Act.SETTLE, note, changes), parked


def fold_success(
    case: Case, record: CaseRecord, until: int, at: datetime, who: str
) -> tuple[Case, CaseRecord]:
    """Note that a record succeeded: every parking up to that offset is done with."""
    done = replace(record, settled=max(record.settled, until))
    waiting = case.waiting - record.is_waiting + done.is_waiting
    if waiting == case.waiting:
        return case, done
    if waiting:
        return replace(case, waiting=waiting), done
    note = Note(at, who, "resolved")
    return _moved(case, Act.SETTLE, note, {"waiting": waiting}), done


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
    changes: dict[str, Any] = {}
    if what is Act.ASSIGN:
        changes, said = {"owner": owner}, owner
    if what is Act.RETRY:
        changes = {"attempts": case.attempts + 1}
    return _moved(case, what, Note(at, who, what, said), changes)


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


def _seen(case: Case, parking: Parking) -> dict[str, Any]:
    """Let the newest parking say what is wrong."""
    at = parking.version.at
    if at < case.last_seen:
        return {"first_seen": min(case.first_seen, at)}
    return {
        "last_seen": at,
        "kind": parking.kind,
        "trouble": parking.trouble,
        "sentence": parking.sentence,
        "can_retry": parking.can_retry,
    }


def _moved(case: Case, what: Act, note: Note, changes: dict[str, Any]) -> Case:
    """Move the case along the table, and note it.

    All changes go into one copy: thousands of records can be parked at once.
    """
    state = TRANSITIONS[case.state][what]
    if state is State.OPEN and case.owner:
        state = State.ASSIGNED
    audit = (*case.audit, note)[-AUDIT_MAX:]
    return replace(
        case,
        state=state,
        closed_at=None if state in UNFINISHED else note.at,
        audit=audit,
        audit_dropped=case.audit_dropped + len(case.audit) + 1 - len(audit),
        **changes,
    )


def sent_again(record: CaseRecord) -> CaseRecord:
    """Count that the record was put on its topic once more."""
    return replace(record, retries=record.retries + 1)
