"""Events that wait for a name: keeping them, and finding those that can go on."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from streams.domain.reference import Reference
from streams.engine.fold import Context, Record, Result, View
from streams.mapping.pos_sheet import Name, OpenLine
from streams.mapping.waiting import (
    KINDS,
    WaitingEvent,
    after_name,
    name_prefix,
    parse_name_key,
)
from streams.tables import WAITING

EVENTS_MAX = 500
"""Waiting events taken up in one tick, so that a tick stays as short as a batch."""

NAMES_MAX = 200
"""Names that one tick takes up; the rest follows in the next."""

RESCAN = timedelta(seconds=30)
"""While reference data stays as it was, known names are looked for no more often: once
in a while all the same, for the partition may come from a worker that knew less."""


class Search:
    """Looks for waiting events whose names have become known.

    What it remembers only saves work: without it, it would look at every tick.
    """

    def __init__(self) -> None:
        self._found_none: dict[int, tuple[int, datetime]] = {}

    def offsets(self, view: View, context: Context) -> list[int]:
        """List the first events, in the order they came, that can go on."""
        version = context.reference.version
        last = self._found_none.get(view.partition)
        if last and last[0] == version and context.now - last[1] < RESCAN:
            return []
        found = _known_offsets(view, context.reference)
        if found:
            self._found_none.pop(view.partition, None)
        else:
            self._found_none[view.partition] = (version, context.now)
        return found


def waiting_event(record: Record, open_lines: Iterable[OpenLine]) -> WaitingEvent:
    """Return a record as an event whose open lines wait."""
    event = WaitingEvent(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        # Kafka knows headers without a value; ours have one.
        [(name, value or b"") for name, value in record.headers],
    )
    return event.with_open(open_lines)


def keep_waiting(event: WaitingEvent, result: Result) -> None:
    """Let the event's open lines wait."""
    result.writes.setdefault(WAITING, {}).update(event.rows())


def _known_offsets(view: View, reference: Reference) -> list[int]:
    offsets: set[int] = set()
    for name in islice(_known_names(view, reference), NAMES_MAX):
        rows = view.scan(WAITING, name_prefix(name))
        offsets.update(parse_name_key(key)[1] for key, _ in islice(rows, EVENTS_MAX))
    return sorted(offsets)[:EVENTS_MAX]


def _known_names(view: View, reference: Reference) -> Iterator[Name]:
    """Walk the names that events wait for, from one to the next, and give the known."""
    for prefix in KINDS.values():
        start: bytes | None = None
        while (row := next(view.scan(WAITING, prefix, start), None)) is not None:
            name, _ = parse_name_key(row[0])
            if name.is_known(reference):
                yield name
            start = after_name(name)
