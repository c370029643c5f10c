"""The late effects of orders: known inside at once, visible on the entry later.

Source: API spec, `InventoryEntry.availableQuantity`: "eventually consistent with the
internal SKU availability used for reservation logic, with a delay of up to 10 seconds".
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from streams.sandbox.commercetools.config import Lag


class Landing(NamedTuple):
    """A decrement on its way: when it shows, in which order it was made, and where."""

    due_at: datetime
    number: int
    entry_id: str
    quantity: int


class Landings:
    """Decrements that orders have made and entries do not show yet."""

    def __init__(self, lag: Lag, random: Random) -> None:
        self._lag = lag
        self._random = random
        self._queue: list[Landing] = []
        self._pending: Counter[str] = Counter()
        self._number = 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, entry_id: str, quantity: int, now: datetime) -> None:
        """Take a decrement; it lands after the lag drawn for it."""
        lag = self._lag
        lag_s = self._random.triangular(lag.min_s, lag.max_s, lag.mode_s)
        self._number += 1
        landing = Landing(
            now + timedelta(seconds=lag_s), self._number, entry_id, quantity
        )
        heapq.heappush(self._queue, landing)
        self._pending[entry_id] += quantity

    def pending(self, entry_id: str) -> int:
        """Return what orders have taken from an entry beyond what it shows."""
        return self._pending[entry_id]

    def due(self, now: datetime) -> Iterator[Landing]:
        """Hand out, once each and in time order, the decrements that show by now."""
        while self._queue and self._queue[0].due_at <= now:
            landing = heapq.heappop(self._queue)
            self._pending[landing.entry_id] -= landing.quantity
            if not self._pending[landing.entry_id]:
                del self._pending[landing.entry_id]
            yield landing
