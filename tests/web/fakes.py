"""The engine room in memory: the web's ports with their real rules, for tests."""

import bisect
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.engine.errors import AppendError
from streams.tables import Table
from streams.topics import Topic
from streams.web.ports import Local, Owner, Unavailable
from tests.web.rows import level_row

PARTITIONS = 4


def partition_of(sku: bytes) -> int:
    return zlib.crc32(sku) % PARTITIONS


class MemoryView:
    """One partition's rows, in key order."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self._rows: dict[tuple[str, bytes], bytes] = {}
        self._keys: dict[str, list[bytes]] = {}

    def put(self, table: Table, key: bytes, value: bytes) -> None:
        if (table.name, key) not in self._rows:
            bisect.insort(self._keys.setdefault(table.name, []), key)
        self._rows[table.name, key] = value

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        found = ((key, self._rows.get((table.name, key))) for key in keys)
        return {key: value for key, value in found if value is not None}

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        keys = self._keys.get(table.name, [])
        index = bisect.bisect_left(keys, max(prefix, start or b""))
        while index < len(keys) and keys[index].startswith(prefix):
            yield keys[index], self._rows[table.name, keys[index]]
            index += 1


@dataclass
class FakeLedger:
    """Owns all partitions, until told otherwise."""

    worker_id: str = "worker-0"
    staleness_s: float = 0.0
    is_live: bool = True
    not_ready_because: str = ""
    elsewhere: dict[int, Owner] = field(default_factory=dict)
    views: list[MemoryView] = field(
        default_factory=lambda: [MemoryView(p) for p in range(PARTITIONS)]
    )

    def put(self, sku: str, location_id: str, **level: Any) -> None:
        table, key, value = level_row(sku, location_id, **level)
        self.views[partition_of(sku.encode())].put(table, key, value)

    def owner_of(self, sku: bytes) -> Owner:
        partition = partition_of(sku)
        if partition in self.elsewhere:
            return self.elsewhere[partition]
        return Local(self.views[partition], partition, self.staleness_s)

    def hand_over(self, sku: str, owner: Owner) -> None:
        self.elsewhere[partition_of(sku.encode())] = owner

    def restore(self, sku: str, seconds: float = 3) -> None:
        self.hand_over(sku, Unavailable(seconds, "the owner restores its state"))

    def staleness(self) -> dict[int, float]:
        here = set(range(PARTITIONS)) - self.elsewhere.keys()
        return dict.fromkeys(sorted(here), self.staleness_s)

    def status(self) -> dict[str, Any]:
        return {"worker_id": self.worker_id, "partitions": list(range(PARTITIONS))}

    def live(self) -> bool:
        return self.is_live

    def ready(self) -> tuple[bool, str]:
        return not self.not_ready_because, self.not_ready_because


Appended = tuple[str, bytes | None, bytes, dict[str, bytes]]


@dataclass
class FakeSink:
    """A log that acknowledges, or fails as it is told."""

    records: list[Appended] = field(default_factory=list)
    failure: AppendError | Exception | None = None

    async def append(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> tuple[int, int]:
        if self.failure is not None:
            raise self.failure
        self.records.append((topic.name, key, value, dict(headers)))
        return 2, len(self.records) - 1


@dataclass
class FakeJournal:
    """Entries by row, oldest first, as the log has them."""

    rows: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    failure: Exception | None = None

    async def entries(
        self, sku: str, location_id: str, limit: int
    ) -> list[dict[str, Any]]:
        if self.failure is not None:
            raise self.failure
        return self.rows.get((sku, location_id), [])[::-1][:limit]
