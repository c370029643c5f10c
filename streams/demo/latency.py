"""From the webhook's acceptance to commercetools' acceptance, event by event."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from streams.mapping.commerce import SEQUENCE_FIELD
from streams.mapping.stock import EntryRecord

OURS = ("created", "updated")
"""Kinds of the sandbox's writes that our publisher causes."""


class Changes(NamedTuple):
    """What there was to tell commercetools, and what it took.

    Attributes:
        levels: Changes that commercetools had to hear of.
        latencies_s: Of those whose event and whose write are both known.
    """

    levels: int
    latencies_s: list[float]


def changes_of(
    entries: Iterable[EntryRecord],
    writes: Iterable[Mapping[str, Any]],
    accepted_at: Mapping[str, float],
    channels: Mapping[str, str],
) -> Changes:
    """Attribute commercetools' writes to the events that caused them.

    Args:
        writes: The sandbox's log, oldest first.
        accepted_at: When the webhook accepted an event, by `topic/partition/offset`.
        channels: The channel key of each location.
    """
    told: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for write in writes:
        sequence = (write["fields"] or {}).get(SEQUENCE_FIELD)
        if write["kind"] in OURS and isinstance(sequence, int):
            at = datetime.fromisoformat(write["at"]).timestamp()
            told[write["sku"], write["channelKey"]].append((sequence, at))
    targets: dict[tuple[str, str], int] = {}
    levels, latencies_s = 0, []
    for entry in sorted(entries, key=lambda each: each.sequence):
        place = entry.sku, entry.location_id
        before = targets.get(place, 0)
        targets[place] = entry.commerce_target
        if entry.commerce_target == before or entry.origin not in accepted_at:
            continue
        levels += 1
        for sequence, at in told[entry.sku, channels[entry.location_id]]:
            if sequence >= entry.level_sequence:
                latencies_s.append(max(0.0, at - accepted_at[entry.origin]))
                break
    return Changes(levels, latencies_s)
