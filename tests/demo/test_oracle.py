"""The oracle: arithmetic a person could do on paper."""

from datetime import UTC, datetime, timedelta

from streams.demo.oracle import (
    DAMAGED,
    ON_THE_WAY,
    Book,
    Expected,
    commerce_differences,
    differences,
    percentile,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = ("MUG-INK", "LDN01")


def test_a_count_is_the_base_and_what_came_after_it_goes_on_top() -> None:
    book = Book()
    book.count(PLACE, 10, NOON)
    book.move(PLACE, -3, NOON + HOUR)

    assert book.on_shelf(PLACE) == 7


def test_what_a_count_has_seen_changes_nothing_however_late_it_is_told() -> None:
    book = Book()
    book.count(PLACE, 10, NOON)
    book.move(PLACE, -3, NOON - HOUR)
    book.move(PLACE, -3, NOON)

    assert book.on_shelf(PLACE) == 10


def test_the_later_of_two_counts_stands() -> None:
    book = Book()
    book.count(PLACE, 8, NOON)
    book.count(PLACE, 10, NOON - HOUR)

    assert book.on_shelf(PLACE) == 8


def test_a_place_that_was_never_counted_begins_at_nothing() -> None:
    book = Book()
    book.move(PLACE, 5, NOON)

    assert book.on_shelf(PLACE) == 5


def test_available_is_what_is_neither_promised_nor_kept_back() -> None:
    book = Book()
    book.count(PLACE, 10, NOON)
    book.promise("unit-1", PLACE)
    book.promise("unit-2", PLACE)
    book.free("unit-2")

    assert book.expected({"MUG-INK": 2}) == {PLACE: Expected(10, 1, 0, 0, 7)}


def test_available_is_never_below_nothing() -> None:
    book = Book()
    book.promise("unit-1", PLACE)

    assert book.expected({})[PLACE] == Expected(0, 1, 0, 0, 0)


def test_damaged_and_travelling_units_are_kept_apart() -> None:
    book = Book()
    book.count(PLACE, 10, NOON)
    book.move(PLACE, 2, NOON - HOUR, where=DAMAGED)
    book.move(PLACE, 4, NOON, where=ON_THE_WAY)

    assert book.expected({})[PLACE] == Expected(10, 0, 2, 4, 10)


def test_a_unit_moves_with_its_promise() -> None:
    book, elsewhere = Book(), ("MUG-INK", "BTH01")
    book.promise("unit-1", PLACE)
    book.promise("unit-1", elsewhere)

    assert (book.set_aside(PLACE), book.set_aside(elsewhere)) == (0, 1)


def test_every_difference_is_said_and_an_empty_row_is_none() -> None:
    expected = {PLACE: Expected(1, 0, 0, 0, 1)}
    empty = {("TEE-INK", "LDN01"): Expected(0, 0, 0, 0, 0)}

    assert differences(expected, expected | empty) == []
    assert len(differences(expected, {PLACE: Expected(2, 0, 0, 0, 2)})) == 1
    assert len(differences(expected, {})) == 1
    assert len(differences({}, expected)) == 1


def test_commercetools_must_offer_what_is_available() -> None:
    expected = {PLACE: Expected(3, 1, 0, 0, 2)}

    assert commerce_differences(expected, {PLACE: 2}) == []
    assert len(commerce_differences(expected, {PLACE: 3})) == 1
    assert len(commerce_differences(expected, {})) == 1
    assert len(commerce_differences({}, {PLACE: 1})) == 1


def test_percentiles_of_a_few_values() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0], 0.99) == 3.0
    assert percentile(range(100), 0.5) == 50
    assert percentile(range(100), 0.99) == 99
