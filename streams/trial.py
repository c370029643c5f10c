"""Tries records out on the present state (fits web.ports.TrialPort); changes nothing.

The stages' own folds answer, so that what is shown is what would happen.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from streams.agents.intake import IntakeStage
from streams.agents.ledger import LedgerStage
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Context, Parked, Result, View
from streams.mapping.stock import (
    LevelRecord,
    Undecodable,
    decode_level,
    level_of,
    read_movement,
    split_row_key,
)
from streams.mapping.stock_state import decode_row
from streams.tables import LEVELS, Table
from streams.topics import (
    COMMERCE_MESSAGES,
    LEDGER_ENTRIES,
    NEWSTORE_EVENTS,
    ORDER_FACTS,
    ORDER_NEWS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
)
from streams.web.ports import Tried

NOTHING_FORETOLD = {
    "reason": "not_tried",
    "field": "topic",
    "sentence": "Only events, messages, movements and news of orders are tried out; of "
    "records of other topics nothing is foretold.",
}
_TAKEN_IN = {topic.name: topic for topic in (NEWSTORE_EVENTS, COMMERCE_MESSAGES)}
_NEWS = frozenset({ORDER_NEWS.name, ORDER_FACTS.name})
_COUNTED_ASIDE = frozenset({"in", "parked", "oversold"})


@dataclass(frozen=True, slots=True)
class _Record:
    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    partition: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class _NoState:
    """The state of a stage that has seen nothing."""

    partition = 0

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        return {}

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        return iter(())


class Trial:
    """Folds records without committing anything."""

    def __init__(
        self,
        intake: IntakeStage,
        ledger: LedgerStage,
        reference: Reference,
        clock: Callable[[], datetime],
        *,
        topic_prefix: str = "",
    ) -> None:
        self._intake = intake
        self._ledger = ledger
        self._reference = reference
        self._clock = clock
        self._prefix = topic_prefix

    def take_in(
        self, topic: str, records: Sequence[tuple[bytes | None, bytes]]
    ) -> Tried:
        """Say what movements, and what news of orders, records would become."""
        name = topic.removeprefix(self._prefix)
        if name == STOCK_MOVEMENTS.name:
            return Tried([value for _, value in records], [], [])
        if name in _NEWS:
            return Tried([], [], [_heard(*each) for each in records])
        if name not in _TAKEN_IN:
            return Tried([], [{**NOTHING_FORETOLD, "value": topic}], [])
        result = self._intake.fold(
            _NoState(),
            Batch(_TAKEN_IN[name], 0, _records(topic, records)),
            self._context(),
        )
        outputs = result.outputs.get(STOCK_MOVEMENTS, [])
        return Tried(
            [output.value for output in outputs if output.value is not None],
            [_shown(parked) for parked in result.parked],
            [
                _heard(each.key, each.value)
                for each in result.outputs.get(ORDER_NEWS, [])
            ],
        )

    def sku_of(self, movement: bytes) -> str:
        """Name the SKU a movement is about; empty where it cannot be read."""
        try:
            return read_movement(movement).sku
        except Undecodable:
            return ""

    def effects(self, view: View, movements: Sequence[bytes]) -> dict[str, Any]:
        """Say what movements would do to the stock in a view."""
        keyed = [(self.sku_of(movement).encode(), movement) for movement in movements]
        result = self._ledger.fold(
            view,
            Batch(STOCK_MOVEMENTS, view.partition, _records("trial", keyed)),
            self._context(),
        )
        outcomes = {
            name: count
            for name, count in result.counts.items()
            if name not in _COUNTED_ASIDE
        }
        return {
            "entries": [
                msgspec.json.decode(output.value or b"{}")
                for output in result.outputs.get(LEDGER_ENTRIES, [])
            ],
            "levels": list(_levels(view, result)),
            "outcomes": outcomes,
            "parked": [_shown(parked) for parked in result.parked],
        }

    def _context(self) -> Context:
        return Context(self._clock(), self._reference)


def _records(
    topic: str, records: Sequence[tuple[bytes | None, bytes]]
) -> list[_Record]:
    return [_Record(topic, number, *each) for number, each in enumerate(records)]


def _heard(key: bytes | None, value: bytes | None) -> dict[str, Any]:
    """Say what an order would hear; news that cannot be read as they are."""
    try:
        news = msgspec.json.decode(value or b"")
    except msgspec.DecodeError:
        news = (value or b"").decode(errors="replace")
    return {"order": (key or b"").decode(errors="replace"), "news": news}


def _shown(parked: Parked) -> dict[str, str]:
    return {
        "reason": parked.reason,
        "field": parked.field,
        "value": parked.value,
        "sentence": parked.sentence,
    }


def _levels(view: View, result: Result) -> Iterator[dict[str, Any]]:
    """Say of each row that would change how its level is and how it would be."""
    for output in result.outputs.get(STOCK_LEVELS, []):
        key, value = output.key or b"", output.value or b""
        sku, location_id = split_row_key(key)
        stored = view.get(LEVELS, (key,)).get(key)
        before = stored and level_of(sku, location_id, decode_row(stored))
        yield {
            "sku": sku,
            "location_id": location_id,
            "before": _figures(before or None),
            "after": _figures(decode_level(value)),
        }


def _figures(level: LevelRecord | None) -> dict[str, int]:
    names = ("on_hand", "reserved", "available")
    return {name: getattr(level, name, 0) for name in names}
