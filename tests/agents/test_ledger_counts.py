"""The ledger stage and stock counts: before, after, late and twice."""

from datetime import timedelta

import pytest

from streams.domain.movements import Pool
from streams.tables import HISTORY
from tests.support.ledger import (
    LATER,
    NOON,
    Ledger,
    adjustment,
    count,
    giveback,
    minutes,
    receipt,
    reserve,
    sale,
    ship,
)


def test_a_count_sets_what_is_on_hand_and_keeps_what_is_reserved() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 9), reserve("u", 5), reserve("v", 5))
    ledger.tell(count("c", 5, occurred_at=minutes(1)))
    level = ledger.level()
    assert (level.on_hand, level.reserved, level.available) == (5, 2, 2)
    assert (ledger.journal[-1].from_account, ledger.journal[-1].quantity) == (
        "LDN01:main",
        4,
    )


@pytest.mark.parametrize("apart", [True, False])
def test_what_occurred_after_a_count_is_kept_on_top_of_it(apart: bool) -> None:
    ledger = Ledger()
    told = [
        receipt("r", 9),
        sale("u", occurred_at=minutes(1)),
        sale("v", occurred_at=minutes(3)),
        giveback("w", occurred_at=minutes(4)),
        count("c", 20, occurred_at=minutes(2)),
    ]
    for batch in [[m] for m in told] if apart else [told]:
        ledger.tell(*batch)
    assert ledger.level().on_hand == 20


@pytest.mark.parametrize(("minute", "on_hand"), [(1, 20), (2, 20), (3, 19)])
def test_a_late_sale_changes_stock_only_if_it_occurred_after_the_count(
    minute: int, on_hand: int
) -> None:
    ledger = Ledger()
    ledger.tell(count("c", 20, occurred_at=minutes(2)))
    ledger.tell(sale("u", occurred_at=minutes(minute)))
    assert ledger.level().on_hand == on_hand
    assert ledger.pools()["customer"] == 1
    absorbed = ledger.journal[-1]
    assert absorbed.effect == ("absorbed" if on_hand == 20 else "applied")
    assert absorbed.from_account == ("unknown" if on_hand == 20 else "LDN01:main")


def test_a_late_shipment_from_before_a_count_still_ends_its_reservation() -> None:
    ledger = Ledger()
    ledger.tell(reserve("u", 5), count("c", 20, occurred_at=minutes(2)))
    ledger.tell(ship("u", occurred_at=minutes(1)))
    level = ledger.level()
    assert (level.on_hand, level.reserved) == (20, 0)
    assert ledger.counts["absorbed"] == 1
    assert [e.entry_id for e in ledger.journal[-2:]] == ["ship:u:released", "ship:u"]


def test_an_older_count_leaves_a_trace_and_no_change() -> None:
    ledger = Ledger()
    ledger.tell(count("c", 20, occurred_at=minutes(2)))
    before = ledger.pools()
    ledger.tell(count("d", 3, occurred_at=minutes(1)))
    assert ledger.pools() == before
    assert ledger.journal[-1].effect == "superseded"
    assert (ledger.journal[-1].quantity, ledger.journal[-1].sequence) == (0, 2)


def test_each_pool_is_counted_by_itself() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 9), adjustment("a", Pool.MAIN, Pool.DAMAGED, 2))
    later = minutes(5)
    ledger.tell(count("c", 1, pool=Pool.DAMAGED, occurred_at=later))
    level = ledger.level()
    assert (level.on_hand, level.damaged) == (7, 1)
    ledger.tell(adjustment("b", Pool.MAIN, Pool.DAMAGED, 1, occurred_at=minutes(4)))
    level = ledger.level()
    assert (level.on_hand, level.damaged) == (6, 1)


def test_a_count_merges_a_rows_history_into_what_may_still_be_asked() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 9), sale("u"))
    ledger.tell(sale("v", occurred_at=minutes(9)))
    assert len(ledger.view.tables[HISTORY]) == 2
    ledger.tell(count("c", 20, occurred_at=minutes(5)))
    assert len(ledger.view.tables[HISTORY]) == 1
    ledger.tell(count("d", 30, occurred_at=minutes(6)))
    assert ledger.level().on_hand == 29
    ledger.tell(count("e", 30, occurred_at=minutes(9)))
    assert ledger.view.tables[HISTORY] == {}


def test_a_count_older_than_memory_is_parked_on_a_row_older_than_memory() -> None:
    ledger = Ledger(dedupe_days=8)
    ledger.tell(receipt("r", 9))
    ledger.now = LATER + timedelta(days=9)
    ledger.tell(count("c", 5, occurred_at=LATER + timedelta(hours=23)))
    assert ledger.counts["parked"] == 1
    assert ledger.results[-1].parked[0].reason == "count_too_old"
    ledger.tell(count("c", 5, occurred_at=LATER + timedelta(days=1)))
    assert ledger.level().on_hand == 5


def test_a_baseline_from_long_ago_is_taken_by_a_new_row() -> None:
    ledger = Ledger()
    ledger.tell(count("c", 5, occurred_at=NOON - timedelta(days=900)))
    assert ledger.level().on_hand == 5


@pytest.mark.parametrize("order", [(5, 7), (7, 5)])
def test_of_two_counts_at_one_instant_the_higher_holds_in_either_order(
    order: tuple[int, int],
) -> None:
    ledger = Ledger()
    for quantity in order:
        ledger.tell(count(f"c{quantity}", quantity))
    assert ledger.level().on_hand == 7


def test_a_count_of_one_pool_leaves_the_other_pools_history_to_be_asked_for() -> None:
    ledger = Ledger()
    ledger.tell(
        receipt("r", 9),
        adjustment("a", Pool.MAIN, Pool.DAMAGED, 2, occurred_at=minutes(4)),
    )
    ledger.tell(count("c", 9, occurred_at=minutes(5)))
    ledger.tell(count("d", 1, pool=Pool.DAMAGED, occurred_at=minutes(3)))
    assert ledger.level().damaged == 3
