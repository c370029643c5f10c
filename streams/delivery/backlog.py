"""The entries that commerce has yet to hear of, the most urgent first.

Holds a key and one number for each entry, never a value: what is told is read when its
turn comes, so the latest value wins. Past its capacity the least urgent are forgotten
and have to be found again in the table.
"""

import heapq
from collections.abc import Iterator

from streams.domain.availability import urgent_since_ms

CAPACITY = 100_000
"""About 30 MB; at 50 requests a second they last for half an hour."""

OVERFLOW = 1.25
"""Sorting is worth its while only for a good number of entries to forget."""


class Backlog:
    """Entries by partition and key, with urgency; some may have to wait a while."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: dict[int, dict[bytes, int]] = {}
        self._size = 0
        self._heap: list[tuple[int, int, bytes]] = []
        self._held: dict[bytes, float] = {}
        self._due: list[tuple[float, int, bytes]] = []
        self.forgotten: set[int] = set()
        """Partitions of which entries were forgotten for want of room."""

    def __len__(self) -> int:
        return self._size

    def __contains__(self, place: tuple[int, bytes]) -> bool:
        partition, key = place
        return key in self._waiting.get(partition, {})

    @property
    def has_room(self) -> bool:
        return self._size <= self._capacity // 2

    def urgency(self, partition: int, key: bytes) -> int | None:
        return self._waiting.get(partition, {}).get(key)

    def put(self, partition: int, key: bytes, urgency: int) -> None:
        """Add an entry, or change its urgency; a hold on it stays."""
        entries = self._waiting.setdefault(partition, {})
        earlier = entries.get(key)
        if earlier == urgency:
            return
        entries[key] = urgency
        self._size += earlier is None
        if key not in self._held:
            self._push(urgency, partition, key)
        if self._size > self._capacity * OVERFLOW:
            self._forget_least_urgent()

    def hold(self, partition: int, key: bytes, urgency: int, until: float) -> None:
        """Add an entry that is not to go before a time on the caller's clock."""
        self._held[key] = until
        heapq.heappush(self._due, (until, partition, key))
        self.put(partition, key, urgency)

    def discard(self, partition: int, key: bytes) -> None:
        if self._waiting.get(partition, {}).pop(key, None) is not None:
            self._size -= 1
            self._held.pop(key, None)

    def drop(self, partition: int) -> None:
        """Forget a partition that is no longer ours."""
        entries = self._waiting.pop(partition, {})
        self._size -= len(entries)
        for key in entries:
            self._held.pop(key, None)
        self.forgotten.discard(partition)

    def pop(self, now: float) -> tuple[int, bytes, int] | None:
        """Take the most urgent entry that may go: its partition, key and urgency."""
        self._release(now)
        while self._heap:
            urgency, partition, key = heapq.heappop(self._heap)
            if self._is_current(urgency, partition, key):
                del self._waiting[partition][key]
                self._size -= 1
                return partition, key, urgency
        return None

    def due_in_s(self, now: float) -> float | None:
        """Say when the next entry may go; 0 is now, None is not before news come."""
        self._release(now)
        while self._heap and not self._is_current(*self._heap[0]):
            heapq.heappop(self._heap)
        if self._heap:
            return 0.0
        return None if not self._due else max(0.0, self._due[0][0] - now)

    def oldest_ms(self) -> int | None:
        """Find since when the longest waiting entry waits."""
        return min(map(urgent_since_ms, self._urgencies()), default=None)

    def _urgencies(self) -> Iterator[int]:
        for entries in self._waiting.values():
            yield from entries.values()

    def _is_current(self, urgency: int, partition: int, key: bytes) -> bool:
        # Heap items are never taken out: what changed since is known by its urgency.
        if key in self._held:
            return False
        return self._waiting.get(partition, {}).get(key) == urgency

    def _release(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            until, partition, key = heapq.heappop(self._due)
            if self._held.get(key) != until:
                continue
            del self._held[key]
            urgency = self.urgency(partition, key)
            if urgency is not None:
                self._push(urgency, partition, key)

    def _push(self, urgency: int, partition: int, key: bytes) -> None:
        heapq.heappush(self._heap, (urgency, partition, key))
        if len(self._heap) > 2 * self._size + 64:
            self._rebuild()

    def _rebuild(self) -> None:
        self._heap = [
            (urgency, partition, key)
            for partition, entries in self._waiting.items()
            for key, urgency in entries.items()
            if key not in self._held
        ]
        heapq.heapify(self._heap)

    def _forget_least_urgent(self) -> None:
        ranked = sorted(
            (urgency, partition, key)
            for partition, entries in self._waiting.items()
            for key, urgency in entries.items()
        )
        for _, partition, key in ranked[self._capacity :]:
            self.discard(partition, key)
            self.forgotten.add(partition)
        self._rebuild()
