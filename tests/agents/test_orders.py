"""The orders stage: rows, timers, what is sent, and what is parked."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from streams.agents.orders import OrdersStage
from streams.agents.orders_timers import LOOK_BACK, ORDERS_MAX
from streams.domain.order_answers import CommerceTold
from streams.domain.order_notes import OrderNote
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.reference import Location, Reference
from streams.domain.reservations import RequestKind, ReservationRequest
from streams.engine.fold import Batch, Context, Result
from streams.engine.headers import HEARD_AT
from streams.mapping.exceptions import (
    RETRY_OF,
    Action,
    CommandWire,
    read_command,
)
from streams.mapping.order_messages import ANSWERS, NOTES, REPLIES, REQUESTS
from streams.mapping.orders_state import decode_order, timer_key
from streams.mapping.stock import decode_movement
from streams.tables import ORDER_TIMERS, ORDERS
from streams.topics import (
    EXCEPTION_COMMANDS,
    ORDER_ANSWERS,
    ORDER_FACTS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    STOCK_MOVEMENTS,
    Topic,
)
from tests.support import sourcing
from tests.support.ledger import NOON
from tests.support.memory_view import MemoryRecord, MemoryView
from tests.support.orders import (
    COMPLETED,
    NUMBER,
    QUIET,
    RULES,
    SECOND,
    cancelled,
    item,
    items_of,
    line,
    opened,
    placed,
    seen,
)


class Desk:
    """One partition of the stage, committed after each fold."""

    def __init__(self, rules: OrderRules = RULES) -> None:
        self.stage = OrdersStage(rules)
        self.view = MemoryView()
        self.reference = Reference()
        self.now = NOON
        self.offset = 0

    def tell(self, *notes: OrderNote, number: str = NUMBER) -> Result:
        return self.take(ORDER_FACTS, *((number, NOTES.encode(n)) for n in notes))

    def take(self, topic: Topic, *pairs: tuple[str | None, bytes | None]) -> Result:
        records = []
        for key, value in pairs:
            raw = None if key is None else key.encode()
            at_ms = int(self.now.timestamp() * 1000)
            record = MemoryRecord(topic.name, self.offset, raw, value, timestamp=at_ms)
            records.append(record)
            self.offset += 1
        batch = Batch(topic, 0, records)
        return self.commit(self.stage.fold(self.view, batch, self.context()))

    def tick(self, now: datetime) -> Result | None:
        self.now = now
        result = self.stage.tick(self.view, self.context())
        return None if result is None else self.commit(result)

    def commit(self, result: Result) -> Result:
        self.view.apply(result)
        return result

    def context(self) -> Context:
        return Context(self.now, self.reference)

    def order(self, number: str = NUMBER) -> Order:
        return decode_order(self.view.tables[ORDERS][number.encode()])

    @property
    def timers(self) -> list[bytes]:
        return sorted(self.view.tables.get(ORDER_TIMERS, {}))


def movements_of(result: Result) -> list[str]:
    sent = result.outputs.get(STOCK_MOVEMENTS, [])
    return [decode_movement(output.value or b"").movement_id for output in sent]


def cases_of(result: Result) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for output in result.outputs.get(EXCEPTION_COMMANDS, []):
        command = read_command(output.value)
        assert isinstance(command, CommandWire)
        assert output.same_partition
        found.append((command.action, command.kind, command.reason))
    return found


LINES = (line("a", "TEE", 2),)


def test_a_web_orders_units_are_announced_and_known_by_both_names() -> None:
    desk = Desk()
    desk.reference.put_location(
        Location(location_id="LDN01", commercetools_channel_key="london")
    )
    told = line("a", "TEE", 1, channel_key="london", commerce_counted=True)
    result = desk.tell(placed(told), opened(item("i-1", unit="a#1")))

    (announced, identified) = (
        decode_movement(output.value or b"")
        for output in result.outputs[STOCK_MOVEMENTS]
    )
    assert [output.key for output in result.outputs[STOCK_MOVEMENTS]] == [b"TEE"] * 2
    assert announced.movement_id == "announce:W-1/a#1"
    assert (announced.location_id, announced.commerce_counted) == ("LDN01", True)
    assert announced.origin == "order-facts/0/1"
    assert identified.movement_id == "identify:i-1"
    assert (identified.unit_id, identified.same_as) == ("i-1", "W-1/a#1")
    assert result.counts == {"in": 2, "applied": 2, "movements": 2}


def test_a_repeat_writes_nothing_and_sends_nothing() -> None:
    desk = Desk()
    notes = placed(*LINES), opened(*items_of(LINES)), seen(COMPLETED, "i-a#1")
    desk.tell(*notes)

    result = desk.tell(*notes)

    assert result.counts == {"in": 3, "repeated": 3}
    assert (result.writes, result.outputs) == ({}, {})


def test_a_batch_is_folded_as_its_records_one_by_one() -> None:
    notes = placed(*LINES), opened(*items_of(LINES)), cancelled("i-a#1")
    whole, single = Desk(), Desk()
    sent = movements_of(whole.tell(*notes))
    parts = [movement for note in notes for movement in movements_of(single.tell(note))]

    assert sorted(sent) == sorted(parts)
    assert whole.order().ties == single.order().ties
    assert whole.order().shown == single.order().shown


def test_a_window_closes_by_the_clock_without_another_event() -> None:
    desk = Desk()
    desk.tell(placed(*LINES), opened(*items_of(LINES)), seen(COMPLETED, "i-a#1"))
    assert desk.timers == [timer_key(NOON + QUIET, NUMBER)]
    assert desk.tick(NOON + QUIET - SECOND) is None

    result = desk.tick(NOON + QUIET)

    assert result is not None
    assert result.counts == {"woken": 1}
    assert [made.key for made in desk.order().deliveries] == ["ns-fr-1"]
    assert desk.timers == []
    assert desk.tick(NOON + 2 * QUIET) is None


def test_news_move_the_timer() -> None:
    desk = Desk()
    lines = (line("a", "TEE", 3),)
    desk.tell(placed(*lines), opened(*items_of(lines)), seen(COMPLETED, "i-a#1"))
    desk.now += 10 * SECOND
    desk.tell(seen(COMPLETED, "i-a#2"))

    assert desk.timers == [timer_key(NOON + QUIET + 10 * SECOND, NUMBER)]


def test_more_orders_than_a_tick_takes_are_woken_in_the_next() -> None:
    desk = Desk()
    for number in range(ORDERS_MAX + 3):
        desk.tell(
            placed(*LINES),
            opened(*items_of(LINES)),
            seen(COMPLETED, "i-a#1"),
            number=f"W-{number}",
        )
    counts = []
    while (result := desk.tick(NOON + QUIET)) is not None:
        counts.append(result.counts["woken"])

    assert counts == [ORDERS_MAX, 3]


def test_after_the_clock_was_set_back_no_window_waits_for_it_to_catch_up() -> None:
    desk = Desk()
    desk.tell(placed(*LINES), opened(*items_of(LINES)), seen(COMPLETED, "i-a#1"))
    desk.tick(NOON)
    earlier = NOON - timedelta(hours=1)

    desk.tick(earlier)

    assert desk.timers == [timer_key(earlier + QUIET, NUMBER)]
    desk.tick(earlier + QUIET)
    assert len(desk.order().deliveries) == 1
    assert desk.timers == []


def test_more_timers_than_a_walk_takes_are_looked_at_in_the_next_tick() -> None:
    desk = Desk()
    for number in range(ORDERS_MAX + 3):
        desk.tell(
            placed(*LINES),
            opened(*items_of(LINES)),
            seen(COMPLETED, "i-a#1"),
            number=f"W-{number:03}",
        )
    desk.tick(NOON)
    earlier = NOON - timedelta(hours=1)

    counts = []
    while (result := desk.tick(earlier)) is not None:
        counts.append(result.counts["woken"])

    assert counts == [ORDERS_MAX, 3]
    assert desk.timers[-1] == timer_key(earlier + QUIET, f"W-{ORDERS_MAX + 2:03}")


def test_an_order_asks_the_ledger_for_places_and_gives_up_what_it_does_not_need() -> (
    None
):
    desk = Desk(replace(RULES, sourcing=sourcing.rules()))
    result = desk.tell(placed(line("a", "TEE", 1)))

    (output,) = result.outputs[RESERVATION_REQUESTS]
    request = REQUESTS.decode(output.value)
    assert (output.key, request.kind, request.unit_ids) == (
        b"TEE",
        RequestKind.QUOTE,
        ("W-1/a#1",),
    )
    assert result.counts["requests"] == 1
    ledger = sourcing.stocked(TEE_LDN01=1)
    reply = REPLIES.encode(ledger.ask(request))

    result = desk.take(RESERVATION_ANSWERS, (NUMBER, reply))

    (output,) = result.outputs[RESERVATION_REQUESTS]
    assert REQUESTS.decode(output.value).location_id == "LDN01"


@pytest.mark.parametrize(
    ("age", "is_seen"), [(LOOK_BACK, True), (LOOK_BACK + SECOND, False)]
)
def test_a_tick_does_not_look_again_where_all_was_done(
    age: timedelta, is_seen: bool
) -> None:
    desk = Desk()
    desk.tick(NOON)
    late = Result()
    late.put(ORDER_TIMERS, timer_key(NOON - age, NUMBER), b"")
    desk.view.apply(late)

    assert (desk.tick(NOON + SECOND) is not None) == is_seen


def test_a_case_that_is_retried_has_the_order_look_again() -> None:
    desk = Desk(replace(RULES, sourcing=sourcing.rules()))
    desk.tell(placed(line("a", "TEE", 1)))
    ledger = sourcing.stocked()
    (request,) = desk.order().sourcing.asked  # type: ignore[union-attr]  # it has begun
    quote = ReservationRequest(
        request_id=request.request_id,
        kind=request.kind,
        order_number=NUMBER,
        sku="TEE",
        unit_ids=("W-1/a#1",),
        requested_at=NOON,
    )
    result = desk.take(RESERVATION_ANSWERS, (NUMBER, REPLIES.encode(ledger.ask(quote))))
    assert cases_of(result) == [(Action.RAISE, "sourcing", "sourcing_exhausted")]
    again = MemoryRecord(
        ORDER_FACTS.name,
        90,
        NUMBER.encode(),
        NOTES.encode(placed(line("a", "TEE", 1))),
        headers=((RETRY_OF, b"order-facts/0/0"),),
    )

    result = desk.stage.fold(
        desk.view, Batch(ORDER_FACTS, 0, [again]), Context(NOON, desk.reference)
    )

    assert len(result.outputs[RESERVATION_REQUESTS]) == 1
    assert cases_of(result) == [(Action.WITHDRAW, "", "sourcing_exhausted")]


def test_a_clock_that_trembles_walks_no_timers() -> None:
    desk = Desk()
    desk.tell(placed(*LINES), opened(*items_of(LINES)), seen(COMPLETED, "i-a#1"))
    desk.tick(NOON)

    assert desk.tick(NOON - SECOND / 2) is None


def test_what_commercetools_confirms_is_noted_once() -> None:
    desk = Desk()
    told = CommerceTold(
        order_number=NUMBER, wanted_sequence=1, version=7, told_at=NOON, calls=2
    )
    desk.tell(placed(*LINES))
    pair = (NUMBER, ANSWERS.encode(told))

    first, again = desk.take(ORDER_ANSWERS, pair), desk.take(ORDER_ANSWERS, pair)

    assert (first.counts, again.counts) == (
        {"in": 1, "applied": 1},
        {"in": 1, "repeated": 1},
    )
    order = desk.order()
    assert (order.told_sequence, order.told_version, order.calls) == (1, 7, 2)


def test_a_trouble_is_raised_and_withdrawn_on_the_list_of_exceptions() -> None:
    desk = Desk()
    result = desk.tell(placed(*LINES), opened(item("i-1", unit="x#1")))
    assert cases_of(result) == [(Action.RAISE, "order", "unknown_line")]
    assert result.counts["troubles_raised"] == 1

    result = desk.tell(placed(*LINES, line("x", "TEE"), version=2))

    assert cases_of(result) == [(Action.WITHDRAW, "", "unknown_line")]
    assert result.counts["troubles_withdrawn"] == 1


@pytest.mark.parametrize(
    ("topic", "key", "value", "why"),
    [
        (ORDER_FACTS, NUMBER, b"nonsense", ("undecodable", "$")),
        (ORDER_FACTS, NUMBER, None, ("undecodable", "$")),
        (ORDER_FACTS, None, NOTES.encode(placed()), ("wrong_key", "key")),
        (
            ORDER_ANSWERS,
            "W-2",
            ANSWERS.encode(
                CommerceTold(
                    order_number=NUMBER, wanted_sequence=1, version=1, told_at=NOON
                )
            ),
            ("wrong_key", "key"),
        ),
    ],
)
def test_what_is_no_news_of_an_order_is_parked(
    topic: Topic, key: str | None, value: bytes | None, why: tuple[str, str]
) -> None:
    result = Desk().take(topic, (key, value))

    (parked,) = result.parked
    assert (parked.reason, parked.field) == why
    assert result.counts == {"in": 1, "parked": 1}
    assert result.writes == {}


def test_a_key_that_is_not_text_is_parked_with_its_record() -> None:
    desk = Desk()
    record = MemoryRecord(ORDER_FACTS.name, 0, b"\xff", NOTES.encode(placed()))
    result = desk.stage.fold(
        desk.view, Batch(ORDER_FACTS, 0, [record]), Context(NOON, Reference())
    )

    assert [parked.field for parked in result.parked] == ["key"]


def test_an_answer_about_an_order_that_is_not_known_leaves_no_row() -> None:
    desk = Desk()
    told: Any = CommerceTold(
        order_number=NUMBER, wanted_sequence=0, version=0, told_at=NOON
    )
    result = desk.take(ORDER_ANSWERS, (NUMBER, ANSWERS.encode(told)))

    assert (result.counts, result.writes) == ({"in": 1, "repeated": 1}, {})


def test_the_quiet_time_counts_from_when_the_log_took_the_event() -> None:
    desk = Desk()
    desk.tell(
        placed(line("a", "TEE", quantity=2)),
        opened(*items_of([line("a", "TEE", quantity=2)])),
    )
    desk.now = NOON + 10 * SECOND
    told_ms = int(NOON.timestamp() * 1000) + 4000
    value = NOTES.encode(seen(COMPLETED, "i-a#1"))
    record = MemoryRecord(
        ORDER_FACTS.name,
        99,
        NUMBER.encode(),
        value,
        timestamp=int(desk.now.timestamp() * 1000),
        headers=((HEARD_AT, b"%d" % told_ms),),
    )

    desk.commit(
        desk.stage.fold(desk.view, Batch(ORDER_FACTS, 0, [record]), desk.context())
    )

    window = desk.order().window
    assert window is not None
    assert window.news_at == window.opened_at == NOON + 4 * SECOND
    assert desk.order().wake_at == NOON + 4 * SECOND + QUIET
