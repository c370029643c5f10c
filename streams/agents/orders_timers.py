"""Which orders are to be woken: those whose time has come."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice, takewhile

from streams.engine.fold import Result, View
from streams.mapping.orders_state import is_due, timer_key, timer_number
from streams.tables import ORDER_TIMERS

ORDERS_MAX = 200
"""Orders woken in one tick, so that a tick stays as short as a batch."""

SET_BACK = timedelta(seconds=1)
"""A clock set back by more puts timers into the future: all are then looked at."""


LOOK_BACK = timedelta(seconds=60)
"""Further back than this no timer is new: two workers' clocks differ by less. Where
older ones were deleted, a walk would pass over each of them again in every tick."""


class Timers:
    """Looks for due timers; after the clock was set back, for all there are."""

    def __init__(self) -> None:
        self._last: dict[int, datetime] = {}
        self._starts: dict[int, bytes] = {}
        self._walks: dict[int, bytes] = {}

    def due(self, view: View, now: datetime) -> dict[str, list[bytes]]:
        """Return orders to wake now, with the keys of the timers that say so."""
        partition = view.partition
        last = self._last.get(partition, now)
        self._last[partition] = now
        if now < last - SET_BACK:
            self._walks[partition] = b""
            self._starts.pop(partition, None)
        found: dict[str, list[bytes]] = {}
        rows = view.scan(ORDER_TIMERS, start=self._starts.get(partition))
        keys = (key for key, _ in islice(rows, ORDERS_MAX))
        due = list(takewhile(lambda key: is_due(key, now), keys))
        for key in due:
            found.setdefault(timer_number(key), []).append(key)
        if len(due) < ORDERS_MAX:
            self._starts[partition] = timer_key(now - LOOK_BACK, "")
        if partition in self._walks:
            self._walk(view, found)
        return found

    def _walk(self, view: View, found: dict[str, list[bytes]]) -> None:
        start = self._walks.pop(view.partition)
        rows = view.scan(ORDER_TIMERS, start=start or None)
        step = [key for key, _ in islice(rows, ORDERS_MAX)]
        for key in step:
            found.setdefault(timer_number(key), []).append(key)
        if len(step) == ORDERS_MAX:
            self._walks[view.partition] = step[-1] + b"\x00"


def clear(due: Mapping[str, Iterable[bytes]], now: datetime, result: Result) -> None:
    """Delete the timers that have rung."""
    for key in (key for keys in due.values() for key in keys):
        if is_due(key, now):
            result.put(ORDER_TIMERS, key, None)
