"""Workers come, go and lose their disks under load; nothing is lost or doubled."""

import re

import pytest

from streams.wiring import STAGES
from tests.integration.checks import assert_exact, open_shop
from tests.integration.harness import Shelf
from tests.integration.test_kill import trading
from tests.integration.trade import Trade

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_workers_added_and_removed_under_load_share_the_work_exactly(
    broker_kind: str, zombies: Shelf
) -> None:
    trade = Trade(seed=6)
    await open_shop(zombies, trade)
    (first,) = await zombies.start("w0")

    async with trading(zombies, trade):
        (second,) = await zombies.start("w1")
        (third,) = await zombies.start("w2")
        assert await second.stop() == 0
        if broker_kind == "embedded":
            # It never evicts a static member that is gone: the same one must come back.
            second.start()
        await zombies.all_ready()
        await third.kill()
        if broker_kind == "embedded":
            third.start()
        await zombies.all_ready()

    await assert_exact(zombies, trade)
    assert first.exit_code is None


async def test_a_worker_that_lost_its_disk_restores_it_from_the_log(
    house: Shelf,
) -> None:
    trade = Trade(seed=7)
    await open_shop(house, trade)
    first, second = await house.start("w0", "w1")

    for worker in (first, second, first):
        async with trading(house, trade):
            await worker.kill()
        house.wipe(worker.name)
        async with trading(house, trade):
            worker.start()
            await house.all_ready()

    await assert_exact(house, trade)


async def test_a_worker_restarted_with_its_disk_goes_on_where_it_was(
    house: Shelf,
) -> None:
    trade = Trade(seed=8)
    await open_shop(house, trade)
    (worker,) = await house.start("w0")
    await house.send(trade.events(200))
    await house.settled()
    assert await worker.stop() == 0

    await house.send(trade.events(200))
    worker.start()

    await assert_exact(house, trade)
    # A transaction's end marker per partition is all that a clean restart reads.
    restored = [int(of) for of in re.findall(r"'restoring'.* of=(\d+)", worker.log())]
    assert max(restored, default=0) <= house.settings.partitions * len(STAGES)
