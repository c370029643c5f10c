"""A stage's partition in memory: state, fold, commit, and a listener that hears."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from streams.domain.reference import Location, Reference
from streams.engine.fold import Batch, CommitListener, Context, Result, Stage
from streams.mapping.publications import StockLevelWire, encode_message, row_key
from streams.tables import Table
from streams.topics import COMMERCE_ANSWERS, STOCK_LEVELS, Topic

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


class MemoryRecord(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class MemoryView:
    """Committed rows of one partition."""

    def __init__(self, partition: int = 0) -> None:
        self.partition = partition
        self._rows: dict[str, dict[bytes, bytes]] = {}

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        rows = self._rows.get(table.name, {})
        return {key: rows[key] for key in keys if key in rows}

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        for key, value in sorted(self._rows.get(table.name, {}).items()):
            if key.startswith(prefix) and (start is None or key >= start):
                yield key, value

    def apply(self, writes: Mapping[Table, Mapping[bytes, bytes | None]]) -> None:
        for table, rows in writes.items():
            held = self._rows.setdefault(table.name, {})
            for key, value in rows.items():
                if value is None:
                    held.pop(key, None)
                else:
                    held[key] = value


class Partition:
    """One partition of a stage, with commits that a listener hears of at once."""

    def __init__(
        self, stage: Stage, reference: Reference, *, listener: Any = None
    ) -> None:
        self.stage = stage
        self.reference = reference
        self.view = MemoryView()
        self.listener: CommitListener | None = listener
        self.results: list[Result] = []
        self._offset = 0

    def levels(self, *levels: StockLevelWire, at_ms: int = NOW_MS) -> Result:
        pairs = [(key_of(level), encode_message(level)) for level in levels]
        return self.fold(STOCK_LEVELS, *pairs, at_ms=at_ms)

    async def report(self, key: bytes, value: bytes) -> None:
        """Append an answer and fold it at once."""
        self.fold(COMMERCE_ANSWERS, (key, value))

    def fold(
        self, topic: Topic, *pairs: tuple[bytes | None, bytes | None], at_ms: int = 0
    ) -> Result:
        records = []
        for key, value in pairs:
            self._offset += 1
            records.append(MemoryRecord(topic.name, 0, self._offset, at_ms, key, value))
        batch = Batch(topic, 0, records)
        return self._commit(self.stage.fold(self.view, batch, self._context()))

    def tick(self) -> Result | None:
        result = self.stage.tick(self.view, self._context())
        return None if result is None else self._commit(result)

    def _commit(self, result: Result) -> Result:
        self.view.apply(result.writes)
        self.results.append(result)
        if self.listener is not None:
            self.listener.committed(self.view, result.writes)
        return result

    def _context(self) -> Context:
        return Context(NOW, self.reference)


def key_of(level: StockLevelWire) -> bytes:
    return row_key(level.sku, level.location_id)


def level(
    target: int,
    sequence: int,
    *,
    sku: str = "TEE",
    location_id: str = "LDN01",
    available: int | None = None,
) -> StockLevelWire:
    units = max(0, target) if available is None else available
    return StockLevelWire(1, sku, location_id, units, target, sequence)


def places(**channels: str) -> Reference:
    """Make locations by id, each with its channel key."""
    reference = Reference()
    for location_id, channel_key in channels.items():
        reference.put_location(
            Location(location_id=location_id, commercetools_channel_key=channel_key)
        )
    return reference
