"""When commercetools came to know what the ledger knows: for the latency benchmark."""

import bisect
from datetime import datetime
from typing import Any

from _house import channel_of

from streams.mapping.stock import EntryRecord

Place = tuple[str, str]


def moment_of(write: dict[str, Any]) -> float:
    """Return when the stand-in accepted a write."""
    return datetime.fromisoformat(write["at"]).timestamp()


class Told:
    """When commercetools came to know each change of each row.

    Either by a write that covers its sequence; or, where a later change undid it before
    any write, as soon as the ledger is back at what commercetools was last told: then
    there is nothing to tell, and what it shows is right again.
    """

    def __init__(
        self, writes: list[dict[str, Any]], entries: list[EntryRecord]
    ) -> None:
        self._writes: dict[Place, list[tuple[int, float, int]]] = {}
        for write in writes:
            fields = write["fields"] or {}
            if "oneshelfSequence" in fields:
                place = write["sku"], write["channelKey"]
                told = (
                    fields["oneshelfSequence"],
                    moment_of(write),
                    fields["oneshelfTarget"],
                )
                self._writes.setdefault(place, []).append(told)
        self._changes: dict[Place, list[EntryRecord]] = {}
        for entry in sorted(entries, key=lambda each: each.level_sequence):
            if entry.available_before != entry.available_after:
                self._changes.setdefault(_place_of(entry), []).append(entry)

    def when(self, entry: EntryRecord) -> float | None:
        """Return when commercetools was right about a change; None if it never was."""
        place = _place_of(entry)
        writes = self._writes.get(place, [])
        changes = self._changes[place]
        index = bisect.bisect_left(writes, (entry.level_sequence, 0.0, 0))
        written_at = writes[index][1] if index < len(writes) else None
        if index:
            _, told_at, target = writes[index - 1]
        else:
            first = changes[0]
            effect = first.available_after - first.available_before
            told_at, target = 0.0, first.commerce_target - effect
        begin = bisect.bisect_left(
            changes, entry.level_sequence, key=lambda each: each.level_sequence
        )
        for later in changes[begin:]:
            recorded_at = later.recorded_at.timestamp()
            if written_at is not None and recorded_at >= written_at:
                break
            if later.commerce_target == target:
                return max(recorded_at, told_at)
        return written_at


def _place_of(entry: EntryRecord) -> Place:
    return entry.sku, channel_of(entry.location_id)
