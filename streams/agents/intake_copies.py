"""Events that people sent again: the copy takes the place of what still waits."""

from streams.engine.fold import Record, Result, View
from streams.mapping.exceptions import was_sent_again
from streams.mapping.waiting import copy_key, decode_waiting, event_key, first_offset
from streams.tables import WAITING


def forget_earlier(record: Record, view: View, result: Result) -> None:
    """Drop what waits of an event that is here again.

    The copy may be edited, and both together would move stock twice.
    """
    if not was_sent_again(record):
        return
    first = first_offset(record)
    last = _stored(copy_key(first), view, result)
    for place in {event_key(first), last or event_key(first)}:
        row = _stored(place, view, result)
        if row is not None:
            gone = dict.fromkeys(decode_waiting(row).rows())
            result.writes.setdefault(WAITING, {}).update(gone)


def _stored(key: bytes, view: View, result: Result) -> bytes | None:
    """Return a row as this batch has left it."""
    written = result.writes.get(WAITING, {})
    return written[key] if key in written else view.get(WAITING, (key,)).get(key)
