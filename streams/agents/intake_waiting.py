"""Events that wait for a name: keeping them, and finding those that can go on."""

from collections.abc import Iterator
from itertools import islice

from streams.domain.reference import Reference
from streams.engine.fold import Record, View
from streams.mapping.pos_sheet import Name
from streams.mapping.waiting import (
    KINDS,
    WaitingEvent,
    after_name,
    name_prefix,
    parse_name_key,
)
from streams.tables import WAITING

NAMES_MAX = 200
"""Names that one tick takes up; the rest follows in the next."""


def waiting_event(record: Record) -> WaitingEvent:
    """Return a record as an event that waits for nothing yet."""
    return WaitingEvent(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        # Kafka knows headers without a value; ours have one.
        [(name, value or b"") for name, value in record.headers],
    )


def known_offsets(view: View, reference: Reference, *, limit: int) -> list[int]:
    """List the first waiting events, in the order they came, that can go on."""
    offsets: set[int] = set()
    for name in islice(_known_names(view, reference), NAMES_MAX):
        rows = view.scan(WAITING, name_prefix(name))
        offsets.update(parse_name_key(key)[1] for key, _ in islice(rows, limit))
    return sorted(offsets)[:limit]


def _known_names(view: View, reference: Reference) -> Iterator[Name]:
    """Walk the names that events wait for, from one to the next, and give the known."""
    for prefix in KINDS.values():
        start: bytes | None = None
        while (row := next(view.scan(WAITING, prefix, start), None)) is not None:
            name, _ = parse_name_key(row[0])
            if name.is_known(reference):
                yield name
            start = after_name(name)
