"""The stock's path goes first: what is off it waits while records pile up there."""

import asyncio

from streams.engine import pace
from streams.engine.pace import PRESSED_RECORDS, Precedence


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
