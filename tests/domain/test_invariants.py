"""The judge of the ledger: what it must notice in a journal and in levels."""

from dataclasses import dataclass, replace

import pytest

from streams.domain.invariants import (
    Balances,
    InvariantBroken,
    audit_journal,
    check_conservation,
    compare_levels,
    fold_journal,
)

PLACE = ("TEE", "LDN01")


@dataclass(frozen=True, kw_only=True)
class Entry:
    entry_id: str = "receipt:1"
    sku: str = "TEE"
    location_id: str = "LDN01"
    quantity: int = 5
    from_account: str = "supplier"
    to_account: str = "LDN01:main"
    on_hand_before: int = 0
    on_hand_after: int = 5
    sequence: int = 1


@dataclass(frozen=True, kw_only=True)
class Level:
    sku: str = "TEE"
    location_id: str = "LDN01"
    on_hand: int = 4
    reserved: int = 1
    damaged: int = 0
    held: int = 0
    in_transit: int = 0
    safety_stock: int = 1
    available: int = 2
    enabled: bool = True
    entries: int = 3


CAME = Entry()
WENT = Entry(
    entry_id="sale:u",
    quantity=1,
    from_account="LDN01:main",
    to_account="customer",
    on_hand_before=5,
    on_hand_after=4,
    sequence=2,
)
HELD = Entry(
    entry_id="reserve:v",
    quantity=1,
    from_account="LDN01:main",
    to_account="LDN01:reserved",
    on_hand_before=4,
    on_hand_after=4,
    sequence=3,
)


def test_a_journal_adds_up_by_sku_and_location() -> None:
    rows = fold_journal([CAME, WENT, HELD])
    accounts = {"supplier": -5, "main": 3, "customer": 1, "reserved": 1}
    assert rows == {PLACE: Balances(accounts, entries=3, on_hand=4)}
    assert check_conservation(rows) == []


@pytest.mark.parametrize(
    ("journal", "fault"),
    [
        ([CAME, CAME], "twice"),
        ([WENT], "is entry 1 but says 2"),
        ([CAME, replace(WENT, sequence=3)], "is entry 2 but says 3"),
        ([replace(CAME, quantity=-5)], "moves -5 units"),
        ([CAME, replace(WENT, on_hand_before=6)], "begins at 6 on hand, not 5"),
        ([CAME, replace(WENT, on_hand_after=3)], "ends at 3 on hand, not 4"),
        ([replace(CAME, from_account="nowhere")], "names the account 'nowhere'"),
        ([replace(CAME, to_account="LDN02:main")], "names the account 'LDN02:main'"),
        ([replace(CAME, to_account="LDN01:attic")], "names the account 'LDN01:attic'"),
    ],
)
def test_a_journal_that_contradicts_itself_is_refused(
    journal: list[Entry], fault: str
) -> None:
    with pytest.raises(InvariantBroken, match="TEE at LDN01"):
        fold_journal(journal)
    assert any(fault in found for found in audit_journal(journal).faults)


def test_a_location_may_have_a_colon_in_its_name() -> None:
    entry = replace(CAME, location_id="UK:1", to_account="UK:1:main")
    assert fold_journal([entry])["TEE", "UK:1"].of("main") == 5


def test_units_out_of_nothing_are_noticed() -> None:
    rows = {PLACE: Balances({"main": 5, "supplier": -4})}
    assert check_conservation(rows) == [
        "TEE at LDN01: accounts sum to 1, not 0",
        "TEE: sums to 1, not 0",
    ]


def test_levels_that_agree_with_the_journal_pass() -> None:
    rows = fold_journal([CAME, WENT, HELD])
    assert compare_levels(rows, [Level()]) == []
    closed = Level(enabled=False, available=0)
    assert compare_levels(rows, [closed]) == []
    guarded = Level(safety_stock=9, available=0)
    assert compare_levels(rows, [guarded]) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("on_hand", 5),
        ("reserved", 0),
        ("damaged", 1),
        ("held", 1),
        ("in_transit", 1),
        ("available", 3),
        ("safety_stock", 0),
        ("enabled", False),
        ("entries", 2),
    ],
)
def test_a_level_that_says_anything_else_is_named(field: str, value: int) -> None:
    rows = fold_journal([CAME, WENT, HELD])
    (fault,) = compare_levels(rows, [replace(Level(), **{field: value})])  # type: ignore[arg-type]  # Any field.
    assert fault.startswith("TEE at LDN01: ")


def test_a_missing_and_an_invented_level_are_named() -> None:
    rows = fold_journal([CAME, WENT, HELD])
    assert compare_levels(rows, []) == [
        "TEE at LDN01: in the journal, but without a level"
    ]
    faults = compare_levels({}, [Level(reserved=0, available=0, entries=0)])
    assert faults == ["TEE at LDN01: on_hand is 4, the journal says 0"]
