"""Tries records out on the present state (fits web.ports.TrialPort); changes nothing.

The stages' own folds answer, so that what is shown is what would happen.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from streams.agents.intake import IntakeStage
from streams.agents.ledger import LedgerStage
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Context, Output, Parked, Result, View
from streams.mapping.order_messages import REQUESTS
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
    ORDER_NEWS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
    Topic,
)
from streams.trials.orders import can_hear
from streams.trials.records import TriedRecord
from streams.trials.view import TrialView
from streams.web.ports import Said, Tried

NOTHING_FORETOLD = {
    "reason": "not_tried",
    "field": "topic",
    "sentence": "Only events, messages, movements, requests and what orders hear are "
    "tried out; of records of other topics nothing is foretold.",
}
_TAKEN_IN = {topic.name: topic for topic in (NEWSTORE_EVENTS, COMMERCE_MESSAGES)}
_COUNTED_ASIDE = frozenset({"in", "requests_in", "parked", "oversold"})


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
        if name == RESERVATION_REQUESTS.name:
            return Tried([], [], [], requests=[value for _, value in records])
        heard = [_heard(*each) for each in records]
        said = [Said(name, key or b"", value, again=True) for key, value in records]
        if name == ORDER_NEWS.name:
            return Tried([], [], heard, news=said)
        if can_hear(name):
            return Tried([], [], heard, facts=said)
        if name not in _TAKEN_IN:
            return Tried([], [{**NOTHING_FORETOLD, "value": topic}], [])
        result = self._intake.fold(
            _NoState(),
            Batch(_TAKEN_IN[name], 0, _records(topic, records)),
            self._context(),
        )
        outputs = result.outputs.get(STOCK_MOVEMENTS, [])
        news = result.outputs.get(ORDER_NEWS, [])
        return Tried(
            [output.value for output in outputs if output.value is not None],
            [_shown(parked) for parked in result.parked],
            [_heard(each.key, each.value) for each in news],
            [
                Said(ORDER_NEWS.name, each.key or b"", each.value or b"")
                for each in news
            ],
        )

    def sku_of(self, movement: bytes) -> str:
        """Name the SKU a movement is about; empty where it cannot be read."""
        try:
            return read_movement(movement).sku
        except Undecodable:
            return ""

    def sku_asked(self, request: bytes) -> str:
        """Name the SKU a request is about; empty where it cannot be read."""
        try:
            return REQUESTS.decode(request).sku
        except Undecodable:
            return ""

    def effects(
        self, view: View, movements: Sequence[bytes], requests: Sequence[bytes] = ()
    ) -> dict[str, Any]:
        """Say what requests, then movements would do to the stock in a view."""
        asked = [(self.sku_asked(each).encode(), each) for each in requests]
        moved = [(self.sku_of(each).encode(), each) for each in movements]
        there, results = TrialView(view), []
        for topic, keyed in ((RESERVATION_REQUESTS, asked), (STOCK_MOVEMENTS, moved)):
            batch = Batch(topic, view.partition, _records("trial", keyed))
            result = self._ledger.fold(there, batch, self._context())
            there.apply(result)
            results.append(result)
        outcomes: Counter[str] = Counter()
        for result in results:
            outcomes.update(result.counts)
        return {
            "entries": [
                msgspec.json.decode(output.value or b"{}")
                for output in _sent(results, LEDGER_ENTRIES)
            ],
            "levels": list(_levels(view, _sent(results, STOCK_LEVELS))),
            "outcomes": {n: c for n, c in outcomes.items() if n not in _COUNTED_ASIDE},
            "parked": [_shown(one) for result in results for one in result.parked],
            "answers": [
                msgspec.json.decode(output.value or b"{}")
                for output in _sent(results, RESERVATION_ANSWERS)
            ],
        }

    def _context(self) -> Context:
        return Context(self._clock(), self._reference)


def _records(
    topic: str, records: Sequence[tuple[bytes | None, bytes]]
) -> list[TriedRecord]:
    return [TriedRecord(topic, number, *each) for number, each in enumerate(records)]


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


def _sent(results: Iterable[Result], topic: Topic) -> list[Output]:
    return [output for each in results for output in each.outputs.get(topic, [])]


def _levels(view: View, levels: Iterable[Output]) -> Iterator[dict[str, Any]]:
    """Say of each row that would change how its level is and how it would be."""
    last = {output.key or b"": output.value or b"" for output in levels}
    for key, value in last.items():
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
