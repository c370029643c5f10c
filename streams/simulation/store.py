"""A partition's rows on a simulated disk, which may lose its tail in a crash."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from streams.engine.commit import Row

# Writes that a machine's crash may take from a store that does not sync each one.
UNSYNCED_WRITES_MAX = 4

Undo = tuple[dict[bytes, bytes | None], int]


class MemoryStore:
    """A `StateStore` in memory; each write is atomic."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._offset = -1
        self._undo: deque[Undo] = deque(maxlen=UNSYNCED_WRITES_MAX)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self._rows.get(key) for key in keys]

    def iterate(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        index = bisect_left(self._keys, start)
        for key in self._keys[index:]:
            if not key.startswith(prefix):
                return
            yield key, self._rows[key]

    def write(self, rows: Iterable[Row], changelog_offset: int) -> None:
        before: dict[bytes, bytes | None] = {}
        for key, value in rows:
            before.setdefault(key, self._rows.get(key))
            self._put(key, value)
        self._undo.append((before, self._offset))
        self._offset = changelog_offset

    def changelog_offset(self) -> int:
        return self._offset

    def lose_writes(self, writes: int) -> None:
        """Go back by some writes, as a machine's crash takes what was not synced."""
        for _ in range(min(writes, len(self._undo))):
            before, self._offset = self._undo.pop()
            for key, value in before.items():
                self._put(key, value)

    def rows(self) -> dict[bytes, bytes]:
        """Return a copy of everything held."""
        return dict(self._rows)

    def _put(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            if self._rows.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
            return
        if key not in self._rows:
            insort(self._keys, key)
        self._rows[key] = value
