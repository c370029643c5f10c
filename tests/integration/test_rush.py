"""Events of scarce stock overtake others, on a real broker, and all is counted once."""

import asyncio
import re

import pytest

from streams.engine.commit import AHEAD_KEY
from streams.engine.headers import URGENT, header
from streams.engine.reading import LogReader
from streams.mapping.stock import decode_level
from streams.topics import STOCK_LEVELS
from tests.integration.checks import assert_exact, open_shop
from tests.integration.harness import WEBHOOK_KEY, Shelf, WorkerProcess, tail
from tests.integration.trade import Trade

pytestmark = pytest.mark.kafka

BACKLOG = 8_000
KILLS = 4


async def knows_scarce(house: Shelf, worker: WorkerProcess, rows: int) -> None:
    """Wait until a worker knows of so many scarce rows."""
    headers = {"Authorization": f"Bearer {WEBHOOK_KEY}"}
    async with asyncio.timeout(60):
        while True:
            answer = await house.client.get(f"{worker.url}/metrics", headers=headers)
            told = re.search(r"^oneshelf_scarce_rows (\S+)$", answer.text, re.MULTILINE)
            if told and float(told[1]) == rows:
                return
            await asyncio.sleep(0.2)


async def levels(house: Shelf) -> list[tuple[str, bool]]:
    """Return the levels that were sent: which SKU's, and whether it went first."""
    async with LogReader(house.settings) as reader:
        return [
            (
                decode_level(record.value or b"").sku,
                header(record.headers, URGENT) is not None,
            )
            async for records in reader.read(STOCK_LEVELS)
            for record in records
        ]


async def overtakings(house: Shelf) -> int:
    """Count the commits of intake that went ahead of other events."""
    async with LogReader(house.settings) as reader:
        ahead = [
            record
            async for records in reader.read_changelog("intake")
            for record in records
            if record.value and (record.key or b"").startswith(AHEAD_KEY)
        ]
    return len(ahead)


async def test_what_comes_of_an_event_of_scarce_stock_is_marked_to_its_end(
    house: Shelf,
) -> None:
    trade = Trade(seed=11, sku_count=8, scarce_every=8)
    await open_shop(house, trade)
    (worker,) = await house.start("w0")
    await house.settled()
    scarce = trade.skus[0]
    await knows_scarce(house, worker, len(trade.locations))

    await house.send(trade.events(40, repeated=0))
    await assert_exact(house, trade)

    sent = await levels(house)
    marks = [is_urgent for sku, is_urgent in sent if sku == scarce]
    opened = len(trade.locations)
    assert marks[:opened] == [False] * opened, "nothing was scarce yet"
    assert marks[opened:]
    assert all(marks[opened:])
    assert not all(is_urgent for sku, is_urgent in sent if sku != scarce)


@pytest.mark.slow
async def test_workers_killed_in_a_rush_count_everything_once(
    broker_kind: str, house: Shelf
) -> None:
    trade = Trade(seed=12, scarce_every=10)
    await open_shop(house, trade)
    workers = await house.start("w0", "w1")
    await house.settled()
    for worker in workers:
        assert await worker.stop() == 0, tail(worker)
    await house.send(trade.events(BACKLOG))

    for worker in workers:
        worker.start()
    for number in range(KILLS if broker_kind != "embedded" else 1):
        await asyncio.sleep(3.0)
        victim = workers[number % 2]
        await victim.kill()
        victim.start()

    await assert_exact(house, trade, timeout_s=240.0)
    assert await overtakings(house) > 0
