"""The exceptions list as answers show it: cases, records, groups."""

from base64 import b64encode
from typing import Any

from streams.domain.exceptions import UNFINISHED, Case
from streams.mapping.exception_rows import CaseRow, GroupRow, RecordRow

RECORDS_SHOWN_MAX = 100
"""Records of one case in an answer; all of them are retried."""


def case_shape(case: Case) -> dict[str, Any]:
    """Show a case as one line of the list."""
    trouble = case.trouble
    return {
        "id": case.case_id,
        "group_id": case.group_id,
        "kind": case.kind,
        "state": case.state,
        "entity_type": case.entity_type,
        "entity_id": trouble.entity,
        "stage": trouble.stage,
        "topic": trouble.topic,
        "reason": trouble.reason,
        "field": trouble.field,
        "value": trouble.value,
        "sentence": case.sentence,
        "owner": case.owner,
        "first_seen": case.first_seen,
        "last_seen": case.last_seen,
        "seen": case.seen,
        "attempts": case.attempts,
        "records": case.records,
        "waiting": case.waiting,
        "can_retry": case.can_retry,
    }


def whole_case_shape(row: CaseRow, records: list[RecordRow]) -> dict[str, Any]:
    """Show a case with its history and its records."""
    case = row.case
    return {
        **case_shape(case),
        "closed_at": case.closed_at,
        "history": [note._asdict() for note in case.audit],
        "history_dropped": case.audit_dropped,
        "parked_records": [record_shape(one) for one in records[:RECORDS_SHOWN_MAX]],
    }


def record_shape(record: RecordRow) -> dict[str, Any]:
    """Show a parked record: as it came, and as it was mended."""
    body, encoding = _text(record.value)
    edited = None if record.edited is None else _text(record.edited)
    return {
        "origin": record.origin,
        "topic": record.topic,
        "key": _text(record.key)[0],
        "waiting": record.state.is_waiting,
        "retries": record.state.retries,
        "body": body,
        "body_encoding": encoding,
        "edited_body": edited and edited[0],
        "edited_body_encoding": edited and edited[1],
    }


def group_shape(group_id: str, group: GroupRow) -> dict[str, Any]:
    """Show cases with one cause as one line."""
    counts = group.counts
    return {
        "id": group_id,
        "kind": group.kind,
        "reason": group.reason,
        "field": group.field,
        "value": group.value,
        "sentence": group.sentence,
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "unfinished": sum(counts.get(state, 0) for state in UNFINISHED),
        "cases": dict(counts),
    }


def _text(raw: bytes | None) -> tuple[str, str]:
    body = raw or b""
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return b64encode(body).decode(), "base64"
