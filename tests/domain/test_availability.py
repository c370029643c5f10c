"""What commerce is told about an entry, given what the entry says."""

import pytest

from streams.domain.availability import (
    SCARCE_UNITS_MAX,
    Absent,
    AddQuantity,
    Adopt,
    AlreadyDone,
    ChangeQuantity,
    Counting,
    CreateEntry,
    Decision,
    Entry,
    FieldsOnly,
    Foreign,
    Ours,
    RemoveQuantity,
    Superseded,
    Wanted,
    decide,
    urgency,
    urgent_since_ms,
)

COMMERCE, POOL = Counting.COMMERCE, Counting.POOL


def wanted(*, target: int = 10, available: int = 10, sequence: int = 5) -> Wanted:
    return Wanted(target, available, sequence)


def ours(
    *, target: int = 10, sequence: int = 4, quantity: int = 10, version: int = 7
) -> Ours:
    return Ours(target, sequence, quantity, version)


def adopt(
    found: int, correction: int, *, typed: bool = False, absolute: bool = False
) -> Adopt:
    return Adopt(found, correction, version=7, typed=typed, absolute=absolute)


CASES: list[tuple[str, Counting, Wanted, Entry, Decision]] = [
    ("absent", COMMERCE, wanted(), Absent(), CreateEntry(10)),
    ("absent and empty", COMMERCE, wanted(available=0), Absent(), CreateEntry(0)),
    ("absent, pool", POOL, wanted(), Absent(), CreateEntry(10)),
    ("foreign, short", COMMERCE, wanted(), Foreign(7, 7), adopt(7, 3)),
    ("foreign, long", COMMERCE, wanted(), Foreign(12, 7), adopt(12, -2)),
    ("foreign, right", COMMERCE, wanted(), Foreign(10, 7), adopt(10, 0)),
    ("foreign, below zero", COMMERCE, wanted(), Foreign(-2, 7), adopt(-2, 12)),
    (
        "foreign with a type of its own",
        COMMERCE,
        wanted(),
        Foreign(7, 7, typed=True),
        adopt(7, 3, typed=True),
    ),
    ("foreign, pool", POOL, wanted(), Foreign(7, 7), adopt(7, 3, absolute=True)),
    ("one more", COMMERCE, wanted(target=11), ours(), AddQuantity(1, 7)),
    ("one less", COMMERCE, wanted(target=9), ours(), RemoveQuantity(1, 7)),
    ("far less", COMMERCE, wanted(target=-40), ours(), RemoveQuantity(50, 7)),
    ("there and back", COMMERCE, wanted(), ours(), FieldsOnly(7)),
    (
        "commerce has sold meanwhile: the delta alone counts",
        COMMERCE,
        wanted(target=11, available=8),
        ours(quantity=6),
        AddQuantity(1, 7),
    ),
    (
        "our answer was lost",
        COMMERCE,
        wanted(),
        ours(sequence=5, quantity=9),
        AlreadyDone(9, 7),
    ),
    ("told later already", COMMERCE, wanted(), ours(sequence=6), Superseded(6)),
    (
        "told later, same target",
        COMMERCE,
        wanted(target=11),
        ours(target=11, sequence=6),
        Superseded(6),
    ),
    (
        "another history: same sequence, other target",
        COMMERCE,
        wanted(),
        ours(target=11, sequence=5),
        Superseded(5),
    ),
    ("pool, other quantity", POOL, wanted(), ours(quantity=3), ChangeQuantity(10, 7)),
    ("pool, right quantity", POOL, wanted(), ours(), FieldsOnly(7)),
    ("pool, done", POOL, wanted(), ours(sequence=5), AlreadyDone(10, 7)),
    (
        "pool, done but changed by hand since",
        POOL,
        wanted(),
        ours(sequence=5, quantity=3),
        ChangeQuantity(10, 7),
    ),
    ("pool, told later", POOL, wanted(), ours(sequence=6, quantity=3), Superseded(6)),
    (
        "pool, another history",
        POOL,
        wanted(),
        ours(target=3, sequence=5),
        Superseded(5),
    ),
    (
        "pool, to zero",
        POOL,
        wanted(target=0, available=0),
        ours(),
        ChangeQuantity(0, 7),
    ),
]


@pytest.mark.parametrize(
    ("counting", "want", "entry", "decision"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_entry_decides_what_is_sent(
    counting: Counting, want: Wanted, entry: Entry, decision: Decision
) -> None:
    assert decide(want, entry, counting) == decision


def test_crossing_to_zero_goes_before_the_scarcest() -> None:
    sold_out = urgency(told_available=3, available=0, since_ms=2000)
    scarce = urgency(told_available=2, available=1, since_ms=1000)
    assert sold_out < scarce


def test_coming_back_from_zero_goes_before_the_scarcest() -> None:
    back = urgency(told_available=0, available=40, since_ms=2000)
    scarce = urgency(told_available=2, available=1, since_ms=1000)
    assert back < scarce


def test_of_two_crossings_the_empty_one_goes_first() -> None:
    gone = urgency(told_available=5, available=0, since_ms=2000)
    back = urgency(told_available=0, available=5, since_ms=1000)
    assert gone < back


def test_an_entry_never_told_has_crossed_nothing() -> None:
    never = urgency(told_available=None, available=0, since_ms=1000)
    crossed = urgency(told_available=0, available=9, since_ms=1000)
    assert crossed < never


def test_scarce_goes_before_old() -> None:
    scarce = urgency(told_available=4, available=3, since_ms=2000)
    old = urgency(told_available=5, available=4, since_ms=1000)
    assert scarce < old


def test_of_equals_the_older_goes_first() -> None:
    assert urgency(4, 3, since_ms=1000) < urgency(9, 3, since_ms=1001)


@pytest.mark.parametrize("available", [SCARCE_UNITS_MAX + 1, 10_000])
def test_above_the_scarce_only_age_counts(available: int) -> None:
    plenty = urgency(30, available, since_ms=1000)
    fewer = urgency(30, SCARCE_UNITS_MAX, since_ms=1001)
    assert plenty < fewer


def test_urgency_remembers_since_when() -> None:
    now_ms = 1_795_305_600_000
    assert urgent_since_ms(urgency(0, 40, now_ms)) == now_ms
