"""The stock's path goes first: what is off it waits while records pile up there."""

import asyncio

import pytest

from streams.engine import pace
from streams.engine.pace import ORDERS, PRESSED_RECORDS, Pace, Precedence


def test_the_stock_path_is_behind_when_many_records_wait_on_it_together() -> None:
    precedence = Precedence()

    precedence.waits("intake-0", PRESSED_RECORDS - 1)
    assert not precedence.is_pressed()
    precedence.waits("ledger-3", 1)
    assert precedence.is_pressed()
    precedence.waits("intake-0", 0)
    assert not precedence.is_pressed()


async def test_a_patient_stage_goes_on_once_the_stock_path_has_caught_up() -> None:
    precedence = Precedence()
    precedence.waits("intake-0", PRESSED_RECORDS)

    giving = asyncio.create_task(precedence.give_way())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not giving.done()
    precedence.waits("intake-0", 0)
    async with asyncio.timeout(5):
        await giving


async def test_nothing_gives_way_for_ever() -> None:
    precedence = Precedence()
    precedence.waits("intake-0", PRESSED_RECORDS)

    async with asyncio.timeout(10 * pace.PATIENCE_S):
        await precedence.give_way()

    assert precedence.is_pressed()


@pytest.mark.parametrize(
    ("waiting", "size"), [(10, 1000), (2499, 1000), (2500, 2500), (5000, 5000)]
)
def test_far_behind_a_fold_takes_all_that_there_is(waiting: int, size: int) -> None:
    assert Pace(records_max=1000, far_behind=2500).fold_size(waiting) == size


def test_what_gives_way_never_takes_long_turns() -> None:
    assert ORDERS.fold_size(100_000) == 250
    assert Pace().fold_size(5000) == 5000
