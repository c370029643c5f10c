"""Notes about an order that do not fit together: each with the sentence people read."""

from dataclasses import replace

from streams.domain.order_troubles import TROUBLES_MAX
from tests.support.orders import (
    COMMERCE,
    Book,
    book,
    cancelled,
    item,
    line,
    opened,
    placed,
    state_seen,
    web_order,
)

ONE = (placed(), opened(item("i-1", unit="a#1")))


def test_a_second_order_under_a_number_is_named_by_either_of_its_notes() -> None:
    made = book(placed()).hear(
        placed(commerce_id="ct-2"), placed(commerce_id="ct-2", version=3)
    )
    other = book(state_seen("Open"), replace(state_seen("Open"), commerce_id="ct-2"))

    for each in (made, other):
        assert each.order.commerce is not None
        assert each.order.commerce.commerce_id == COMMERCE
        assert each.order.commerce.others == ("ct-2",)


def test_a_case_ends_by_itself_when_it_is_no_longer_so() -> None:
    made = book(*ONE, state_seen("Cancelled"))
    assert made.reasons == {"newstore_not_cancelled"}

    made.hear(cancelled("i-1"))

    assert made.order.troubles == ()
    assert [trouble.reason for trouble in made.withdrawn] == ["newstore_not_cancelled"]


def test_a_case_is_told_once() -> None:
    made = book(*ONE, state_seen("Cancelled"), state_seen("Cancelled", 3))

    assert [trouble.reason for trouble in made.raised] == ["newstore_not_cancelled"]


def test_what_newstore_cancelled_whole_needs_nobody() -> None:
    made = web_order().hear(state_seen("Cancelled"), cancelled())

    assert made.order.troubles == ()


def test_many_names_are_cut_to_what_a_person_reads() -> None:
    made = web_order([line("a", "TEE", 12)]).hear(state_seen("Cancelled"))

    assert made.sentence.count("a#") == 10
    assert "and 2 more" in made.sentence


def test_an_order_has_no_more_cases_than_people_can_work_through() -> None:
    items = [item(f"i-{number}", unit=f"z#{number}") for number in range(1, 120)]
    made: Book = book(placed(), opened(*items))

    assert len(made.order.troubles) == TROUBLES_MAX
