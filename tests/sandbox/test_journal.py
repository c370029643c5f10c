"""The log of accepted writes: bounded, read by cursor, honest about what it dropped."""

import pytest

from streams.sandbox.commercetools.journal import Journal, Write


def journal_of(count: int, records_max: int = 100) -> Journal:
    journal = Journal(records_max)
    for _ in range(count):
        number = journal.next_number()
        journal.add(Write(number, "", "updated", "c", "x", "id", number))
    return journal


@pytest.mark.parametrize(
    ("after", "limit", "numbers"),
    [
        (0, 10, [1, 2, 3, 4, 5]),
        (0, 2, [1, 2]),
        (2, 2, [3, 4]),
        (4, 10, [5]),
        (5, 10, []),
        (99, 10, []),
    ],
)
def test_it_is_read_from_behind_a_number(
    after: int, limit: int, numbers: list[int]
) -> None:
    journal = journal_of(5)
    assert [write.number for write in journal.read(after, limit)] == numbers
    assert (len(journal), journal.dropped) == (5, 0)


@pytest.mark.parametrize(
    ("after", "numbers"), [(0, [8, 9, 10]), (7, [8, 9, 10]), (8, [9, 10]), (10, [])]
)
def test_the_oldest_writes_make_room_and_are_counted(
    after: int, numbers: list[int]
) -> None:
    journal = journal_of(10, records_max=3)
    assert [write.number for write in journal.read(after)] == numbers
    assert (len(journal), journal.dropped) == (10, 7)


def test_an_empty_journal_has_nothing_to_read() -> None:
    assert journal_of(0).read() == []
