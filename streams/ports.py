"""The web's ports, fulfilled by the engine: owners, the worker's state, the journal."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from streams.engine.produce import Entry, LogWriter
from streams.engine.reading import LogReader
from streams.journal import FETCH_BYTES, Newest, newest_entries
from streams.mapping.stock import EntryRecord, Scannable, row_key
from streams.mapping.stock_state import decode_row
from streams.mapping.transfers import describe, transfer_at
from streams.settings import Settings
from streams.tables import CASES, LEVELS, ORDER_LINKS, ORDERS, PUBLICATIONS
from streams.topics import EXCEPTION_COMMANDS
from streams.web.ports import Local, Owner, Remote, Unavailable

if TYPE_CHECKING:
    from streams.engine.engine import Engine

LEDGER = "ledger"
RETRY_AFTER_S = 2.0
# A worker whose lag grows without a single commit for this long is stuck.
STALLED_AFTER_S = 60.0
STALENESS_KEPT_S = 0.01
GROUP_KNOWN_FOR_S = 5.0

Clock = Callable[[], float]


class EnginePort:
    """Answers for the worker's engine (fits web.ports.LedgerPort)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.engine: Engine | None = None
        self._staleness: dict[int, tuple[float, float]] = {}

    def owner_of(self, sku: bytes) -> Owner:
        engine = self.engine
        if engine is None:
            return Unavailable(RETRY_AFTER_S, "the worker is starting")
        partition = engine.partition_for(sku)
        view = engine.view(LEDGER, partition)
        if view is not None:
            return Local(view, partition, self._staleness_s(engine, partition))
        owner = engine.owner(LEDGER, sku)
        if owner.url:
            return Remote(owner.url)
        return Unavailable(RETRY_AFTER_S, "the owner of this SKU restores its state")

    def staleness(self) -> dict[int, float]:
        engine = self.engine
        if engine is None:
            return {}
        return {
            partition: self._staleness_s(engine, partition)
            for partition in range(self._settings.partitions)
            if engine.view(LEDGER, partition) is not None
        }

    def _staleness_s(self, engine: "Engine", partition: int) -> float:
        # It costs more than the look-up; one of a moment ago is as good.
        now = time.monotonic()
        asked_at, staleness_s = self._staleness.get(partition, (0.0, 0.0))
        if now - asked_at > STALENESS_KEPT_S:
            staleness_s = round(engine.staleness_s(LEDGER, partition), 3)
            self._staleness[partition] = now, staleness_s
        return staleness_s

    def status(self) -> dict[str, Any]:
        engine = self.engine
        status: dict[str, Any] = {
            "worker": self._settings.worker_id,
            "app": self._settings.app_id,
        }
        if engine is None:
            return status | {"state": "starting", "partitions": []}
        if engine.restoring is not None:
            done, total = engine.restoring
            status["restoring"] = {"records": done, "of": total}
        status["partitions"] = [partition.state() for partition in engine.states()]
        return status

    def live(self) -> bool:
        engine = self.engine
        if engine is None:
            return True
        return not engine.failed.done() and engine.stalled_s() < STALLED_AFTER_S

    def ready(self) -> tuple[bool, str]:
        engine = self.engine
        if engine is None:
            return False, "the worker is starting"
        if engine.restoring is not None:
            done, total = engine.restoring
            return False, f"restoring: {done:,} of {total:,} changelog records"
        if not engine.is_ready():
            return False, "waiting for partitions"
        return True, "ready"


class EngineGroup:
    """Counts the workers of the group, who share a vendor's limit."""

    def __init__(self, settings: Settings, monotonic: Clock = time.monotonic) -> None:
        self._partitions = settings.partitions
        self._monotonic = monotonic
        self.engine: Engine | None = None
        self._counted_at = float("-inf")
        self._workers = 1

    def workers(self) -> int:
        """Count this worker and those that own partitions; 1 while it is not known."""
        if self._monotonic() - self._counted_at >= GROUP_KNOWN_FOR_S:
            self._counted_at = self._monotonic()
            self._workers = 1 if self.engine is None else self._count(self.engine)
        return self._workers

    def _count(self, engine: "Engine") -> int:
        owners = {
            engine.owner_of(stage, partition).url
            for stage in (PUBLICATIONS.stage, ORDER_LINKS.stage, ORDERS.stage)
            for partition in range(self._partitions)
        }
        return len(owners - {None}) + 1


class LogJournal:
    """Reads a row's ledger entries from the topic (fits web.ports.JournalPort)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.engine: Engine | None = None
        # One reader at a time: a long look back must not starve the worker.
        self._one_at_a_time = asyncio.Semaphore(1)

    async def entries(
        self, sku: str, location_id: str, limit: int
    ) -> list[dict[str, Any]]:
        if self.engine is None:
            return []
        partition = self.engine.partition_for(sku.encode())
        key = row_key(sku, location_id)
        newest = None
        view = self.engine.view(LEDGER, partition)
        if view is not None:
            value = view.get(LEVELS, [key]).get(key)
            if value is None:
                return []
            row = decode_row(value)
            newest = Newest(row.entries, row.entered_at)
        async with (
            self._one_at_a_time,
            LogReader(self._settings, fetch_bytes=FETCH_BYTES) as reader,
        ):
            entries = await newest_entries(reader, partition, key, limit, newest)
        return [_shown(entry, view) for entry in entries]


def _shown(entry: EntryRecord, view: Scannable | None) -> dict[str, Any]:
    """Return an entry as plain values, with what is known now of its transfer."""
    shown: dict[str, Any] = msgspec.to_builtins(entry, builtin_types=())
    if entry.transfer_ref and view is not None:
        transfer = transfer_at(view, entry.sku, entry.transfer_ref)
        if transfer is not None:
            shown["transfer"] = describe(transfer)
    return shown


class EngineCases:
    """Finds the parts of the exceptions list (fits web.ports.CasesPort)."""

    def __init__(self, settings: Settings, writer: LogWriter) -> None:
        self.partitions = settings.partitions
        self.engine: Engine | None = None
        self._writer = writer

    def owner_of(self, partition: int) -> Owner:
        return _owner_of(self.engine, CASES.stage, partition)

    async def command(self, partition: int, key: bytes, value: bytes) -> int:
        entry = Entry(key, value, partition=partition)
        ((_, offset),) = await self._writer.append_many(EXCEPTION_COMMANDS, [entry])
        return offset


class EngineOrders:
    """Finds the orders' records, or a stage's before them (web.ports.OrdersPort)."""

    def __init__(self, settings: Settings, stage: str = ORDERS.stage) -> None:
        self.partitions = settings.partitions
        self.engine: Engine | None = None
        self._stage = stage

    def partition_of(self, number: bytes) -> int:
        return 0 if self.engine is None else self.engine.partition_for(number)

    def owner_of(self, partition: int) -> Owner:
        return _owner_of(self.engine, self._stage, partition)


def _owner_of(engine: "Engine | None", stage: str, partition: int) -> Owner:
    if engine is None:
        return Unavailable(RETRY_AFTER_S, "the worker is starting")
    owner = engine.owner_of(stage, partition)
    view = engine.view(stage, partition) if owner.is_local else None
    if view is not None:
        return Local(view, partition, 0.0)
    if owner.url:
        return Remote(owner.url)
    return Unavailable(RETRY_AFTER_S, "its owner restores its state")
