"""The intake stage: what the vendors tell, as stock movements and news of orders.

Known lines go on at once; the others by themselves, when reference data names them.
"""

from streams.agents.intake_copies import forget_earlier
from streams.agents.intake_corrections import Corrections, Forgetting
from streams.agents.intake_messages import fold_messages
from streams.agents.intake_sending import park, send_movements, send_news
from streams.agents.intake_waiting import Search, keep_waiting, waiting_event
from streams.engine.fold import Batch, Context, Result, View
from streams.engine.headers import cause_of
from streams.mapping.pos import IntakeRules, map_event
from streams.mapping.pos_event import read_event
from streams.mapping.waiting import WaitingEvent, decode_waiting, event_key
from streams.tables import PARKED_EVENTS, PARKED_EXPIRIES, WAITING
from streams.topics import (
    COMMERCE_MESSAGES,
    NEWSTORE_EVENTS,
    ORDER_NEWS,
    STOCK_MOVEMENTS,
)


class IntakeStage:
    """Maps each event once; parks, with its reason, what cannot be mapped.

    Counts: in + messages = applied + ignored + (parked - parked_again); an event that
    is parked in part counts as parked.
    """

    name = "intake"
    sources = (NEWSTORE_EVENTS, COMMERCE_MESSAGES)
    tables = (WAITING, PARKED_EVENTS, PARKED_EXPIRIES)
    outputs = (STOCK_MOVEMENTS, ORDER_NEWS)
    tick_interval_s: float | None = 1.0

    def __init__(self, rules: IntakeRules) -> None:
        self._rules = rules
        self._search, self._forgetting = Search(), Forgetting()

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Map a batch of events, or of commercetools' messages."""
        if batch.topic == COMMERCE_MESSAGES:
            return fold_messages(batch, self._rules)
        result, known = Result(), context.reference
        corrections = Corrections(view, batch, result, context.now)
        for record in batch.records:
            origin = cause_of(record)
            mapped, news = read_event(record.value, known, self._rules, origin=origin)
            result.count("in")
            forget_earlier(record, view, result)
            send_movements(result, record, mapped.movements)
            send_news(result, record, news.alias, news.notes)
            if mapped.open_lines:
                keep_waiting(waiting_event(record, mapped.open_lines), result)
            if problems := [*mapped.reported(), *news.problems]:
                park(result, record, problems)
            else:
                told = mapped.movements or news.notes
                result.count("applied" if told else "ignored")
            corrections.hear(record, is_parked=bool(problems))
            if not mapped.known:
                result.count("unknown_event")
        return result

    def tick(self, view: View, context: Context) -> Result | None:
        """Take up, in the order they came, events whose names have become known."""
        offsets = self._search.offsets(view, context)
        result = self._forgetting.forget(view, context.now)
        rows = view.get(WAITING, [event_key(offset) for offset in offsets])
        for offset in offsets:
            self._redrive(result, decode_waiting(rows[event_key(offset)]), context)
        return result if result.writes else None

    def _redrive(self, result: Result, event: WaitingEvent, context: Context) -> None:
        # Its news were told when it came: they hold nothing up for a name.
        mapped = map_event(
            event.value,
            context.reference,
            self._rules,
            origin=cause_of(event),
            only=frozenset(event.lines),
        )
        send_movements(result, event, mapped.movements)
        left = event.with_open(mapped.open_lines).rows()
        gone = dict.fromkeys(event.rows().keys() - left.keys())
        result.writes.setdefault(WAITING, {}).update({**gone, **left})
        # What the event waited for already was reported when it came.
        news = tuple(line for line in mapped.open_lines if not event.expects(line))
        if mapped.problems or news:
            park(result, event, mapped._replace(open_lines=news).reported())
            result.count("parked_again")
        elif not left:
            result.settle(event)
        if not left:
            result.count("redriven")
