"""A partition's state as it would be after results that nobody commits."""

from collections import deque
from collections.abc import Iterable, Iterator

from streams.engine.fold import Result, View
from streams.tables import Table


class TrialView:
    """A view with writes laid over it; the view itself stays as it is."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._writes: dict[Table, dict[bytes, bytes | None]] = {}

    @property
    def partition(self) -> int:
        return self._view.partition

    def apply(self, result: Result) -> None:
        """Lay a result's writes over what was there."""
        for table, rows in result.writes.items():
            self._writes.setdefault(table, {}).update(rows)

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        written, asked = self._writes.get(table, {}), list(keys)
        found = self._view.get(table, [key for key in asked if key not in written])
        laid = {key: written[key] for key in asked if key in written}
        return {
            **found,
            **{key: value for key, value in laid.items() if value is not None},
        }

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        written = self._writes.get(table, {})
        first = prefix if start is None else max(prefix, start)
        mine = deque(sorted(k for k in written if k.startswith(prefix) and k >= first))
        for key, value in self._view.scan(table, prefix, start):
            yield from _written(written, mine, key)
            if key not in written:
                yield key, value
        yield from _written(written, mine, None)


def _written(
    written: dict[bytes, bytes | None], mine: deque[bytes], until: bytes | None
) -> Iterator[tuple[bytes, bytes]]:
    """Yield what was written up to a key, that key included; all without one."""
    while mine and (until is None or mine[0] <= until):
        key = mine.popleft()
        value = written[key]
        if value is not None:
            yield key, value
