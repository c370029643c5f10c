"""The spine on a real broker: webhook in, commercetools out, parked events go on."""

import asyncio
import json

import httpx
import pytest

from streams.engine.headers import REASON, header
from streams.engine.reading import LogReader
from streams.stock_file import count_events, parse_stock_file
from streams.topics import EXCEPTIONS
from tests.integration.checks import assert_exact, on_hand, open_shop
from tests.integration.harness import WEBHOOK_KEY, Shelf
from tests.integration.trade import Trade

pytestmark = pytest.mark.kafka

AUTHORISED = {"Authorization": f"Bearer {WEBHOOK_KEY}"}


async def post(house: Shelf, url: str, event: bytes) -> None:
    answer = await house.client.post(
        f"{url}/v1/events/newstore", content=event, headers=AUTHORISED, timeout=20.0
    )
    assert answer.status_code == httpx.codes.OK, answer.text


async def test_a_store_sale_becomes_the_web_shops_stock(house: Shelf) -> None:
    trade = Trade(seed=1, sku_count=5)
    await open_shop(house, trade)
    first, second = await house.start("w0", "w1")

    for number, event in enumerate(trade.events(60)):
        await post(house, (first, second)[number % 2].url, event)

    await assert_exact(house, trade)
    for worker in (first, second):
        sku = trade.skus[0]
        answer = await house.client.get(f"{worker.url}/v1/availability/{sku}")
        assert answer.json()["available"] == sum(
            units for (each, _), units in trade.on_hand.items() if each == sku
        )
    assert [await worker.stop() for worker in (first, second)] == [0, 0]


async def test_events_parked_for_an_unknown_sku_are_redriven_once_it_is_known(
    house: Shelf,
) -> None:
    trade = Trade(seed=2, sku_count=4)
    known = trade.skus[:-1]
    await house.load_reference(trade.locations, known)
    await house.start("w0")
    opening = list(count_events(parse_stock_file(trade.opening_stock())))
    await house.send([*opening, *trade.events(40, repeated=0)])
    found = await house.settled()
    late = trade.skus[-1]
    assert found.parked > 0
    assert set(await reasons(house)) == {b"unknown_sku"}
    assert all(sku != late for sku, _ in await on_hand(house.settings))

    await house.load_reference(trade.locations, trade.skus)
    await until_on_hand(house, trade)
    found = await house.settled()

    assert found.is_clean, json.dumps(found.as_json())
    assert await on_hand(house.settings) == dict(trade.on_hand)


async def until_on_hand(house: Shelf, trade: Trade) -> None:
    """Wait for the re-drive, which a tick begins: quiet before it means nothing."""
    async with asyncio.timeout(60):
        while await on_hand(house.settings) != dict(trade.on_hand):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.5)


async def reasons(house: Shelf) -> list[bytes | None]:
    async with LogReader(house.settings) as reader:
        return [
            header(record.headers, REASON)
            async for records in reader.read(EXCEPTIONS)
            for record in records
        ]
