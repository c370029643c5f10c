"""Runs the demo: a house of its own, one trading day, and the proof at its end."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random

import httpx

from streams.demo.catalogue import (
    NEWCOMER,
    Catalogue,
    catalogue,
    opening_stock,
    write_reference,
)
from streams.demo.closing import Closing, calls_of
from streams.demo.day import Day, Kind, plan_day
from streams.demo.ground import own_settings
from streams.demo.oracle import Book
from streams.demo.outcome import Outcome
from streams.demo.players import NewStore, Till, WebShop
from streams.demo.run_evening import run_evening
from streams.demo.run_evening import settings_of as evening_settings
from streams.demo.story import Story
from streams.demo.trading import Trading
from streams.demo.watching import Watcher
from streams.engine.admin import delete_topics
from streams.engine.errors import BrokerUnavailable
from streams.reference import load_reference
from streams.replay import send
from streams.settings import Settings
from streams.stand_ins import Weather
from streams.stock_file import count_events, parse_stock_file
from streams.up import House, house
from streams.wiring import STAGES

ORDER_LAG_S = 3.0
HTTP_TIMEOUT_S = 20.0
# While a worker is down, deliveries to it must not keep the web shop from its own.
UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=20)
# The least that Apache Kafka allows, so that a killed worker is missed soon.
SESSION_TIMEOUT_S = 6.0
LOAD_ATTEMPTS = 5


async def run_demo(
    settings: Settings,
    story: Story,
    *,
    folder: Path,
    workers: int,
    seconds: float,
    orders: int = 0,
) -> Outcome:
    """Live through a trading day and compare its end with the oracle.

    Args:
        orders: Web orders of the evening that follows it; 0 leaves the evening out.

    Raises:
        EngineError: The broker, a topic or a setting is not as it must be.
        WorkersNotReady: A worker did not get ready in time.
        NotSettled: Something was still under way long after the end.
    """
    outcome = Outcome(story.seed, workers, seconds, folder=str(folder))
    await _run_day(settings, story, outcome, folder)
    if orders:
        late = evening_settings(settings, folder)
        async with _left_clean(settings, late):
            await run_evening(late, story, outcome, workers=workers, orders=orders)
    outcome.took_s = story.elapsed_s
    return outcome


async def _run_day(
    settings: Settings, story: Story, outcome: Outcome, folder: Path
) -> None:
    goods = catalogue()
    write_reference(goods, folder / "reference", newcomer=False)
    write_reference(goods, folder / "reference-later", newcomer=True)
    own = settings_of(settings, folder)
    async with (
        _left_clean(settings, own),
        house(
            own,
            workers=outcome.workers,
            sandbox=True,
            say=story.say,
            weather=Weather(order_lag_s=ORDER_LAG_S),
        ) as running,
        httpx.AsyncClient(timeout=HTTP_TIMEOUT_S, limits=UNLIMITED) as client,
    ):
        demo = _Demo(running, goods, story, client, folder, outcome.seconds)
        async with _watched(demo.watcher):
            await demo.run(outcome)


def settings_of(settings: Settings, folder: Path) -> Settings:
    """Return the settings of the day's house."""
    return own_settings(
        settings,
        "demo",
        data=folder / "data",
        reference=folder / "reference",
        session_timeout_s=SESSION_TIMEOUT_S,
    )


@asynccontextmanager
async def _left_clean(settings: Settings, own: Settings) -> AsyncIterator[None]:
    """Take the demo's topics off a broker that was there before."""
    try:
        yield
    finally:
        if settings.broker:
            await delete_topics(own, STAGES)


@asynccontextmanager
async def _watched(watcher: Watcher) -> AsyncIterator[None]:
    watching = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


class _Demo:
    """A house, and a day in it."""

    def __init__(
        self,
        running: House,
        goods: Catalogue,
        story: Story,
        client: httpx.AsyncClient,
        folder: Path,
        seconds: float,
    ) -> None:
        self._running = running
        self._goods = goods
        self._story = story
        self._client = client
        self._folder = folder
        self._seconds = seconds
        self._book = Book()
        self._killed = ""
        if running.sandbox_url is None:
            raise RuntimeError("the demo always has a sandbox")
        self._sandbox_url = running.sandbox_url
        self._closing = Closing(
            running.settings,
            goods=goods,
            workers=running.workers,
            sandbox=self._sandbox_url,
            client=client,
            story=story,
        )
        self.watcher = Watcher(running.workers, running.supervisor, client, story)

    async def run(self, outcome: Outcome) -> None:
        """Fill the shelves, play the day, wait for quiet, compare."""
        stock = opening_stock(self._goods, self._story.seed)
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        opens_at = datetime.combine(yesterday, time(9), UTC)
        await self._fill_shelves(stock, opens_at - timedelta(hours=3))
        calls = calls_of(await self._closing.commerce_state())
        day = plan_day(
            stock, seed=self._story.seed, seconds=self._seconds, opens_at=opens_at
        )
        self._story.enter("The doors open")
        newstore = await self._play(day)
        self._story.enter("The doors are closed; waiting for quiet")
        await self._closing.settle(self._newcomer_on_hand())
        calls = calls_of(await self._closing.commerce_state()) - calls
        self._story.enter("Comparing every unit")
        self._note_trade(outcome)
        await self._closing.compare(self._book, outcome)
        await self._closing.measure(newstore.accepted_at, calls, outcome)
        outcome.note({"workers came back": self._came_back()})

    async def _fill_shelves(
        self, stock: dict[tuple[str, str], int], counted_at: datetime
    ) -> None:
        self._story.enter(f"Counting {sum(stock.values()):,} units before opening")
        lines = ["sku,location_id,on_hand,as_of"]
        for place, units in stock.items():
            self._book.count(place, units, counted_at)
            lines.append(f"{place[0]},{place[1]},{units},{counted_at.isoformat()}")
        body = "\n".join(lines).encode()
        await asyncio.to_thread((self._folder / "opening-stock.csv").write_bytes, body)
        events = count_events(parse_stock_file(body))
        await send(self._running.settings, events)
        await self._closing.settle()

    async def _play(self, day: Day) -> NewStore:
        urls = list(self._running.workers.values())
        key = self._running.settings.newstore.webhook_key.get_secret_value()
        newstore = NewStore(urls, key, self._client, self._story)
        await Trading(
            day,
            self._goods,
            self._book,
            self._story,
            newstore=newstore,
            till=Till(urls, self._client),
            web_shop=WebShop(self._sandbox_url, self._client),
            acts={Kind.KILL: self._kill, Kind.PRODUCTS: self._load_products},
        ).play()
        return newstore

    async def _kill(self) -> None:
        """Kill one worker as a power cut would; the supervisor brings it back."""
        name = Random(self._story.seed).choice(sorted(self._running.workers))
        pid = self._running.supervisor.children[name].pid
        if pid is None:
            return
        self._killed = name
        self._story.say(f"{name} is killed with -9; nobody told it")
        os.kill(pid, signal.SIGKILL)

    async def _load_products(self) -> None:
        self._story.say(
            f"Somebody adds {NEWCOMER} to the products; what waited goes on"
        )
        for attempt in range(1, LOAD_ATTEMPTS + 1):
            try:
                await load_reference(
                    self._running.settings, self._folder / "reference-later"
                )
            except BrokerUnavailable:
                if attempt == LOAD_ATTEMPTS:
                    raise
            else:
                return

    def _newcomer_on_hand(self) -> int:
        places = {moved.place for moved in self._book.moves}
        return sum(self._book.on_shelf(p) for p in places if p[0] == NEWCOMER)

    def _came_back(self) -> list[str]:
        child = self._running.supervisor.children.get(self._killed)
        if child is not None and child.restarts and child.pid is not None:
            return []
        return [f"{self._killed or 'no worker'} was killed and did not come back"]

    def _note_trade(self, outcome: Outcome) -> None:
        numbers = self._story.numbers
        names = (
            "store sales",
            "web orders won",
            "web orders lost",
            "web orders cancelled",
            "returns",
            "receipts",
            "transfers",
            "adjustments",
            "races",
            "won by the till",
            "won by the web shop",
            "won by nobody",
            "oversold",
        )
        outcome.numbers |= {name: numbers[name] for name in names}
        children = self._running.supervisor.children
        outcome.numbers["worker restarts"] = sum(
            children[name].restarts for name in self._running.workers
        )
