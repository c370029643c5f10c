"""What saves work with orders changes nothing: each short way ends as the long one."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.order_answers import (
    CommerceDeclined,
    CommerceTold,
    LookAgainAsked,
    OrderInjected,
)
from streams.domain.order_hearing import Input, hear_all
from streams.domain.order_movements import due_ids
from streams.domain.order_notes import OrderChannel
from streams.domain.order_plain import is_plain
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.order_sourcing import Sourced
from streams.domain.order_ties import units_after, units_of
from streams.domain.order_troubles import asked_in_vain
from streams.domain.orders import Effects, advance, follow
from streams.domain.wanted import TOLD, blank_of, content_of, has_same_content
from tests.support import sourcing
from tests.support.ledger import NOON
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    FAILED,
    NUMBER,
    READY,
    RULES,
    appeased,
    back,
    cancelled,
    completed,
    item,
    line,
    opened,
    placed,
    returned,
    seen,
    settled,
    state_seen,
    web_order,
)

FINDS_PLACES = OrderRules(sourcing=sourcing.rules())
WAITS = (0, 1, 40, 400, 1_000)

sold = opened(
    item("i-1", carried_out=True), item("i-2", "MUG"), channel=OrderChannel.STORE
)
POOL: tuple[Input, ...] = (
    sold,
    opened(
        item("i-3", carried_out=True), newstore_id="ns-2", external_id=f"{NUMBER}~2"
    ),
    opened(item("i-4", unit="a#1"), newstore_id="ns-2", external_id=f"{NUMBER}~2"),
    opened(item("i-5", carried_out=True), newstore_id="ns-3", is_historical=True),
    *(
        seen(step, *names, request=request, rank=rank)
        for step, rank in ((ASSIGNED, 1), (READY, 2), (FAILED, 3), (COMPLETED, 4))
        for names, request in ((("i-1",), "fr-1"), (("i-2", "i-1"), "fr-2"))
    ),
    seen(FAILED, "i-4", newstore_id="ns-2", rank=9),
    seen(FAILED, "uuid-1-a#1", "uuid-1-a#2", rank=5),
    seen(FAILED, "uuid-2-a#1", newstore_id="ns-2", rank=6),
    cancelled("i-1"),
    cancelled("i-2", reason="insufficient_stock"),
    cancelled(),
    cancelled(newstore_id="ns-2", reason="out_of_stock"),
    completed(),
    returned(back(item_id="i-1")),
    returned(back("MUG"), return_id="ret-2", refund_minor=0),
    settled(),
    settled(600, "app-1", transaction_id="tx-2"),
    appeased(),
    CommerceDeclined(order_number=NUMBER, wanted_sequence=9, reason="r", sentence="s"),
    CommerceTold(order_number=NUMBER, wanted_sequence=1, version=2, told_at=NOON),
    LookAgainAsked(order_number=NUMBER, asked_at=NOON),
    OrderInjected(
        order_number=NUMBER,
        run=1,
        external_id=NUMBER,
        newstore_id="ns-1",
        items=(("a#2", "i-2"),),
    ),
)
PLACINGS: tuple[Input, ...] = (
    placed(line("a", "TEE", 2), line("b", "MUG"), line("c", "CAP", 0)),
    placed(line("a", "TEE", 1), line("b", "MUG", 2), version=3, has_shipping=False),
    placed(commerce_id="ct-2"),
    state_seen("Cancelled"),
    state_seen("Open", 4),
)

steps = st.tuples(
    st.lists(st.sampled_from(POOL), max_size=3), st.sampled_from(WAITS)
) | st.tuples(st.lists(st.sampled_from(PLACINGS), max_size=1), st.sampled_from(WAITS))
begun = st.sampled_from([[], [([PLACINGS[0]], 0)]])
lives = st.builds(lambda first, then: first + then, begun, st.lists(steps, max_size=12))
sales = st.lists(
    st.tuples(st.lists(st.sampled_from(POOL), max_size=2), st.just(1)), max_size=6
)


def long_way(order: Order, inputs: list[Input], now: Any, rules: OrderRules) -> Any:
    """Follow an order up whatever it is."""
    heard = hear_all(order, inputs, now, rules)
    is_due = order.wake_at is not None and order.wake_at <= now
    if heard == (order, (), ()) and not is_due:
        return order, Effects(raised=asked_in_vain(order, inputs, ()))
    return follow(order, inputs, heard, now, rules)


@settings(max_examples=150, deadline=None)
@given(sales | lives, st.sampled_from([RULES, FINDS_PLACES]))
def test_a_plain_order_ends_as_if_all_of_it_had_been_followed_up(
    life: list[tuple[list[Input], int]], rules: OrderRules
) -> None:
    order, now = Order(NUMBER), NOON
    for inputs, wait_s in life:
        now += timedelta(seconds=wait_s)
        moved = advance(order, inputs, now, rules)
        assert moved == long_way(order, inputs, now, rules)
        order = moved[0]


@settings(max_examples=150, deadline=None)
@given(lives, st.sampled_from([RULES, FINDS_PLACES]))
def test_what_has_moved_is_found_without_looking_at_all_of_it(
    life: list[tuple[list[Input], int]], rules: OrderRules
) -> None:
    order, now, ledger = Order(NUMBER), NOON, sourcing.stocked(TEE_LDN01=2, MUG_PAR01=9)
    heard = deque((inputs, wait_s) for inputs, wait_s in life)
    while heard:
        inputs, wait_s = heard.popleft()
        now += timedelta(seconds=wait_s)
        before, (order, effects) = order, advance(order, inputs, now, rules)
        heard.extendleft(([each], 0) for each in answers(order, effects, ledger, now))
        units_before, units = units_of(before), units_of(order)

        assert units_after(before, units_before, order) == units
        assert list(units_after(before, units_before, order)) == list(units)
        known, due = due_ids(before, units_before), due_ids(order, units)
        assert [m.movement_id for m in effects.movements if not m.attempt] == [
            movement_id for movement_id in due if movement_id not in known
        ]
        was = content_of(before) if before.is_placed else blank_of(order)
        changed = order.is_placed and content_of(order) != was
        assert order.wanted_sequence - before.wanted_sequence == changed


def answers(
    order: Order, effects: Effects, ledger: sourcing.Ledger, now: datetime
) -> Iterator[Input]:
    """Let the ledger and NewStore answer what they are asked."""
    yield from (ledger.ask(request) for request in effects.requests)
    run = order.sourcing
    if run is not None and run.owed_check() is not None:
        yield sourcing.checked(run.owed_check(), now)
    if run is not None and run.owed_injection() is not None:
        yield sourcing.injected(run.owed_injection())


@pytest.mark.parametrize(
    ("name", "value"),
    [("runs", {"a#1": 2}), ("reroutes", False), ("ties", {}), ("lines", {})],
)
def test_units_stand_otherwise_where_only_one_thing_of_the_order_has_moved(
    name: str, value: Any
) -> None:
    lacked = cancelled("i-a#2", reason="insufficient_stock")
    order = web_order().hear(seen(FAILED, "i-a#1"), lacked).order
    after = order._replace(reroutes=True, runs={"a#1": 1})
    values: dict[str, Any] = after._asdict()
    before = Order(**values | {name: value})
    known = units_of(before)

    assert units_after(before, known, after) == units_of(after) != known


def test_what_is_told_hangs_on_nothing_but_what_is_looked_at_for_changes() -> None:
    order = web_order().hear(seen(COMPLETED, "i-a#1"), returned(), settled()).order
    values: dict[str, Any] = {name: getattr(order, name) for name in ("number", *TOLD)}
    blanks: dict[str, Any] = dict.fromkeys(set(Order._fields) - values.keys(), 0)
    blind = Order(**values, **blanks)

    assert content_of(blind) == content_of(order)
    for name in TOLD:
        touched = Order(**values | {name: object()})
        assert not has_same_content(order, touched), name


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        ([sold], True),
        ([sold, seen(COMPLETED, "i-2")], True),
        ([sold, cancelled("i-2")], True),
        ([sold, cancelled("i-1")], False),
        ([sold, cancelled()], False),
        ([seen(COMPLETED, "i-2"), seen(COMPLETED, "i-2", request="fr-2")], False),
        ([sold, returned(back(item_id="i-1"))], False),
        ([sold, settled()], False),
        ([sold, appeased()], False),
        ([sold, placed()], False),
    ],
)
def test_a_sale_is_plain_until_something_is_to_be_done(
    told: list[Input], plain: bool
) -> None:
    heard = hear_all(Order(NUMBER), told, NOON, RULES)

    assert is_plain(heard) is plain


def test_an_order_in_trouble_is_not_plain_although_the_trouble_is_over() -> None:
    order = advance(Order(NUMBER), [sold, cancelled("i-1")], NOON, RULES)[0]
    assert order.troubles

    over = order._replace(items=hear_all(Order(NUMBER), [sold], NOON, RULES)[0].items)
    assert not is_plain(Sourced(over))
