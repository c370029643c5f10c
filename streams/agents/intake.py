"""The intake stage: NewStore's events to stock movements; what is unknown waits.

Known lines go on at once; the others by themselves, when reference data names them.
"""

from collections.abc import Set
from dataclasses import replace

from streams.agents.intake_copies import forget_earlier
from streams.agents.intake_waiting import Search, keep_waiting, waiting_event
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Context, Output, Record, Result, View
from streams.engine.headers import cause_of
from streams.mapping.pos import IntakeRules, Mapped, map_event
from streams.mapping.problems import combined
from streams.mapping.stock import encode_movement
from streams.mapping.waiting import WaitingEvent, decode_waiting, event_key
from streams.tables import WAITING
from streams.topics import NEWSTORE_EVENTS, STOCK_MOVEMENTS


class IntakeStage:
    """Maps each event once; parks, with its reason, what cannot be mapped.

    Counts: in = applied + ignored + (parked - parked_again); an event that is parked
    in part counts as parked.
    """

    name = "intake"
    sources = (NEWSTORE_EVENTS,)
    tables = (WAITING,)
    outputs = (STOCK_MOVEMENTS,)
    tick_interval_s: float | None = 1.0

    def __init__(self, rules: IntakeRules) -> None:
        self._rules = rules
        self._search = Search()

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Map a batch of events."""
        result = Result()
        for record in batch.records:
            mapped = self._map(record, context.reference)
            result.count("in")
            forget_earlier(record, view, result)
            _send(result, record, mapped)
            if mapped.open_lines:
                keep_waiting(waiting_event(record, mapped.open_lines), result)
            if mapped.problems or mapped.open_lines:
                _park(result, record, mapped)
            else:
                result.count("applied" if mapped.movements else "ignored")
            if not mapped.known:
                result.count("unknown_event")
        return result

    def tick(self, view: View, context: Context) -> Result | None:
        """Take up, in the order they came, events whose names have become known."""
        offsets = self._search.offsets(view, context)
        if not offsets:
            return None
        rows = view.get(WAITING, [event_key(offset) for offset in offsets])
        result = Result()
        for offset in offsets:
            self._redrive(result, decode_waiting(rows[event_key(offset)]), context)
        return result

    def _redrive(self, result: Result, event: WaitingEvent, context: Context) -> None:
        mapped = self._map(event, context.reference, only=frozenset(event.lines))
        _send(result, event, mapped)
        left = event.with_open(mapped.open_lines).rows()
        gone = dict.fromkeys(event.rows().keys() - left.keys())
        result.writes.setdefault(WAITING, {}).update({**gone, **left})
        # What the event waited for already was reported when it came.
        news = tuple(line for line in mapped.open_lines if not event.expects(line))
        if mapped.problems or news:
            _park(result, event, replace(mapped, open_lines=news))
            result.count("parked_again")
        elif not left:
            result.settle(event)
        if not left:
            result.count("redriven")

    def _map(
        self, record: Record, reference: Reference, only: Set[int] | None = None
    ) -> Mapped:
        origin = cause_of(record)
        return map_event(record.value, reference, self._rules, origin=origin, only=only)


def _send(result: Result, record: Record, mapped: Mapped) -> None:
    for movement in mapped.movements:
        key = movement.sku.encode()
        result.send(STOCK_MOVEMENTS, Output(key, encode_movement(movement), record))
    if mapped.movements:
        result.count("movements", len(mapped.movements))


def _park(result: Result, record: Record, mapped: Mapped) -> None:
    result.park(record, **combined(mapped.reported())._asdict())
