"""A row: its postings, what it offers, and what commerce must be told."""

import pytest

from streams.domain.movements import Outside, Pool
from streams.domain.postings import Posting
from streams.domain.stock import ACCOUNTS, Row, new_row, offer, on_hand, post, sequence
from tests.support.ledger import NOON, minutes


def row_with(main: int, *, safety_stock: int = 0, enabled: bool = True) -> Row:
    row = new_row(safety_stock=safety_stock, enabled=enabled, now=NOON)
    post(row, Posting("LDN01", Outside.SUPPLIER, Pool.MAIN, main), NOON, NOON)
    return row


@pytest.mark.parametrize("source", ACCOUNTS)
@pytest.mark.parametrize("target", ACCOUNTS)
def test_whatever_is_posted_a_row_sums_to_zero(
    source: Pool | Outside, target: Pool | Outside
) -> None:
    row = row_with(3)
    post(row, Posting("LDN01", source, target, 2), NOON, NOON)
    assert sum(row.balances) == 0


@pytest.mark.parametrize(
    ("main", "safety_stock", "enabled", "available"),
    [
        (5, 0, True, 5),
        (5, 2, True, 3),
        (2, 2, True, 0),
        (1, 2, True, 0),
        (3, 2, True, 1),
        (-1, 0, True, 0),
        (5, 0, False, 0),
    ],
)
def test_available_is_what_is_left_above_the_buffer(
    main: int, safety_stock: int, enabled: bool, available: int
) -> None:
    row = row_with(main, safety_stock=safety_stock, enabled=enabled)
    assert row.available == available
    assert row.target == available


def test_reserved_units_are_on_hand_but_not_available() -> None:
    row = row_with(5)
    post(row, Posting("LDN01", Pool.MAIN, Pool.RESERVED, 2), NOON, NOON)
    assert (on_hand(row), row.available, row.target) == (5, 3, 3)


def test_what_commerce_counted_itself_is_not_told_again() -> None:
    row = row_with(5)
    post(row, Posting("LDN01", Pool.MAIN, Pool.RESERVED, 1, "", 1), NOON, NOON)
    assert (row.available, row.target) == (4, 5)


def test_a_unit_sold_below_zero_is_told_back_to_commerce_that_counted_it() -> None:
    row = row_with(0)
    post(row, Posting("LDN01", Pool.MAIN, Pool.RESERVED, 1, "", 1), NOON, NOON)
    assert (row.available, row.target) == (0, 1)


def test_as_of_is_the_latest_occurrence_whatever_the_order() -> None:
    row = row_with(5)
    later = Posting("LDN01", Pool.MAIN, Outside.CUSTOMER, 1)
    post(row, later, minutes(9), minutes(10))
    post(row, later, minutes(3), minutes(11))
    assert (row.as_of, row.recorded_at) == (minutes(9), minutes(11))
    assert row.first_recorded_at == NOON


def test_a_changed_buffer_changes_the_offer_and_the_sequence_but_not_the_entries() -> (
    None
):
    row = row_with(5)
    assert offer(row, safety_stock=2, enabled=True, now=minutes(1))
    assert (row.available, row.target, row.entries, sequence(row)) == (3, 3, 1, 2)
    assert row.recorded_at == minutes(1)


def test_an_unchanged_offer_changes_nothing() -> None:
    row = row_with(5)
    assert not offer(row, safety_stock=0, enabled=True, now=minutes(1))
    assert sequence(row) == 1
    assert row.recorded_at == NOON


def test_a_shop_that_closes_and_opens_again_ends_where_it_was() -> None:
    row = row_with(5)
    offer(row, safety_stock=0, enabled=False, now=NOON)
    assert (row.available, row.target) == (0, 0)
    offer(row, safety_stock=0, enabled=True, now=NOON)
    assert (row.available, row.target) == (5, 5)
