"""Which movements are possible, and where each kind moves units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain import movement_checks
from streams.domain.invariants import InvariantBroken
from streams.domain.ledger import count_too_old, decide
from streams.domain.movement_checks import (
    NAME_MAX,
    QUANTITY_MAX,
    RANK_MAX,
    check,
    is_name,
)
from streams.domain.movements import Movement, MovementKind, Outside, Pool
from streams.domain.postings import Outcome
from streams.domain.routes import ROUTES, STATED, plain_posting
from streams.domain.transfer_booking import Leg
from streams.domain.transfers import Transfer
from streams.domain.units import Unit
from tests.support.ledger import (
    NOON,
    adjustment,
    announce,
    cancel,
    count,
    giveback,
    movement,
    receipt,
    release,
    reserve,
    sale,
    ship,
)

CORRECTION = movement(
    MovementKind.CORRECTION,
    "correction:1",
    source=Outside.CUSTOMER,
    target=Pool.MAIN,
    corrects="sale:u",
)
HOLD, UNHOLD = MovementKind.HOLD, MovementKind.UNHOLD


@pytest.mark.parametrize("kind", MovementKind)
def test_every_kind_has_its_accounts(kind: MovementKind) -> None:
    without = kind in (MovementKind.COUNT, MovementKind.IDENTIFY)
    known = (kind in ROUTES) + (kind in STATED) + without
    assert known == 1


@pytest.mark.parametrize(
    ("told", "source", "target"),
    [
        (sale("u"), "main", "customer"),
        (ship("u"), "main", "customer"),
        (giveback("r"), "customer", "main"),
        (giveback("r", pool=Pool.DAMAGED), "customer", "damaged"),
        (receipt("r", 5), "supplier", "main"),
        (receipt("r", 5, pool=Pool.HELD), "supplier", "held"),
        (movement(MovementKind.TRANSFER_OUT, "asn:1"), "main", "transit"),
        (movement(MovementKind.TRANSFER_IN, "asn-in:1"), "transit", "in_transit"),
        (reserve("u", 1), "main", "reserved"),
        (announce("u", location_id="LDN01"), "main", "reserved"),
        (release("u", 1), "reserved", "main"),
        (movement(HOLD, "hold:1"), "main", "held"),
        (movement(HOLD, "hold:1", source=Pool.DAMAGED), "damaged", "held"),
        (movement(UNHOLD, "unhold:1"), "held", "main"),
        (movement(UNHOLD, "unhold:1", target=Pool.DAMAGED), "held", "damaged"),
        (adjustment("a", Pool.MAIN, Outside.SHRINK), "main", "shrink"),
        (adjustment("a", Pool.MAIN, Pool.DAMAGED), "main", "damaged"),
        (CORRECTION, "customer", "main"),
    ],
)
def test_each_kind_moves_units_between_its_accounts(
    told: Movement, source: str, target: str
) -> None:
    posting = plain_posting(told)
    assert check(told) is None
    assert (posting.source, posting.target) == (source, target)
    assert (posting.quantity, posting.location_id) == (told.quantity, "LDN01")


def test_what_commerce_counted_is_booked_with_a_plain_posting() -> None:
    assert plain_posting(sale("u", commerce_counted=True)).counted == 1
    assert plain_posting(sale("u")).counted == 0


def test_an_unchecked_movement_without_accounts_is_a_bug() -> None:
    with pytest.raises(InvariantBroken, match="no accounts"):
        plain_posting(movement(MovementKind.ADJUSTMENT, "adjustment:1"))


IMPOSSIBLE = [
    (sale("u", movement_id=""), "impossible_name", "movement_id"),
    (sale("u", movement_id="x" * (2 * NAME_MAX + 1)), "impossible_name", "movement_id"),
    (sale("u", sku=""), "impossible_name", "sku"),
    (sale("u", sku="A|B"), "impossible_name", "sku"),
    (sale("u", sku="A\x00B"), "impossible_name", "sku"),
    (sale("u", sku="A\nB"), "impossible_name", "sku"),
    (sale("u", sku="A\x7fB"), "impossible_name", "sku"),
    (sale("u", sku="x" * (NAME_MAX + 1)), "impossible_name", "sku"),
    (sale("u", location_id="LDN|01"), "impossible_name", "location_id"),
    (sale("u", location_id="LDN\t01"), "impossible_name", "location_id"),
    (sale("u", location_id="x" * (NAME_MAX + 1)), "impossible_name", "location_id"),
    (sale("u", unit_id="x" * (NAME_MAX + 1)), "impossible_name", "unit_id"),
    (receipt("r", 1, transfer_ref="x" * 257), "impossible_name", "transfer_ref"),
    *(
        (
            receipt("r", 1, transfer_ref="t", transfer_also=also),
            "impossible_name",
            "transfer_also",
        )
        for also in (("",), ("t", "x" * 257), ("t",) * 5)
    ),
    (sale("u", quantity=0), "impossible_quantity", "quantity"),
    (sale("u", quantity=-1), "impossible_quantity", "quantity"),
    (sale("u", quantity=QUANTITY_MAX + 1), "impossible_quantity", "quantity"),
    (count("c", -1), "impossible_quantity", "quantity"),
    (count("c", QUANTITY_MAX + 1), "impossible_quantity", "quantity"),
    (reserve("u", 1, quantity=2), "impossible_quantity", "quantity"),
    (ship("u", quantity=2), "impossible_quantity", "quantity"),
    (cancel("u", quantity=2), "impossible_quantity", "quantity"),
    (reserve("u", -1), "impossible_rank", "rank"),
    (reserve("u", RANK_MAX + 1), "impossible_rank", "rank"),
    (sale("u", location_id=""), "missing_location", "location_id"),
    (ship("u", location_id=""), "missing_location", "location_id"),
    (reserve("u", 1, location_id=""), "missing_location", "location_id"),
    (receipt("r", 1, location_id=""), "missing_location", "location_id"),
    (count("c", 1, location_id=""), "missing_location", "location_id"),
    (cancel("u", unit_id=""), "missing_location", "location_id"),
    (announce("u", unit_id=""), "missing_location", "location_id"),
    (giveback("r", pool=Pool.RESERVED), "impossible_pool", "pool"),
    (giveback("r", pool=Pool.IN_TRANSIT), "impossible_pool", "pool"),
    (receipt("r", 1, pool=Pool.IN_TRANSIT), "impossible_pool", "pool"),
    (count("c", 1, pool=Pool.RESERVED), "impossible_pool", "pool"),
    (count("c", 1, pool=Pool.IN_TRANSIT), "impossible_pool", "pool"),
    (movement(MovementKind.ADJUSTMENT, "a"), "missing_account", "source"),
    (
        movement(MovementKind.ADJUSTMENT, "a", source=Pool.MAIN),
        "missing_account",
        "target",
    ),
    (adjustment("a", Pool.MAIN, Pool.MAIN), "nothing_to_move", "target"),
    (adjustment("a", Outside.SUPPLIER, Outside.SHRINK), "nothing_to_move", "target"),
    (movement(HOLD, "hold:1", source=Pool.HELD), "nothing_to_move", "target"),
    (
        movement(
            MovementKind.CORRECTION, "c", source=Pool.MAIN, target=Outside.CUSTOMER
        ),
        "missing_entry",
        "corrects",
    ),
    (
        movement(MovementKind.CORRECTION, "c", corrects="sale:u"),
        "missing_account",
        "source",
    ),
]


@pytest.mark.parametrize(("told", "reason", "field"), IMPOSSIBLE)
def test_what_makes_no_sense_is_named_with_its_field(
    told: Movement, reason: str, field: str
) -> None:
    problem = check(told)
    assert problem is not None
    assert (problem.reason, problem.field) == (reason, field)
    assert problem.value in str(getattr(told, field)) or field == "target"
    assert problem.sentence.endswith(".")


@pytest.mark.parametrize(
    "told",
    [
        sale("u", sku="x" * NAME_MAX),
        sale("u", movement_id="x" * (2 * NAME_MAX)),
        sale("u", sku="no\u00a0break"),
        sale("u", sku="tø:y/ 1"),
        sale("u", unit_id="x" * NAME_MAX),
        sale("u", quantity=QUANTITY_MAX),
        count("c", 0),
        count("c", QUANTITY_MAX),
        count("c", 1, pool=Pool.DAMAGED),
        count("c", 1, pool=Pool.HELD),
        reserve("u", 0),
        reserve("u", RANK_MAX),
        reserve("", 0, unit_id="", quantity=7),
        announce("u"),
        cancel("u"),
        release("u", 7, location_id=""),
        CORRECTION,
    ],
)
def test_the_borders_of_what_makes_sense_are_accepted(told: Movement) -> None:
    assert check(told) is None


@pytest.mark.parametrize("name", ["", "a|b", "\x00", "\x1f", "\x7f", "a\r"])
def test_a_name_that_would_break_a_key_is_none(name: str) -> None:
    assert not is_name(name)


names = st.text(max_size=6) | st.sampled_from(["A", "A|B", "A\x00", "", "\u00a0"])
pools = st.sampled_from(Pool)


@given(
    kind=st.sampled_from(MovementKind),
    sku=names,
    location_id=names,
    unit_id=st.sampled_from(["", "u", "x" * 257]),
    quantity=st.integers(-1, 2),
    rank=st.integers(-1, 1),
    pool=pools,
    movement_id=st.sampled_from(["", "m", "x" * 300, "x" * 513]),
    transfer_ref=st.sampled_from(["", "t", "x" * 257]),
    transfer_also=st.sampled_from([(), ("t",), ("",)]),
    source=st.none() | pools,
    target=st.none() | st.sampled_from(Outside),
    corrects=st.sampled_from(["", "e"]),
)
def test_the_short_way_accepts_only_what_the_long_way_accepts(
    kind: MovementKind, movement_id: str, **changes: object
) -> None:
    told = movement(kind, movement_id, **changes)
    long_way = (
        movement_checks._check_names(told)
        or movement_checks._check_quantity(told)
        or movement_checks._check_place(told)
        or movement_checks._check_accounts(told)
    )
    assert check(told) == long_way


def test_the_common_sale_goes_the_short_way() -> None:
    assert movement_checks._is_plainly_possible(sale("u"))
    assert not movement_checks._is_plainly_possible(sale("u", sku="A|B"))


def test_a_unit_or_a_transfer_decides_where_there_is_one() -> None:
    plain = decide(sale("u"), None, None, now=NOON)
    assert (plain.outcome, plain.unit, plain.transfer) == (Outcome.APPLIED, None, None)
    gone = decide(sale("u"), Unit(gone=True), None, now=NOON)
    assert (gone.outcome, gone.postings) == (Outcome.ALREADY_GONE, ())
    known = Transfer(("T",), (Leg("LDN01", announced=3),), NOON, NOON)
    came = decide(receipt("r", 4, transfer_ref="T"), None, [known], now=NOON)
    assert [p.quantity for p in came.postings] == [3, 1]
    assert came.transfer is not None
    assert came.transfer.transfer.legs == (Leg("LDN01", announced=3, received=4),)


def test_a_count_too_old_to_answer_says_so() -> None:
    problem = count_too_old(count("c", 1))
    assert problem.reason == "count_too_old"
    assert problem.value == NOON.isoformat()
