"""Events that were parked, and are told anew without the mistake: their cases close.

Only an event about the very same counts: the same name and document, and all the units
of the parked one. What else an entity tells later says nothing of what was lost.
"""

from datetime import datetime, timedelta

from streams.agents.expiries import Expiries, expiry_key, milliseconds
from streams.agents.intake_copies import forget_earlier
from streams.engine.fold import Batch, Record, Result, View
from streams.mapping.event_subject import is_corrected, subject_of
from streams.mapping.exceptions import origin_of
from streams.mapping.parked_events import (
    Earlier,
    copy_of,
    decode_parked,
    encode_parked,
)
from streams.tables import PARKED_EVENTS, PARKED_EXPIRIES

KEPT_FOR = timedelta(days=90)
"""As long as the topic keeps what was parked."""

EVENTS_MAX = 50
"""Parked events of one entity that are remembered, the newest."""


class Corrections:
    """One batch's look at what was parked before; without such, it costs one seek."""

    def __init__(self, view: View, batch: Batch, result: Result, now: datetime) -> None:
        self._view, self._result, self._now = view, result, now
        self._rows: dict[bytes, list[Earlier]] = {}
        if next(iter(view.scan(PARKED_EVENTS)), None) is not None:
            keys = {record.key for record in batch.records if record.key}
            found = view.get(PARKED_EVENTS, keys)
            self._rows = {key: decode_parked(row) for key, row in found.items()}

    def hear(self, record: Record, *, is_parked: bool) -> None:
        """Remember an event that is parked; settle what one corrects that is not."""
        if is_parked:
            self._remember(record)
        else:
            self._settle(record)

    def _remember(self, record: Record) -> None:
        subject = subject_of(record.value)
        if record.key is None or subject is None:
            return
        known = self._rows.get(record.key, [])
        earlier = Earlier(subject, origin_of(record), record.offset)
        others = [each for each in known if each.origin != earlier.origin]
        if not known:
            key = expiry_key(milliseconds(self._now), record.key)
            self._result.put(PARKED_EXPIRIES, key, b"")
        self._put(record.key, [*others, earlier][-EVENTS_MAX:])

    def _settle(self, record: Record) -> None:
        known = self._rows.get(record.key) if record.key else None
        if not known or record.key is None:
            return
        later = subject_of(record.value)
        corrected = [each for each in known if is_corrected(each.subject, later)]
        for each in corrected:
            copy = copy_of(each, record, record.timestamp)
            forget_earlier(copy, self._view, self._result)
            self._result.settle(copy)
            self._result.count("corrected")
        if corrected:
            self._put(record.key, [each for each in known if each not in corrected])

    def _put(self, key: bytes, rows: list[Earlier]) -> None:
        self._rows[key] = rows
        self._result.put(PARKED_EVENTS, key, encode_parked(rows) if rows else None)


class Forgetting:
    """Forgets parked events that nobody has corrected for long."""

    def __init__(self) -> None:
        self._expiries = Expiries(PARKED_EXPIRIES, KEPT_FOR)

    def forget(self, view: View, now: datetime) -> Result:
        """Return what forgets those that are due."""
        result = Result()
        for each in self._expiries.due(view, milliseconds(now)):
            result.put(PARKED_EXPIRIES, each.key, None)
            result.put(PARKED_EVENTS, each.name, None)
        return result
