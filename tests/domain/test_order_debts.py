"""What an order still owes, at its borders."""

from datetime import UTC, datetime

import pytest

from streams.domain.order_debts import is_to_be_told, is_under_way, owed_sequence
from streams.domain.order_record import Commerce, Declined, Order, Window

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
PLACED = Commerce("c-1", placed_version=1, placed_at=NOON)


@pytest.mark.parametrize(
    ("wanted", "told", "owed"), [(0, 0, None), (2, 2, None), (2, 3, None), (3, 2, 3)]
)
def test_what_is_not_told_is_owed(wanted: int, told: int, owed: int | None) -> None:
    order = Order(
        number="W-1", commerce=PLACED, wanted_sequence=wanted, told_sequence=told
    )

    assert owed_sequence(order) == owed
    assert is_to_be_told(order) is (owed is not None)


def test_an_order_that_commercetools_does_not_have_owes_it_nothing() -> None:
    assert owed_sequence(Order(number="S-1", wanted_sequence=3)) is None


@pytest.mark.parametrize(("refused", "waits"), [(2, True), (3, False)])
def test_what_was_refused_waits_for_a_person(*, refused: int, waits: bool) -> None:
    declined = Declined(refused, "InvalidInput", "No.")
    order = Order(number="W-1", commerce=PLACED, wanted_sequence=3, declined=declined)

    assert owed_sequence(order) == 3
    assert is_to_be_told(order) is waits


def test_an_open_window_is_under_way() -> None:
    assert not is_under_way(Order(number="W-1"))
    assert is_under_way(Order(number="W-1", window=Window(NOON, NOON)))
