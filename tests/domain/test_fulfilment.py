"""Fulfilment windows: what is gathered, when it is told, and in which deliveries."""

from dataclasses import replace
from datetime import timedelta

import pytest

from streams.domain.commerce_wanted import LineQuantity, WantedDelivery
from streams.domain.fulfilment import counted_from
from streams.domain.orders import advance
from tests.support.ledger import NOON
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    FAILED,
    QUIET,
    READY,
    RULES,
    SECOND,
    Book,
    book,
    cancelled,
    completed,
    item,
    items_of,
    line,
    opened,
    placed,
    seen,
    state_seen,
    web_order,
)


def deliveries(made: Book) -> dict[str, dict[str, int]]:
    return {
        delivery.key: {each.line_id: each.quantity for each in delivery.items}
        for delivery in made.says.deliveries
    }


def states(made: Book) -> dict[str, dict[str, int]]:
    return {
        wanted.line_id: {each.state_key: each.quantity for each in wanted.states}
        for wanted in made.says.lines
    }


def test_nothing_is_told_before_anything_happened() -> None:
    made = web_order().wait()

    assert made.order.wanted_sequence == 0
    assert not made.is_gathering
    assert states(made) == {"a": {"Initial": 2}, "b": {"Initial": 1}}


def test_forty_line_events_of_one_order_are_one_change() -> None:
    lines = [line(f"l{number}", f"SKU{number}") for number in range(40)]
    made = book(placed(*lines), opened(*items_of(lines)))
    for each in items_of(lines):
        made.hear(seen(COMPLETED, each.item_id), after=0.1 * SECOND)

    assert made.order.wanted_sequence == 1
    assert deliveries(made) == {"ns-fr-1": {each.line_id: 1 for each in lines}}
    assert made.says.shipment_state == "Shipped"


def test_a_hundred_and_twenty_steps_of_forty_units_are_one_change_too() -> None:
    lines = [line(f"l{number}", f"SKU{number}") for number in range(40)]
    made = book(placed(*lines), opened(*items_of(lines)))
    for rank, step in enumerate((ASSIGNED, READY, COMPLETED), start=1):
        for each in items_of(lines):
            made.hear(seen(step, each.item_id, rank=rank), after=0.1 * SECOND)

    assert made.order.wanted_sequence == 1


@pytest.mark.parametrize(
    ("after", "is_closed"),
    [(QUIET - SECOND / 1000, False), (QUIET, True), (QUIET + SECOND, True)],
)
def test_a_window_closes_after_the_quiet_time_without_any_news(
    after: timedelta, is_closed: bool
) -> None:
    made = web_order().hear(seen(COMPLETED, "i-a#1"))
    assert made.order.wake_at == NOON + QUIET

    made.wait(after)

    assert made.is_gathering == (not is_closed)
    assert deliveries(made) == ({"ns-fr-1": {"a": 1}} if is_closed else {})


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        (-SECOND, -SECOND),
        (-QUIET / 2, -QUIET / 2),
        (-QUIET, -QUIET / 2),
        (-100 * QUIET, -QUIET / 2),
        (SECOND, 0 * SECOND),
    ],
    ids=["told a second ago", "half of it ago", "all of it ago", "long ago", "ahead"],
)
def test_news_count_from_when_they_were_told_unless_we_lag_far_behind(
    told: timedelta, counted: timedelta
) -> None:
    assert counted_from(NOON + told, NOON, RULES) == NOON + counted


def test_what_was_told_earlier_and_is_read_later_does_not_close_a_window_sooner() -> (
    None
):
    made = web_order().hear(seen(COMPLETED, "i-a#1"))
    note = seen(COMPLETED, "i-a#2")

    order, _ = advance(made.order, [note], NOON + SECOND, RULES, NOON - SECOND)

    assert order.window is not None
    assert order.window.news_at == NOON


def test_news_keep_a_window_open_until_the_longest_wait() -> None:
    lines = [line(f"l{number}", f"SKU{number}") for number in range(40)]
    made = book(placed(*lines), opened(*items_of(lines)))
    told = []
    for each in items_of(lines):
        made.hear(seen(COMPLETED, each.item_id)).wait(20 * SECOND)
        told.append(made.order.wanted_sequence)

    longest = RULES.window_longest // (20 * SECOND)
    assert told[: longest - 1] == [0] * (longest - 1)
    assert told[longest - 1] == 1
    assert made.order.wanted_sequence == 3


def test_a_late_unit_makes_a_second_delivery_of_its_request_and_edits_none() -> None:
    made = web_order().hear(seen(COMPLETED, "i-a#1")).wait()
    first = made.says.deliveries

    made.hear(seen(COMPLETED, "i-a#2")).wait()
    made.hear(seen(COMPLETED, "i-b#1", request="fr-2", rank=2))

    assert deliveries(made) == {
        "ns-fr-1": {"a": 1},
        "ns-fr-1-2": {"a": 1},
        "ns-fr-2": {"b": 1},
    }
    assert made.says.deliveries[:1] == first
    assert made.order.wanted_sequence == 3


def test_split_fulfilments_of_one_window_are_a_delivery_each() -> None:
    made = web_order().hear(
        seen(COMPLETED, "i-a#1", "i-b#1"),
        seen(COMPLETED, "i-a#2", request="fr-2", place="LDS01"),
    )

    assert deliveries(made) == {"ns-fr-1": {"a": 1, "b": 1}, "ns-fr-2": {"a": 1}}
    assert made.order.wanted_sequence == 1
    (tees, mugs) = made.says.lines
    assert tees.locations == ("LDN01:1", "LDS01:1")
    assert mugs.locations == ("LDN01:1",)


def test_parcels_are_told_apart_by_their_tracking_code() -> None:
    made = web_order().hear(
        seen(COMPLETED, "i-a#1", tracking="T/1"),
        seen(COMPLETED, "i-a#2", tracking="T2"),
        seen(COMPLETED, "i-b#1"),
    )

    (delivery,) = made.says.deliveries
    assert {(each.tracking_id, each.carrier) for each in delivery.parcels} == {
        ("T/1", "DHL"),
        ("T2", "DHL"),
    }
    assert [each.items for each in delivery.parcels] == [
        (LineQuantity(line_id="a", quantity=1),)
    ] * 2
    assert delivery.parcels[1].key == "ns-fr-1-T2"
    assert delivery.parcels[0].key.startswith("ns-fr-1-T_1-")


def test_a_window_closes_at_once_when_every_unit_is_done() -> None:
    made = web_order().hear(
        seen(COMPLETED, "i-a#1"), seen(COMPLETED, "i-b#1"), cancelled("i-a#2")
    )

    assert not made.is_gathering
    assert deliveries(made) == {"ns-fr-1": {"a": 1, "b": 1}}
    assert made.says.shipment_state == "Shipped"
    assert states(made)["a"] == {"oneshelf-shipped": 1, "oneshelf-cancelled": 1}


def test_a_window_waits_all_the_same_where_it_is_told_to() -> None:
    rules = replace(RULES, window_closes_complete=False)
    made = web_order(rules=rules).hear(seen(COMPLETED, "i-a#1", "i-a#2", "i-b#1"))

    assert deliveries(made) == {}
    assert deliveries(made.wait()) == {"ns-fr-1": {"a": 2, "b": 1}}


def test_an_order_that_newstore_closed_early_is_complete_with_its_last_unit() -> None:
    made = web_order().hear(completed(), seen(COMPLETED, "i-a#1"))
    assert made.says.order_state == ""

    made.hear(seen(COMPLETED, "i-a#2", "i-b#1"))

    assert made.says.order_state == "Complete"
    assert made.order.wanted_sequence == 1


def test_an_order_stays_open_until_newstore_closes_it() -> None:
    made = web_order().hear(seen(COMPLETED, "i-a#1", "i-a#2", "i-b#1"))
    assert made.says.order_state == ""

    assert made.hear(completed()).says.order_state == "Complete"


def test_a_cancellation_is_told_at_once_and_leaves_the_window_open() -> None:
    made = web_order().hear(seen(COMPLETED, "i-a#1"), cancelled("i-b#1"))

    assert made.is_gathering
    assert states(made) == {"a": {"Initial": 2}, "b": {"oneshelf-cancelled": 1}}
    assert deliveries(made) == {}
    assert deliveries(made.wait()) == {"ns-fr-1": {"a": 1}}
    assert made.says.shipment_state == "Partial"


def test_an_order_of_which_all_is_cancelled_is_cancelled() -> None:
    made = web_order().hear(state_seen("Cancelled"))

    assert made.says.shipment_state == "Canceled"
    assert made.says.order_state == ""
    assert set(made.states.values()) == {"cancelled"}


def test_a_move_to_another_place_is_told_at_once() -> None:
    made = web_order().hear(seen(ASSIGNED, "i-a#1", rank=1)).wait()
    made.hear(
        seen(FAILED, "i-a#1", rank=2),
        seen(ASSIGNED, "i-a#1", rank=3, request="fr-2", place="LDS01"),
    )

    assert made.says.lines[0].locations == ("LDS01:1",)
    assert made.order.wanted_sequence == 2


def test_news_that_cancel_each_other_out_are_not_told() -> None:
    made = web_order().hear(seen(ASSIGNED, "i-a#1", rank=3)).wait()
    assert made.order.wanted_sequence == 1

    assert made.hear(seen(READY, "i-a#1", rank=4)).is_gathering
    assert not made.hear(seen(ASSIGNED, "i-a#1", rank=5)).is_gathering

    assert made.order.wanted_sequence == 1


def test_an_order_without_shipping_has_states_and_no_delivery() -> None:
    lines = (line("a"),)
    made = book(placed(*lines, has_shipping=False), opened(*items_of(lines)))
    made.hear(seen(COMPLETED, "i-a#1"))

    assert made.says.deliveries == ()
    assert made.says.shipment_state == "Shipped"
    assert states(made) == {"a": {"oneshelf-shipped": 1}}
    assert not made.says.has_shipping


def test_a_unit_carried_out_without_a_request_is_delivered_by_hand() -> None:
    made = book(placed(), opened(item("i-1", unit="a#1", carried_out=True)))

    assert made.says.deliveries == (
        WantedDelivery(
            key="ns-handed-over", items=(LineQuantity(line_id="a", quantity=1),)
        ),
    )


def test_a_clock_set_back_does_not_keep_a_window_open_longer_than_agreed() -> None:
    made = web_order().hear(seen(COMPLETED, "i-a#1"))
    made.hear(seen(ASSIGNED, "i-b#1"), after=-timedelta(hours=1))
    assert made.order.wake_at == made.now + QUIET

    assert deliveries(made.wait()) == {"ns-fr-1": {"a": 1}}


def test_a_clock_that_leaps_closes_the_window_and_nothing_else() -> None:
    made = web_order().hear(seen(COMPLETED, "i-a#1"))
    made.hear(after=timedelta(days=300)).wait(timedelta())

    assert deliveries(made) == {"ns-fr-1": {"a": 1}}
    assert made.order.troubles == ()


def test_completions_before_the_order_itself_are_told_once_it_is_known() -> None:
    lines = (line("a", "TEE", 2),)
    made = book(seen(COMPLETED, "i-a#1"), opened(*items_of(lines)))
    assert made.order.wanted_sequence == 0

    made.hear(seen(COMPLETED, "i-a#2"), placed(*lines))

    assert deliveries(made) == {"ns-fr-1": {"a": 2}}
    assert made.order.wanted_sequence == 1


def test_an_order_of_the_shop_floor_owes_commercetools_nothing() -> None:
    made = book(opened(item("i-1", carried_out=True), channel="store")).wait()

    assert made.order.wanted_sequence == 0
    assert not made.is_gathering
    assert made.says.commerce_id == ""
    assert made.states == {"i-1": "completed"}
