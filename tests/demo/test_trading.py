"""A day that cannot go on says so; it is not taken for a difference in the stock."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from streams.demo import players
from streams.demo.catalogue import catalogue, opening_stock
from streams.demo.day import plan_day
from streams.demo.oracle import Book
from streams.demo.players import NewStore, Till, WebShop
from streams.demo.story import Story
from streams.demo.trading import Trading, TradingStopped


def nobody(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens")


def everybody_busy(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503)


@pytest.mark.parametrize("answer", [nobody, everybody_busy])
async def test_a_day_that_nobody_listens_to_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setattr(players, "GIVE_UP_S", 0.1)
    goods, story = catalogue(), Story(1)
    stock = opening_stock(goods, 1)
    day = plan_day(
        stock, seed=1, seconds=5.0, opens_at=datetime(2026, 3, 2, 9, tzinfo=UTC)
    )

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:  # type: ignore[arg-type] # one of the two above
        url = "http://worker"
        trading = Trading(
            day,
            goods,
            Book(),
            story,
            newstore=NewStore([url], "key", client, story),
            till=Till([url], client),
            web_shop=WebShop("http://shop", client),
            acts={},
        )
        async with asyncio.timeout(30):
            with pytest.raises(TradingStopped, match="did not answer for too long"):
                await trading.play()
