"""The simulated world at rest, read once for all that is checked on it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streams.domain.stock import ACCOUNTS
from streams.mapping.stock_state import decode_row
from streams.simulation.cluster import Owner, Seat
from streams.simulation.log import LogRecord
from streams.simulation.truth import RowKey, Truth
from streams.simulation.world import World
from streams.tables import LEVELS, Table
from streams.topics import EXCEPTIONS, LEDGER_ENTRIES, STOCK_LEVELS, Topic


@dataclass(slots=True)
class Snapshot:
    """The world at rest, read once for all checkers."""

    world: World
    truth: Truth
    rows: dict[RowKey, dict[str, int]] = field(default_factory=dict)
    journal: list[dict[str, Any]] = field(default_factory=list)
    levels: dict[RowKey, dict[str, Any]] = field(default_factory=dict)
    parked: list[LogRecord] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def records(self, topic: Topic) -> list[LogRecord]:
        return self.world.broker.all(topic.name, self.world.shape.partitions)

    def owners(self) -> Iterator[tuple[Seat, Owner]]:
        for seat in self.world.seats:
            owner = self.world.cluster.owner(seat)
            if owner is not None:
                yield seat, owner

    def table(self, table: Table) -> Iterator[tuple[Owner, bytes, bytes]]:
        for seat, owner in self.owners():
            if seat[0] == table.stage:
                for key, value in owner.runtime.view.scan(table):
                    yield owner, key, value


def take_snapshot(world: World, truth: Truth) -> Snapshot:
    """Read tables, journal, levels, parked records and counters."""
    snap = Snapshot(world, truth)
    for _, key, value in snap.table(LEVELS):
        balances = decode_row(value).balances
        named = zip(ACCOUNTS, balances, strict=True)
        snap.rows[row_key(key)] = {str(account): n for account, n in named}
    snap.journal = [
        msgspec.json.decode(record.value or b"")
        for record in snap.records(LEDGER_ENTRIES)
    ]
    for record in snap.records(STOCK_LEVELS):
        snap.levels[row_key(record.key or b"")] = msgspec.json.decode(
            record.value or b""
        )
    snap.parked = snap.records(EXCEPTIONS)
    for seat, owner in snap.owners():
        snap.counts.setdefault(seat[0], Counter()).update(owner.runtime.counts)
    return snap


def row_key(key: bytes) -> RowKey:
    """Return the SKU and the location of a row's key."""
    sku, _, location_id = key.decode().rpartition("|")
    return sku, location_id
