"""Counts: absolute as of their time, whatever arrives before or after."""

import pytest

from streams.domain.counts import (
    STEPS,
    Moved,
    absorb,
    decide_count,
    is_answerable,
    is_late,
    note_count,
    still_needed,
    superseded_count,
    supersedes,
)
from streams.domain.movements import Account, Outside, Pool
from streams.domain.postings import (
    RELEASED,
    RESERVED_AGAIN,
    Effect,
    Posting,
)
from streams.domain.stock import (
    ACCOUNTS,
    DAMAGED,
    HELD,
    MAIN,
    Count,
    Row,
    new_row,
    post,
)
from tests.support.ledger import NOON, minutes

BEFORE, AFTER = minutes(-1), minutes(1)


def fresh() -> Row:
    return new_row(safety_stock=0, enabled=True, now=NOON)


def counted(*counts: Count) -> Row:
    row = fresh()
    for count in counts:
        note_count(row, count)
    return row


def posting(source: Account, target: Account, quantity: int = 1) -> Posting:
    return Posting("LDN01", source, target, quantity)


def sides(parts: tuple[Posting, ...]) -> list[tuple[str, str, str]]:
    return [(p.source, p.target, p.suffix) for p in parts]


@pytest.mark.parametrize(
    ("found", "moved", "source", "target", "quantity"),
    [
        (8, [], "main", "unknown", 2),
        (10, [], "unknown", "main", 0),
        (12, [], "unknown", "main", 2),
        (0, [], "main", "unknown", 10),
        (8, [Moved(AFTER, MAIN, -1)], "main", "unknown", 3),
        (8, [Moved(AFTER, MAIN, 5)], "unknown", "main", 3),
        (8, [Moved(NOON, MAIN, 5)], "main", "unknown", 2),
        (8, [Moved(BEFORE, MAIN, 5)], "main", "unknown", 2),
        (8, [Moved(AFTER, DAMAGED, 5)], "main", "unknown", 2),
    ],
)
def test_the_difference_is_to_the_count_and_what_moved_after_it(
    found: int, moved: list[Moved], source: str, target: str, quantity: int
) -> None:
    row = fresh()
    post(row, posting(Outside.SUPPLIER, Pool.MAIN, 10), NOON, NOON)
    made = decide_count(row, "LDN01", Pool.MAIN, Count(NOON, found, MAIN), moved)
    assert (made.source, made.target, made.quantity) == (source, target, quantity)


def test_a_count_of_main_finds_reserved_units_as_well() -> None:
    row = fresh()
    post(row, posting(Outside.SUPPLIER, Pool.MAIN, 10), NOON, NOON)
    post(row, posting(Pool.MAIN, Pool.RESERVED, 4), NOON, NOON)
    made = decide_count(row, "LDN01", Pool.MAIN, Count(NOON, 9, MAIN), [])
    assert (made.source, made.quantity) == ("main", 1)


def test_a_count_of_the_damaged_pool_leaves_main_alone() -> None:
    row = fresh()
    post(row, posting(Outside.SUPPLIER, Pool.MAIN, 10), NOON, NOON)
    made = decide_count(row, "LDN01", Pool.DAMAGED, Count(NOON, 3, DAMAGED), [])
    assert (made.source, made.target, made.quantity) == ("unknown", "damaged", 3)


@pytest.mark.parametrize(
    ("last", "count", "wins"),
    [
        (None, Count(NOON, 5, MAIN), True),
        (Count(BEFORE, 9, MAIN), Count(NOON, 5, MAIN), True),
        (Count(AFTER, 9, MAIN), Count(NOON, 5, MAIN), False),
        (Count(NOON, 5, MAIN), Count(NOON, 5, MAIN), False),
        (Count(NOON, 4, MAIN), Count(NOON, 5, MAIN), True),
        (Count(NOON, 6, MAIN), Count(NOON, 5, MAIN), False),
        (Count(AFTER, 9, DAMAGED), Count(NOON, 5, MAIN), True),
    ],
)
def test_the_later_count_of_a_pool_holds(
    last: Count | None, count: Count, wins: bool
) -> None:
    row = counted() if last is None else counted(last)
    assert supersedes(row, count) is wins


def test_the_last_count_of_each_pool_is_kept_latest_first() -> None:
    row = counted(Count(AFTER, 1, MAIN), Count(NOON, 2, HELD), Count(BEFORE, 3, HELD))
    assert row.counts == (Count(AFTER, 1, MAIN), Count(BEFORE, 3, HELD))


def test_a_superseded_count_leaves_a_trace_of_nothing() -> None:
    trace = superseded_count("LDN01", Pool.MAIN)
    assert (trace.quantity, trace.effect) == (0, Effect.SUPERSEDED)


@pytest.mark.parametrize(
    ("row", "at", "late"),
    [
        (counted(), BEFORE, False),
        (counted(Count(NOON, 1, MAIN)), BEFORE, True),
        (counted(Count(NOON, 1, MAIN)), NOON, True),
        (counted(Count(NOON, 1, MAIN)), AFTER, False),
        (counted(Count(NOON, 1, MAIN), Count(BEFORE, 1, HELD)), NOON, True),
    ],
)
def test_what_occurred_at_a_count_or_before_it_is_late(
    row: Row, at: object, late: bool
) -> None:
    assert is_late(row, at) is late  # type: ignore[arg-type]  # A parametrized value.


@pytest.mark.parametrize(
    ("told", "parts"),
    [
        (
            posting(Pool.MAIN, Outside.CUSTOMER),
            [("unknown", "customer", "")],
        ),
        (
            posting(Outside.SUPPLIER, Pool.MAIN),
            [("supplier", "unknown", "")],
        ),
        (
            posting(Pool.MAIN, Pool.DAMAGED),
            [("unknown", "damaged", "")],
        ),
        (
            posting(Pool.HELD, Pool.MAIN),
            [("held", "unknown", "")],
        ),
        (
            posting(Pool.RESERVED, Outside.CUSTOMER),
            [("reserved", "main", RELEASED), ("unknown", "customer", "")],
        ),
        (
            posting(Outside.CUSTOMER, Pool.RESERVED),
            [("main", "reserved", RESERVED_AGAIN), ("customer", "unknown", "")],
        ),
    ],
)
def test_what_a_count_has_seen_explains_its_difference(
    told: Posting, parts: list[tuple[str, str, str]]
) -> None:
    row = counted(Count(NOON, 5, MAIN))
    assert sides(absorb(row, told, NOON)) == parts
    assert absorb(row, told, NOON)[-1].effect is Effect.ABSORBED


@pytest.mark.parametrize(
    "told",
    [
        posting(Pool.MAIN, Pool.RESERVED),
        posting(Pool.RESERVED, Pool.MAIN),
        posting(Outside.CUSTOMER, Pool.DAMAGED),
        posting(Outside.TRANSIT, Pool.IN_TRANSIT),
    ],
)
def test_what_does_not_change_the_counted_pool_is_posted_as_it_is(
    told: Posting,
) -> None:
    assert absorb(counted(Count(NOON, 5, MAIN)), told, BEFORE) == (told,)


def test_both_sides_can_have_been_counted() -> None:
    row = counted(Count(NOON, 5, MAIN), Count(NOON, 1, DAMAGED))
    told = posting(Pool.MAIN, Pool.DAMAGED)
    assert sides(absorb(row, told, NOON)) == [("unknown", "unknown", "")]


def test_only_a_pool_counted_late_enough_absorbs() -> None:
    row = counted(Count(NOON, 5, MAIN), Count(BEFORE, 1, DAMAGED))
    told = posting(Pool.MAIN, Pool.DAMAGED)
    assert sides(absorb(row, told, NOON)) == [("unknown", "damaged", "")]


@pytest.mark.parametrize("source", ACCOUNTS)
@pytest.mark.parametrize("target", ACCOUNTS)
@pytest.mark.parametrize("pool", [MAIN, DAMAGED, HELD])
def test_a_counted_pool_never_changes_by_what_it_absorbs(
    source: Account, target: Account, pool: int
) -> None:
    row = counted(Count(NOON, 5, pool))
    told = posting(source, target)
    physical = 0
    for part in absorb(row, told, BEFORE):
        steps = dict(STEPS[part.source, part.target])
        physical += steps.get(pool, 0) * part.quantity
        post(row, part, BEFORE, NOON)
    assert physical == 0
    assert sum(row.balances) == 0


@pytest.mark.parametrize(
    ("counted_at", "first_recorded_at", "answerable"),
    [
        (AFTER, BEFORE, True),
        (NOON, BEFORE, True),
        (BEFORE, NOON, True),
        (BEFORE, AFTER, True),
        (BEFORE, BEFORE, False),
    ],
)
def test_only_an_old_count_of_an_old_row_could_miss_a_movement(
    counted_at: object, first_recorded_at: object, answerable: bool
) -> None:
    row = new_row(safety_stock=0, enabled=True, now=first_recorded_at)  # type: ignore[arg-type]  # A parametrized value.
    count = Count(counted_at, 5, MAIN)  # type: ignore[arg-type]  # A parametrized value.
    assert is_answerable(row, count, remembered_since=NOON) is answerable


def test_a_count_forgets_what_its_pool_moved_until_then() -> None:
    moved = [Moved(BEFORE, MAIN, 1), Moved(NOON, MAIN, 2), Moved(AFTER, MAIN, 3)]
    other = Moved(BEFORE, HELD, 4)
    kept = still_needed([*moved, other], Count(NOON, 5, MAIN))
    assert kept == [Moved(AFTER, MAIN, 3), other]
