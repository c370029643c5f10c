"""Notes about an order that do not fit together: each with the sentence people read."""

from dataclasses import replace

import pytest

from streams.domain.order_notes import OrderNote
from streams.domain.order_placing import UNITS_MAX
from streams.domain.order_troubles import TROUBLES_MAX
from tests.support.orders import (
    COMMERCE,
    COMPLETED,
    Book,
    book,
    cancelled,
    item,
    line,
    opened,
    placed,
    seen,
    state_seen,
    web_order,
)

ONE = (placed(), opened(item("i-1", unit="a#1")))

BAD: list[tuple[tuple[OrderNote, ...], str, str]] = [
    (
        (placed(line("a", "TEE", 0)),),
        "line_quantity",
        (
            "Line a of order W-1 (TEE) has quantity 0; nothing is reserved for it. "
            "Look at the order in commercetools."
        ),
    ),
    (
        (placed(line("a", "TEE", UNITS_MAX), line("b", "MUG", 1)),),
        "order_too_large",
        (
            "With line b order W-1 has 5,001 units, and 5,000 is the most that are "
            "followed; nothing is reserved for this line. Split the order."
        ),
    ),
    (
        (placed(), placed(commerce_id="ct-2", version=9)),
        "order_number_taken",
        (
            "commercetools' orders ct-1 and ct-2 both have the number W-1; only the"
            " first is followed. Give the other its own."
        ),
    ),
    (
        (placed(), opened(item("i-1"), currency="USD")),
        "currency_differs",
        (
            "Order W-1 is in EUR at commercetools and in USD at NewStore (ns-1). "
            "See which is right."
        ),
    ),
    (
        (placed(), state_seen("Cancelled", 2), state_seen("Open", 3)),
        "reopened",
        (
            "Order W-1 was cancelled and is Open again; its stock has been released"
            " and stays so. Place a new order for it."
        ),
    ),
    (
        (*ONE, state_seen("Cancelled")),
        "newstore_not_cancelled",
        (
            "Order W-1 is cancelled in commercetools, but NewStore still has a#1. "
            "Reject them in NewStore, so that no store packs them."
        ),
    ),
    (
        (placed(), opened(item("i-1", unit="z#1"))),
        "unknown_line",
        (
            "NewStore's item i-1 says it is z#1, and order W-1 has no such line or "
            "not as many units. Compare the two orders."
        ),
    ),
    (
        (placed(), opened(item("i-1", unit="a#2"))),
        "unknown_line",
        (
            "NewStore's item i-1 says it is a#2, and order W-1 has no such line or "
            "not as many units. Compare the two orders."
        ),
    ),
    (
        (placed(), opened(item("i-1"), item("i-2"))),
        "more_items_than_ordered",
        (
            "NewStore has more of TEE in order W-1 than commercetools (item i-2). "
            "Compare the two orders."
        ),
    ),
    (
        (placed(), opened(item("i-1", "CAP", "a#1"))),
        "item_of_other_sku",
        (
            "Unit a#1 of order W-1 is TEE at commercetools, and NewStore's item i-1"
            " is CAP. See what was sent, and correct the stock of both."
        ),
    ),
    (
        (*ONE, seen(COMPLETED, "i-1"), seen(COMPLETED, "i-1", request="fr-2", rank=11)),
        "shipped_twice",
        (
            "Unit a#1 of order W-1 was completed by requests fr-1, fr-2; it can "
            "have left only once. Count TEE there."
        ),
    ),
    (
        (*ONE, seen(COMPLETED, "i-1"), cancelled("i-1")),
        "shipped_though_cancelled",
        (
            "Unit a#1 of order W-1 was cancelled and has left all the same. Call it"
            " back, or charge for it."
        ),
    ),
    (
        (*ONE, seen(COMPLETED, "i-1"), placed(line("b", "MUG"), version=2)),
        "shipped_though_cancelled",
        (
            "Unit a#1 of order W-1 is no longer in the order and has left all the "
            "same. Call it back, or charge for it."
        ),
    ),
]


@pytest.mark.parametrize(
    ("notes", "reason", "sentence"), BAD, ids=[reason for _, reason, _ in BAD]
)
def test_notes_that_do_not_fit_are_a_case_in_whatever_order_they_come(
    notes: tuple[OrderNote, ...], reason: str, sentence: str
) -> None:
    told = [book(*notes)]
    if reason != "order_number_taken":
        told.append(book(*reversed(notes)))

    for made in told:
        (trouble,) = made.order.troubles
        assert (trouble.reason, trouble.sentence) == (reason, sentence)
        assert trouble.entity == "W-1"
        assert trouble in made.raised


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
