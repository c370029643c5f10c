"""The stock's path goes first: what is off it waits while records pile up there."""

import asyncio

import pytest

from streams.engine import pace
from streams.engine.pace import (
    INTAKE,
    ORDERS,
    PRESSED_RECORDS,
    STOCK,
    Pace,
    Precedence,
)


def never() -> bool:
    return False


def test_the_stock_path_is_behind_when_many_records_wait_on_it_together() -> None:
    precedence = Precedence()

    precedence.waits("intake-0", PRESSED_RECORDS - 1, INTAKE.rank)
    assert not precedence.is_pressed(ORDERS)
    precedence.waits("ledger-3", 1)
    assert precedence.is_pressed(ORDERS)
    precedence.waits("intake-0", 0, INTAKE.rank)
    assert not precedence.is_pressed(ORDERS)


def test_nobody_gives_way_to_those_of_its_own_rank_or_behind_it() -> None:
    precedence = Precedence()
    precedence.waits("orders-0", 10 * PRESSED_RECORDS, ORDERS.rank)

    assert not precedence.is_pressed(ORDERS)
    assert not precedence.is_pressed(STOCK)


def test_in_a_rush_intake_gives_way_earlier() -> None:
    now = 0.0
    precedence = Precedence(lambda: now)
    most = INTAKE.gives_way_at or 0
    precedence.waits("ledger-0", most // 2, STOCK.rank)
    precedence.waits("intake-0", pace.RUSH_FROM, INTAKE.rank)
    assert not precedence.is_pressed(INTAKE)

    precedence.urgent()
    assert precedence.is_pressed(INTAKE)
    now = pace.ALERT_S
    assert not precedence.is_pressed(INTAKE), "the rush is over"
    precedence.waits("ledger-0", most, STOCK.rank)
    assert precedence.is_pressed(INTAKE)


async def test_a_patient_stage_goes_on_once_the_stock_path_has_caught_up() -> None:
    precedence = Precedence()
    precedence.waits("intake-0", PRESSED_RECORDS)

    giving = asyncio.create_task(precedence.give_way(ORDERS, never))
    await asyncio.sleep(0)
    precedence.waits("intake-0", PRESSED_RECORDS + 1)
    await asyncio.sleep(0)
    assert not giving.done()
    precedence.waits("intake-0", 0)
    async with asyncio.timeout(5):
        await giving


async def test_whoever_has_something_urgent_goes_on_at_once() -> None:
    precedence, urgent = Precedence(), False
    precedence.urgent()
    precedence.waits("ledger-0", PRESSED_RECORDS)

    giving = asyncio.create_task(precedence.give_way(INTAKE, lambda: urgent))
    await asyncio.sleep(0)
    assert not giving.done()
    urgent = True
    precedence.urgent()
    async with asyncio.timeout(5):
        await giving

    assert precedence.is_pressed(INTAKE)


def test_urgent_records_alone_make_no_rush() -> None:
    precedence = Precedence()
    precedence.urgent()
    precedence.waits("ledger-0", pace.RUSH_FROM - 1, STOCK.rank)
    precedence.waits("orders-0", pace.RUSH_FROM, ORDERS.rank)
    assert not precedence.is_rush()
    assert precedence.is_alert()

    precedence.waits("intake-0", 1, INTAKE.rank)
    assert precedence.is_rush()


async def test_in_a_rush_few_parts_go_at_a_time_and_urgent_ones_at_once() -> None:
    precedence = Precedence()
    precedence.waits("ledger-0", pace.RUSH_FROM)
    for _ in range(pace.RUSH_PARTS):
        await precedence.take_part(never)
    await precedence.take_part(never)
    precedence.end_part()

    precedence.urgent()
    third = asyncio.create_task(precedence.take_part(never))
    await asyncio.sleep(0)
    assert not third.done()
    async with asyncio.timeout(5):
        await precedence.take_part(lambda: True)
    precedence.end_part()
    await asyncio.sleep(0)
    assert not third.done()
    precedence.end_part()
    async with asyncio.timeout(5):
        await third


async def test_nothing_gives_way_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PATIENCE_S", 0.01)
    precedence = Precedence()
    precedence.waits("intake-0", PRESSED_RECORDS)

    async with asyncio.timeout(60):
        await precedence.give_way(ORDERS, never)

    assert precedence.is_pressed(ORDERS)


@pytest.mark.parametrize(
    ("waiting", "size"), [(10, 1000), (2499, 1000), (2500, 2500), (5000, 5000)]
)
def test_far_behind_a_fold_takes_all_that_there_is(waiting: int, size: int) -> None:
    assert Pace(records_max=1000, far_behind=2500).fold_size(waiting) == size


def test_in_parts_folds_are_small_however_far_behind() -> None:
    assert STOCK.fold_size(100_000) == 100_000
    assert STOCK.fold_size(100_000, in_parts=True) == pace.PART_RECORDS
    assert INTAKE.fold_size(100_000, in_parts=True) == pace.PART_RECORDS
    assert ORDERS.fold_size(100_000, in_parts=True) == pace.PART_RECORDS
    assert Pace(records_max=7).fold_size(100_000, in_parts=True) == 7


def test_what_gives_way_never_takes_long_turns() -> None:
    assert ORDERS.fold_size(100_000) == 250
    assert Pace().fold_size(5000) == 5000
