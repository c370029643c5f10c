"""The post between vendors and us: late, more than once, in any order; by the seed."""

import heapq
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from streams.topics import Topic

LATE_MS_MAX = 15 * 60_000
"""NewStore event stream: events are late by fifteen minutes at the most."""


class Letter(NamedTuple):
    """Something on its way to one of our topics."""

    due_ms: int
    number: int
    topic: Topic
    key: bytes
    body: bytes


@dataclass(slots=True)
class Post:
    """Holds letters until they are due.

    Attributes:
        late_ms: The longest way; 0 for the calm: at once and in order.
        again: How likely a letter comes once more, and again after that.
    """

    rng: Random
    late_ms: int = 0
    again: float = 0.0
    _letters: list[Letter] = field(default_factory=list)
    _number: int = 0

    def __len__(self) -> int:
        return len(self._letters)

    @property
    def next_ms(self) -> int | None:
        return self._letters[0].due_ms if self._letters else None

    def take(self, topic: Topic, key: bytes, body: bytes, now_ms: int) -> None:
        """Take a letter, and copies of it, on their ways."""
        copies = 1
        while self.again and self.rng.random() < self.again:
            copies += 1
        for _ in range(copies):
            late = self.late_ms
            if late and self.rng.random() < 0.5:
                late = min(late, 5_000)  # Most are quick, and some are overtaken.
            due_ms = now_ms + (self.rng.randint(0, late) if late else 0)
            self._number += 1
            letter = Letter(due_ms, self._number, topic, key, body)
            heapq.heappush(self._letters, letter)

    def due(self, now_ms: int) -> list[Letter]:
        """Hand out what is due by now, in that order."""
        found = []
        while self._letters and self._letters[0].due_ms <= now_ms:
            found.append(heapq.heappop(self._letters))
        return found
