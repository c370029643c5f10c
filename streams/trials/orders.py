"""Tries out what orders would hear (fits web.ports.OrdersTrialPort); changes nothing.

The stages' own folds answer. What depends on an answer that is not there yet is said
in words, and not guessed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from streams.agents.linking import LinkingStage
from streams.agents.orders import OrdersStage
from streams.domain.commerce_wanted import WantedOrder
from streams.domain.fulfilment import due_at
from streams.domain.order_debts import is_to_be_told
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.orders import advance
from streams.domain.reference import Reference
from streams.domain.wanted import wanted_of
from streams.engine.fold import Batch, Context, Result, View
from streams.mapping.exceptions import RETRY_OF, Action, CommandWire, read_command
from streams.mapping.linking_state import decode_link
from streams.mapping.order_messages import REQUESTS
from streams.mapping.orders_state import decode_order, order_key
from streams.tables import ORDER_LINKS, ORDERS
from streams.topics import (
    EXCEPTION_COMMANDS,
    ORDER_ANSWERS,
    ORDER_FACTS,
    ORDER_NEWS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    STOCK_MOVEMENTS,
    Topic,
)
from streams.trials.records import TriedRecord
from streams.trials.view import TrialView
from streams.trials.words import owed_to_newstore, units_moved, words_of
from streams.web.ports import Foretold, Linked, Said

_HEARD = {
    topic.name: topic for topic in (ORDER_FACTS, ORDER_ANSWERS, RESERVATION_ANSWERS)
}


class OrdersTrial:
    """Lets the stages of orders hear things without committing anything."""

    def __init__(
        self,
        linking: LinkingStage,
        rules: OrderRules,
        reference: Reference,
        clock: Callable[[], datetime],
    ) -> None:
        self._linking = linking
        self._orders = OrdersStage(rules)
        self._rules = rules
        self._reference = reference
        self._clock = clock

    def link(self, view: View, news: Sequence[Said]) -> Linked:
        """Say which orders news would go on to, and what would wait."""
        records = _records(news, self._clock())
        batch = Batch(ORDER_NEWS, view.partition, records)
        result = self._linking.fold(view, batch, self._context())
        facts = [
            Said(ORDER_FACTS.name, output.key or b"", output.value or b"")
            for output in result.outputs.get(ORDER_FACTS, [])
        ]
        return Linked(facts, list(_words_of_links(result)), list(_parked(result)))

    def hear(self, view: View, said: Sequence[Said]) -> list[Foretold]:
        """Say of each order what it would do, were it told this."""
        by_order: dict[bytes, list[Said]] = {}
        for each in said:
            by_order.setdefault(each.key, []).append(each)
        return [self._hear(view, key, each) for key, each in by_order.items()]

    def _hear(self, view: View, key: bytes, said: Sequence[Said]) -> Foretold:
        there, results = TrialView(view), []
        for topic in _HEARD.values():
            heard = [each for each in said if each.topic == topic.name]
            part = _records(heard, self._clock())
            if part:
                batch = Batch(topic, view.partition, part)
                result = self._orders.fold(there, batch, self._context())
                there.apply(result)
                results.append(result)
        before, after = _order(view, key), _order(there, key)
        requests = [
            REQUESTS.decode(raw) for raw in _sent(results, RESERVATION_REQUESTS)
        ]
        commands = [
            command
            for raw in _sent(results, EXCEPTION_COMMANDS)
            if isinstance(command := read_command(raw), CommandWire)
        ]
        shape = {
            "order": key.decode(errors="replace"),
            "known": before is not None,
            "units": units_moved(before, after),
            "requests": requests,
            "raised": [c.sentence for c in commands if c.action is Action.RAISE],
            "withdrawn": [c.reason for c in commands if c.action is Action.WITHDRAW],
            "newstore": None if after is None else owed_to_newstore(after),
            "said": list(words_of(before, after, requests)),
        }
        return Foretold(
            shape,
            list(_sent(results, STOCK_MOVEMENTS)),
            [one for result in results for one in _parked(result)],
            [] if after is None else list(self._owed(after)),
        )

    def _owed(self, order: Order) -> Iterator[tuple[str, WantedOrder]]:
        """Yield what commercetools is owed now, and when a window of news closes."""
        if is_to_be_told(order):
            yield "now", wanted_of(order)
        if order.window is not None:
            due = due_at(order.window, self._rules)
            closed, _ = advance(order, [], due, self._rules)
            yield due.isoformat(), wanted_of(closed)

    def _context(self) -> Context:
        return Context(self._clock(), self._reference)


def can_hear(topic: str) -> bool:
    """Say whether orders hear records of a topic."""
    return topic in _HEARD


def _records(said: Sequence[Said], now: datetime) -> list[TriedRecord]:
    again, at_ms = ((RETRY_OF, b"retry/0/0"),), int(now.timestamp() * 1000)
    return [
        TriedRecord(
            each.topic,
            number,
            each.key,
            each.value,
            timestamp=at_ms,
            headers=again if each.again else (),
        )
        for number, each in enumerate(said)
    ]


def _order(view: View, key: bytes) -> Order | None:
    number = order_key(key.decode(errors="replace"))
    row = view.get(ORDERS, [number]).get(number)
    return None if row is None else decode_order(row)


def _words_of_links(result: Result) -> Iterator[str]:
    waits = result.counts.get("waiting", 0)
    if waits:
        yield f"{waits} of the news would wait: their order's number is not known."
    for key, row in result.writes.get(ORDER_LINKS, {}).items():
        if row is not None and decode_link(row).needs_read:
            yield (
                f"commercetools would be asked for {key.decode()}; what its order says "
                "is not known yet."
            )


def _sent(results: Iterable[Result], topic: Topic) -> Iterator[bytes]:
    for result in results:
        for output in result.outputs.get(topic, []):
            if output.value is not None:
                yield output.value


def _parked(result: Result) -> Iterator[dict[str, Any]]:
    for reason, field, value, sentence in (one[1:] for one in result.parked):
        yield {"reason": reason, "field": field, "value": value, "sentence": sentence}
