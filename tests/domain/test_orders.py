"""An order as a whole: its units' two names, what the ledger hears, what is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from streams.domain.invariants import InvariantBroken
from streams.domain.movements import MovementKind
from streams.domain.order_answers import CommerceDeclined, CommerceTold
from streams.domain.order_movements import _placed_at
from streams.domain.order_names import safe_key
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.orders import Effects, advance
from tests.support.ledger import NOON
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    NUMBER,
    RULES,
    SECOND,
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

LATER = timedelta(days=1)


def test_each_unit_is_announced_where_its_channel_says() -> None:
    made = book(
        placed(
            line("a", "TEE", 2, channel_key="london", commerce_counted=True),
            line("b", "MUG", channel_key="elsewhere"),
        )
    )

    assert [
        (m.kind, m.movement_id, m.unit_id, m.sku, m.location_id, m.commerce_counted)
        for m in made.movements
    ] == [
        (MovementKind.ANNOUNCE, f"announce:{name}", name, sku, place, counted)
        for name, sku, place, counted in (
            ("W-1/a#1", "TEE", "LDN01", True),
            ("W-1/a#2", "TEE", "LDN01", True),
            ("W-1/b#1", "MUG", "", False),
        )
    ]
    assert {m.document_id for m in made.movements} == {NUMBER}


def test_an_order_that_is_not_placed_has_no_time_to_announce_it_at() -> None:
    with pytest.raises(InvariantBroken, match="W-1 is not placed"):
        _placed_at(Order(number=NUMBER))


def test_where_commercetools_does_not_count_nothing_is_counted() -> None:
    rules = replace(RULES, commerce_counts=False)
    made = book(placed(line(commerce_counted=True)), rules=rules)

    assert not made.movements[0].commerce_counted


def test_a_cancellation_at_commercetools_releases_every_unit_for_good() -> None:
    made = web_order([line("a", "TEE", 2)])
    made.hear(state_seen("Cancelled"), state_seen("Cancelled"))

    released = [m for m in made.movements if m.kind is MovementKind.RELEASE]
    assert [(m.movement_id, m.location_id, m.rank) for m in released] == [
        ("release:cancelled:W-1/a#1", "", 0),
        ("release:cancelled:W-1/a#2", "", 0),
    ]
    assert made.states == {"a#1": "cancelled", "a#2": "cancelled"}


POOLED = replace(RULES, has_pooled_entries=True)


def test_what_a_pooled_entry_counted_is_given_back_where_no_place_was_found() -> None:
    counted = line("a", "TEE", commerce_counted=True)
    made = book(placed(counted), state_seen("Cancelled"), rules=POOLED)

    given_back = made.movements[-1]
    assert given_back.movement_id == "announce:cancelled:W-1/a#1"
    assert (given_back.location_id, given_back.rank) == ("LDN01", 0)
    assert not given_back.commerce_counted


@pytest.mark.parametrize(
    ("counted", "rules"), [(False, POOLED), (True, replace(POOLED, places={}))]
)
def test_what_no_entry_of_ours_counted_is_not_given_back(
    *, counted: bool, rules: OrderRules
) -> None:
    made = book(placed(line(commerce_counted=counted)), rules=rules)
    made.hear(state_seen("Cancelled"))

    assert made.moved() == ["announce:W-1/a#1", "release:cancelled:W-1/a#1"]


@pytest.mark.parametrize("reason", ["", "insufficient_stock"])
def test_a_cancellation_at_newstore_frees_the_orders_own_name_of_the_unit(
    reason: str,
) -> None:
    made = web_order().hear(cancelled("i-a#1", reason=reason))

    assert made.moved()[-1] == "release:cancelled:W-1/a#1"
    assert made.states["a#1"] == "cancelled"


def test_newstore_can_cancel_its_whole_order() -> None:
    made = web_order().hear(cancelled())

    assert set(made.states.values()) == {"cancelled"}
    assert made.says.shipment_state == "Canceled"


def test_a_unit_that_left_before_its_cancellation_has_left() -> None:
    made = web_order([line()]).hear(seen(COMPLETED, "i-a#1"), state_seen("Cancelled"))

    assert made.states == {"a#1": "completed"}
    assert made.reasons == {"shipped_though_cancelled"}


def test_an_order_cancelled_before_it_was_read_is_announced_and_released() -> None:
    made = book(state_seen("Cancelled"), placed(version=1))

    assert made.moved() == ["announce:W-1/a#1", "release:cancelled:W-1/a#1"]


def test_units_are_tied_by_product_where_newstore_was_not_told_our_names() -> None:
    made = book(
        placed(line("a", "TEE", 1), line("b", "TEE", 1), line("c", "MUG")),
        opened(item("i-2", "TEE"), item("i-1", "TEE", "7"), item("i-3", "MUG")),
    )

    assert made.order.ties == {"i-1": "a#1", "i-2": "b#1", "i-3": "c#1"}
    assert made.moved()[-3:] == ["identify:i-1", "identify:i-2", "identify:i-3"]


def test_a_unit_may_have_a_name_in_each_of_two_newstore_orders() -> None:
    made = book(
        placed(),
        opened(item("i-1", unit="a#1")),
        opened(item("i-2", unit="a#1"), newstore_id="ns-2", external_id=f"{NUMBER}~2"),
    )

    assert made.units["a#1"].item_ids == ("i-1", "i-2")
    assert made.order.troubles == ()


def test_what_was_heard_of_an_item_before_its_order_counts_once_it_is_tied() -> None:
    made = book(placed(), seen(ASSIGNED, "i-1"))
    assert made.states == {"a#1": "open"}
    assert made.order.ties == {}

    assert made.hear(opened(item("i-1"))).states == {"a#1": "assigned"}


def test_a_line_that_grew_is_announced_further_and_one_that_shrank_is_released() -> (
    None
):
    made = book(placed(line("a", "TEE", 1), line("b", "MUG", 2)))
    made.hear(placed(line("a", "TEE", 2), version=5))

    assert set(made.moved()[3:]) == {
        "announce:W-1/a#2",
        "release:cancelled:W-1/b#1",
        "release:cancelled:W-1/b#2",
    }
    assert [each.line_id for each in made.says.lines] == ["a"]
    assert made.units["b#1"].is_withdrawn


def test_an_older_reading_of_the_order_changes_nothing_that_is_newer() -> None:
    newer, older = (
        placed(line("a", "TEE", 1), version=5),
        placed(line("a", "TEE", 2), version=4, state="Confirmed", has_shipping=False),
    )
    made, other = book(newer, older), book(older, newer)

    assert made.order.lines == other.order.lines
    assert made.order.commerce == other.order.commerce
    assert made.order.lines["a"].quantity == 1
    assert sorted(made.moved()) == sorted(other.moved())


def test_the_state_of_the_highest_version_counts() -> None:
    made = book(placed(version=3, state="Confirmed"), state_seen("Open", version=2))

    assert made.order.commerce is not None
    assert (made.order.commerce.version, made.order.commerce.state) == (3, "Confirmed")


def test_history_moves_nothing_and_bothers_nobody() -> None:
    made = book(
        opened(item("i-1", unit="z#1"), is_historical=True, currency="GBP"), placed()
    )

    assert (made.movements, made.order.troubles) == ([], ())


def test_what_commercetools_confirms_is_known_and_an_older_word_changes_nothing() -> (
    None
):
    def told(sequence: int, version: int) -> CommerceTold:
        return CommerceTold(
            order_number=NUMBER,
            wanted_sequence=sequence,
            version=version,
            told_at=NOON,
            calls=1,
        )

    made = web_order().hear(told(2, 9), told(1, 8), told(2, 9))

    order = made.order
    assert (order.told_sequence, order.told_version, order.calls) == (2, 9, 1)


def test_a_refusal_of_commercetools_is_a_case_until_it_takes_something_newer() -> None:
    def declined(sequence: int) -> CommerceDeclined:
        return CommerceDeclined(
            order_number=NUMBER,
            wanted_sequence=sequence,
            reason="InvalidOperation",
            sentence=f"It cannot be {sequence}.",
        )

    made = web_order().hear(declined(2), declined(1), declined(2))
    assert made.sentence == "It cannot be 2."

    made.hear(
        CommerceTold(order_number=NUMBER, wanted_sequence=2, version=4, told_at=NOON)
    )

    assert made.order.troubles == ()
    assert [trouble.reason for trouble in made.withdrawn] == ["commerce_declined"]


def test_an_order_that_hears_nothing_and_waits_for_nothing_is_itself() -> None:
    made = web_order()

    assert advance(made.order, [], NOON + LATER, RULES) == (made.order, Effects())


def test_it_wakes_for_what_comes_first() -> None:
    made = web_order().hear(seen(COMPLETED, "i-a#1"))
    made.hear(seen(ASSIGNED, "i-b#1"), after=10 * SECOND)

    assert made.order.wake_at == made.now + RULES.window_quiet


def test_an_orders_times_are_when_it_was_first_and_last_changed() -> None:
    made = web_order().hear(completed(), after=LATER).hear(completed(), after=LATER)

    assert made.order.first_at == NOON
    assert made.order.changed_at == NOON + LATER


def test_nothing_that_commercetools_gets_as_a_key_is_too_strange_for_it() -> None:
    lines = [line("ü/1", "TEE")]
    made = book(placed(*lines), opened(*items_of(lines)))
    made.hear(seen(COMPLETED, "i-ü/1#1", request="fr 1"))

    assert made.says.deliveries[0].key == safe_key("ns", "fr 1")
