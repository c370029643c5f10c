"""A ledger on an in-memory store, and movements with sane defaults to tell it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.agents.ledger import LedgerStage
from streams.domain.movements import Account, Movement, MovementKind
from streams.domain.reference import Location, Product, Reference
from streams.domain.stock import ACCOUNTS, Row
from streams.engine.fold import Batch, Context, Result
from streams.mapping.stock import (
    EntryRecord,
    LevelRecord,
    decode_entry,
    decode_level,
    encode_movement,
    row_key,
)
from streams.mapping.stock_state import decode_row
from streams.tables import LEVELS
from streams.topics import LEDGER_ENTRIES, STOCK_LEVELS, STOCK_MOVEMENTS
from tests.support.memory_view import MemoryRecord, MemoryView

TEE = "TEE-BLK-M"
NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=12)
SAFETY_STOCK = {"LDN01": 1, "LDN02": 0, "CLOSED": 0}


def minutes(number: float) -> datetime:
    """Return the time so many minutes after noon."""
    return NOON + timedelta(minutes=number)


def movement(kind: MovementKind, name: str, /, **changes: Any) -> Movement:
    """Return a movement of one TEE at LDN01 at noon, with these changes."""
    plain = Movement(
        movement_id=name,
        kind=kind,
        sku=TEE,
        quantity=1,
        occurred_at=NOON,
        location_id="LDN01",
    )
    return plain._replace(**changes)


def sale(unit_id: str, /, **changes: Any) -> Movement:
    """Return a carried-out sale of a unit."""
    changes = {"unit_id": unit_id, **changes}
    return movement(MovementKind.SALE, f"sale:{unit_id}", **changes)


def reserve(unit_id: str, rank: int, /, **changes: Any) -> Movement:
    """Return an assignment of a unit to a location."""
    changes = {"unit_id": unit_id, "rank": rank, **changes}
    return movement(MovementKind.RESERVE, f"reserve:fr{rank}:{unit_id}", **changes)


def announce(unit_id: str, /, **changes: Any) -> Movement:
    """Return an order's first word of a unit, its place not known."""
    changes = {"unit_id": unit_id, "location_id": "", **changes}
    return movement(MovementKind.ANNOUNCE, f"announce:{unit_id}", **changes)


def release(unit_id: str, rank: int, /, **changes: Any) -> Movement:
    """Return a failed assignment of a unit."""
    changes = {"unit_id": unit_id, "rank": rank, **changes}
    return movement(MovementKind.RELEASE, f"release:fr{rank}:{unit_id}", **changes)


def cancel(unit_id: str, /, **changes: Any) -> Movement:
    """Return a cancelled order's word of a unit: no place, no rank."""
    changes = {"unit_id": unit_id, "location_id": "", **changes}
    return movement(MovementKind.RELEASE, f"release:cancelled:{unit_id}", **changes)


def identify(name: str, unit_id: str, /, **changes: Any) -> Movement:
    """Return the word that a unit has another name."""
    changes = {"unit_id": name, "same_as": unit_id, "location_id": "", **changes}
    return movement(MovementKind.IDENTIFY, f"identify:{name}", **changes)


def ship(unit_id: str, /, **changes: Any) -> Movement:
    """Return a unit's completion by a location."""
    changes = {"unit_id": unit_id, "rank": 90, **changes}
    return movement(MovementKind.SHIP, f"ship:{unit_id}", **changes)


def count(name: str, quantity: int, /, **changes: Any) -> Movement:
    """Return a count of the main pool."""
    changes = {"quantity": quantity, **changes}
    return movement(MovementKind.COUNT, f"count:{name}:1:0", **changes)


def receipt(name: str, quantity: int, /, **changes: Any) -> Movement:
    """Return a receipt."""
    changes = {"quantity": quantity, **changes}
    return movement(MovementKind.RECEIPT, f"receipt:{name}:1:0", **changes)


def giveback(name: str, /, **changes: Any) -> Movement:
    """Return a customer's return of one unit."""
    return movement(MovementKind.RETURN, f"return:{name}", **changes)


def adjustment(
    name: str, source: Account, target: Account, quantity: int = 1, **changes: Any
) -> Movement:
    """Return an adjustment between two accounts."""
    changes = {"source": source, "target": target, "quantity": quantity, **changes}
    return movement(MovementKind.ADJUSTMENT, f"adjustment:{name}:1:0", **changes)


def shops() -> Reference:
    """Two shops and a closed one, that all sell TEE."""
    reference = Reference()
    for location_id, safety_stock in SAFETY_STOCK.items():
        enabled = location_id != "CLOSED"
        reference.put_location(
            Location(
                location_id=location_id, safety_stock=safety_stock, enabled=enabled
            )
        )
    reference.put_product(Product(sku=TEE))
    return reference


class Ledger:
    """The ledger stage with its state, and all it has ever said."""

    def __init__(self, *, dedupe_days: int = 8, transit_overdue_days: int = 7) -> None:
        self.stage = LedgerStage(
            dedupe_days=dedupe_days, transit_overdue_days=transit_overdue_days
        )
        self.view = MemoryView()
        self.reference = shops()
        self.now = LATER
        self.journal: list[EntryRecord] = []
        self.levels: dict[bytes, LevelRecord] = {}
        self.counts: dict[str, int] = {}
        self.results: list[Result] = []
        self._offset = 0

    def tell(self, *movements: Movement) -> Result:
        """Fold the movements as one batch, and commit."""
        return self.tell_records(
            [(m.sku.encode(), encode_movement(m)) for m in movements]
        )

    def tell_records(
        self, records: Sequence[tuple[bytes | None, bytes | None]]
    ) -> Result:
        """Fold raw records as one batch, and commit."""
        batch = [
            MemoryRecord("stock-movements", self._offset + i, key, value)
            for i, (key, value) in enumerate(records)
        ]
        self._offset += len(batch)
        context = Context(self.now, self.reference)
        result = self.stage.fold(self.view, Batch(STOCK_MOVEMENTS, 0, batch), context)
        self._commit(result)
        return result

    def tick(self) -> Result | None:
        """Give the stage its tick, and commit."""
        result = self.stage.tick(self.view, Context(self.now, self.reference))
        if result is not None:
            self._commit(result)
        return result

    def _commit(self, result: Result) -> None:
        self.view.apply(result)
        self.results.append(result)
        for output in result.outputs.get(LEDGER_ENTRIES, ()):
            assert output.value is not None
            entry = decode_entry(output.value)
            assert output.key == row_key(entry.sku, entry.location_id)
            assert output.same_partition
            self.journal.append(entry)
        for output in result.outputs.get(STOCK_LEVELS, ()):
            assert output.value is not None
            assert output.key is not None
            level = decode_level(output.value)
            assert output.key == row_key(level.sku, level.location_id)
            assert output.same_partition
            self.levels[output.key] = level
        for name, number in result.counts.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def row(self, location_id: str = "LDN01", sku: str = TEE) -> Row:
        """Return the row of TEE at a location, as stored."""
        return decode_row(self.view.tables[LEVELS][row_key(sku, location_id)])

    def pools(self, location_id: str = "LDN01", sku: str = TEE) -> dict[str, int]:
        """Return those accounts of a row that are not zero."""
        balances = self.row(location_id, sku).balances
        named = zip(ACCOUNTS, balances, strict=True)
        return {account.value: units for account, units in named if units}

    def level(self, location_id: str = "LDN01", sku: str = TEE) -> LevelRecord:
        """Return the last level sent."""
        return self.levels[row_key(sku, location_id)]
