"""A stage's state in memory: a View for tests, the simulator and micro-benchmarks."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from streams.engine.fold import Result
from streams.tables import Table


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A record as a broker would deliver it."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    partition: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class MemoryView:
    """Committed rows by table; `apply` commits a result, as the engine would.

    A scan shows the rows as they were when it began, even if a result is applied
    meanwhile.
    """

    def __init__(self, partition: int = 0) -> None:
        self.partition = partition
        self.tables: dict[Table, dict[bytes, bytes]] = {}
        self._sorted: dict[Table, list[bytes]] = {}

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        rows = self.tables.get(table, {})
        return {key: rows[key] for key in keys if key in rows}

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        rows = self.tables.get(table, {})
        if table not in self._sorted:
            self._sorted[table] = sorted(rows)
        keys = self._sorted[table]
        first = bisect_left(keys, prefix if start is None else max(start, prefix))
        found = []
        for key in islice(keys, first, None):
            if not key.startswith(prefix):
                break
            found.append((key, rows[key]))
        return iter(found)

    def apply(self, result: Result | None) -> None:
        """Commit a result's writes; None, as a tick may answer, changes nothing."""
        if result is None:
            return
        for table, writes in result.writes.items():
            rows = self.tables.setdefault(table, {})
            for key, value in writes.items():
                if (value is None) == (key in rows):
                    self._sorted.pop(table, None)
                if value is None:
                    rows.pop(key, None)
                else:
                    rows[key] = value
