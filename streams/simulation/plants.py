"""Planted bugs: each breaks one promise, so that the checkers prove their worth."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import msgspec

from streams.connectors.errors import Ambiguous, VersionConflict
from streams.connectors.inventory import InventoryClient
from streams.engine.commit import PartitionRuntime
from streams.engine.fold import Batch, Context, Record, Result, Stage, View
from streams.engine.recovery import Restoration
from streams.mapping.commerce import Body, EntryWire
from streams.mapping.stock_state import decode_row, encode_row
from streams.simulation.commerce import Commerce, CommerceClient
from streams.simulation.engine_plants import (
    CountsAside,
    Credulous,
    Forgetful,
    ForgetsOvertaking,
    SkipsOvertaken,
    StoreFirst,
)
from streams.simulation.transactions import NO_TAMPERING, Tampering
from streams.tables import APPLIED, EXPIRIES, HISTORY, LEVELS, UNITS, Table
from streams.topics import (
    EXCEPTION_COMMANDS,
    SCARCE_ROWS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
)

StagePatch = Callable[[Stage], Stage]


def _untouched(stage: Stage) -> Stage:
    return stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What of the system is replaced by something broken; nothing, by default."""

    says: str = "nothing is planted"
    fencing: bool = True
    trusts_group: bool = False
    tampering: Tampering = NO_TAMPERING
    runtime: type[PartitionRuntime] = PartitionRuntime
    restoration: type[Restoration] = Restoration
    stage: StagePatch = _untouched
    client: Callable[[Commerce, str], InventoryClient] = CommerceClient


HONEST = Plant()


# Of the stages


class Patched:
    """A stage whose view or results pass through a patch."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.name = stage.name
        self.sources = stage.sources
        self.tables = stage.tables
        self.outputs = stage.outputs
        self.tick_interval_s = stage.tick_interval_s

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        return self.spoil(self._stage.fold(self.see(view), batch, context))

    def tick(self, view: View, context: Context) -> Result | None:
        result = self._stage.tick(self.see(view), context)
        return None if result is None else self.spoil_tick(result)

    def see(self, view: View) -> View:
        return view

    def spoil(self, result: Result) -> Result:
        return result

    def spoil_tick(self, result: Result) -> Result:
        return self.spoil(result)


@dataclass(slots=True)
class BlindView:
    """A view that does not see one table."""

    view: View
    hidden: Table

    @property
    def partition(self) -> int:
        return self.view.partition

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        return {} if table is self.hidden else self.view.get(table, keys)

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        if table is not self.hidden:
            yield from self.view.scan(table, prefix, start)


class UncountedView(BlindView):
    """A view of rows that do not know when they were counted."""

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        found = self.view.get(table, keys)
        if table is LEVELS:
            for key, value in found.items():
                row = replace(decode_row(value), counts=())
                found[key] = encode_row(row)
        return found


def blind_to(table: Table) -> StagePatch:
    """Hide a table from the stage that owns it."""

    class Blind(Patched):
        def see(self, view: View) -> View:
            return BlindView(view, table)

    return only(table.stage, Blind)


def only(name: str, patch: StagePatch) -> StagePatch:
    """Apply a patch to the stage of that name."""
    return lambda stage: patch(stage) if stage.name == name else stage


class Uncounted(Patched):
    def see(self, view: View) -> View:
        return UncountedView(view, LEVELS)


class DropsWaiting(Patched):
    """Takes waiting events up and loses what they meant."""

    def spoil_tick(self, result: Result) -> Result:
        lost = result.outputs.pop(STOCK_MOVEMENTS, [])
        result.count("movements", -len(lost))
        return result


class Rewrites(Patched, ABC):
    """Changes the movements that intake sends."""

    def spoil(self, result: Result) -> Result:
        sent = result.outputs.get(STOCK_MOVEMENTS)
        if sent:
            rewritten = [
                output._replace(value=msgspec.json.encode(movement))
                for output in sent
                for movement in self.rewrite(msgspec.json.decode(output.value or b""))
            ]
            result.count("movements", len(rewritten) - len(sent))
            result.outputs[STOCK_MOVEMENTS] = rewritten
        return result

    @abstractmethod
    def rewrite(self, movement: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the movements that are sent instead of this one."""


class TransferTwice(Rewrites):
    def rewrite(self, movement: dict[str, Any]) -> list[dict[str, Any]]:
        if movement["kind"] != "transfer_out":
            return [movement]
        again = {**movement, "movement_id": movement["movement_id"] + "#again"}
        return [movement, again]


class DispatchUntied(Rewrites):
    """Sends units off without a word of which transfer they belong to."""

    def rewrite(self, movement: dict[str, Any]) -> list[dict[str, Any]]:
        if movement["kind"] == "transfer_out":
            movement.pop("transfer_ref")
        return [movement]


class OneNameOnly(Rewrites):
    def rewrite(self, movement: dict[str, Any]) -> list[dict[str, Any]]:
        movement.pop("transfer_also", None)
        return [movement]


class StillOverdue(Patched):
    """Does not take back that a transfer is overdue."""

    def spoil(self, result: Result) -> Result:
        result.outputs.pop(EXCEPTION_COMMANDS, None)
        return result

    def spoil_tick(self, result: Result) -> Result:
        return result


class CommerceUncounted(Rewrites):
    def rewrite(self, movement: dict[str, Any]) -> list[dict[str, Any]]:
        movement.pop("commerce_counted", None)
        return [movement]


class ShortensParked(Patched):
    """Parks what it understood of a record instead of its bytes."""

    def spoil(self, result: Result) -> Result:
        result.parked = [
            one._replace(record=_Shortened(one.record)) for one in result.parked
        ]
        return result


class _Shortened:
    def __init__(self, record: Record) -> None:
        self.topic, self.partition = record.topic, record.partition
        self.offset, self.timestamp = record.offset, record.timestamp
        self.key, self.headers = record.key, record.headers
        self.value = (record.value or b"")[:40]


class Untold(Patched):
    """Does not tell the exceptions list what is through by itself."""

    def spoil(self, result: Result) -> Result:
        result.settled.clear()
        return result


class SendsTwice(Patched):
    """Sends what people want sent again once more than they want."""

    def spoil_tick(self, result: Result) -> Result:
        for outputs in result.outputs.values():
            outputs += outputs
        return result


class ForgetsLevels(Patched):
    """Sends a level for the first row of a batch only."""

    def spoil(self, result: Result) -> Result:
        for topic, outputs in result.outputs.items():
            if topic is STOCK_LEVELS:
                del outputs[1:]
        return result


class ForgetsScarcity(Patched):
    """Does not take back that a row is scarce."""

    def spoil(self, result: Result) -> Result:
        told = result.outputs.get(SCARCE_ROWS, [])
        told[:] = [output for output in told if output.value is not None]
        return result


# Of the delivery


class Overwriting(CommerceClient):
    """Answers a version conflict by writing all the same."""

    async def update_entry(
        self, entry_id: str, version: int, actions: list[Body]
    ) -> EntryWire:
        try:
            return await super().update_entry(entry_id, version, actions)
        except VersionConflict:
            entry = await self.entry_by_id(entry_id)
            current = version if entry is None else entry.version
            return await super().update_entry(entry_id, current, actions)


class Resending(CommerceClient):
    """Sends an update again when its answer is lost, without looking."""

    async def update_entry(
        self, entry_id: str, version: int, actions: list[Body]
    ) -> EntryWire:
        try:
            return await super().update_entry(entry_id, version, actions)
        except Ambiguous:
            entry = self._commerce.by_id(entry_id)
            current = version if entry is None else entry.version
            return await super().update_entry(entry_id, current, actions)


PLANTS: Mapping[str, Plant] = MappingProxyType(
    {
        "dedupe-off": Plant(
            says="movement ids are not remembered", stage=blind_to(APPLIED)
        ),
        "store-first": Plant(
            says="state is written before the commit", runtime=StoreFirst
        ),
        "offsets-first": Plant(
            says="offsets are committed before the records are produced",
            tampering=Tampering(offsets_before_produce=True),
            trusts_group=True,
        ),
        "fencing-off": Plant(says="a former owner's writes count", fencing=False),
        "replay-unnoticed": Plant(
            says="the state's source offset is not looked at", runtime=Forgetful
        ),
        "overtaking-forgotten": Plant(
            says="what has overtaken others is not part of the state",
            runtime=ForgetsOvertaking,
        ),
        "overtaken-skipped": Plant(
            says="what was overtaken counts as applied", runtime=SkipsOvertaken
        ),
        "counters-aside": Plant(
            says="counters are not part of the commit", runtime=CountsAside
        ),
        "torn-accepted": Plant(
            says="a former owner's changelog records are restored",
            restoration=Credulous,
        ),
        "outputs-outside": Plant(
            says="outputs are sent outside the transaction",
            tampering=Tampering(outputs_outside_transaction=True),
        ),
        "count-forgets": Plant(
            says="a count does not re-apply what moved after it",
            stage=blind_to(HISTORY),
        ),
        "late-not-absorbed": Plant(
            says="a late movement changes what was counted after it",
            stage=only("ledger", Uncounted),
        ),
        "units-forgotten": Plant(
            says="nothing is known of a unit's reservation", stage=blind_to(UNITS)
        ),
        "transfer-twice": Plant(
            says="a transfer leaves its origin twice",
            stage=only("intake", TransferTwice),
        ),
        "transfer-untied": Plant(
            says="a dispatch is not tied to its transfer",
            stage=only("intake", DispatchUntied),
        ),
        "transfer-one-name": Plant(
            says="a transfer is known by its most exact reference only",
            stage=only("intake", OneNameOnly),
        ),
        "transfer-overdue-for-ever": Plant(
            says="an overdue transfer stays on the list when it has arrived",
            stage=only("ledger", StillOverdue),
        ),
        "waiting-dropped": Plant(
            says="waiting events are lost when they are taken up",
            stage=only("intake", DropsWaiting),
        ),
        "ids-for-ever": Plant(
            says="nothing is ever forgotten", stage=blind_to(EXPIRIES)
        ),
        "parked-shortened": Plant(
            says="a parked record loses its bytes", stage=only("intake", ShortensParked)
        ),
        "success-untold": Plant(
            says="the exceptions list does not hear what is through",
            stage=only("intake", Untold),
        ),
        "retry-twice": Plant(
            says="a retry is sent twice", stage=only("exceptions", SendsTwice)
        ),
        "level-forgotten": Plant(
            says="only one level of a batch is sent",
            stage=only("ledger", ForgetsLevels),
        ),
        "scarce-for-ever": Plant(
            says="a row that is scarce no more is not told",
            stage=only("ledger", ForgetsScarcity),
        ),
        "web-order-twice": Plant(
            says="web orders are taken off commerce again",
            stage=only("intake", CommerceUncounted),
        ),
        "conflict-ignored": Plant(
            says="a version conflict is overwritten", client=Overwriting
        ),
        "resend-blindly": Plant(
            says="an update without an answer is sent again unread", client=Resending
        ),
    }
)
"""Every planted bug by its name."""
