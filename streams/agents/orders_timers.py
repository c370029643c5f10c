"""Which orders are to be woken: those whose time has come."""

from datetime import datetime, timedelta
from itertools import islice

from streams.engine.fold import View
from streams.mapping.orders_state import is_due, timer_number
from streams.tables import ORDER_TIMERS

ORDERS_MAX = 200
"""Orders woken in one tick, so that a tick stays as short as a batch."""

SET_BACK = timedelta(seconds=1)
"""A clock set back by more puts timers into the future: all are then looked at."""


class Timers:
    """Looks for due timers; after the clock was set back, for all there are."""

    def __init__(self) -> None:
        self._last: dict[int, datetime] = {}
        self._walks: dict[int, bytes] = {}

    def due(self, view: View, now: datetime) -> dict[str, list[bytes]]:
        """Return orders to wake now, with the keys of the timers that say so."""
        partition = view.partition
        last = self._last.get(partition, now)
        self._last[partition] = now
        if now < last - SET_BACK:
            self._walks[partition] = b""
        found: dict[str, list[bytes]] = {}
        for key, _ in islice(view.scan(ORDER_TIMERS), ORDERS_MAX):
            if not is_due(key, now):
                break
            found.setdefault(timer_number(key), []).append(key)
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
