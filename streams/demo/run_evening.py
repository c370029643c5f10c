"""Runs the demo's evening: a house with both stand-ins, orders, and the proof."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import stamina

from streams.demo.evening import SHOPS, SKUS, Evening
from streams.demo.ground import own_settings
from streams.demo.outcome import Outcome
from streams.demo.story import Story
from streams.replay import send
from streams.settings import OrdersSettings, Settings
from streams.settle import wait_until_settled
from streams.stand_ins import Weather
from streams.stock_file import count_events, parse_stock_file
from streams.up import House, Say, house
from streams.verify import verify

SETTLE_TIMEOUT_S = 90.0
HTTP_TIMEOUT_S = 20.0
READY_TIMEOUT_S = 60.0
WINDOW_QUIET_S = 1.0
WINDOW_LONGEST_S = 5.0
PACE_S = 0.25
WEATHER = Weather(order_lag_s=1.0, event_delay_s=0.5, duplicates=0.1)


def settings_of(settings: Settings, folder: Path) -> Settings:
    """Return the settings of the evening's house."""
    return own_settings(
        settings,
        "evening",
        data=folder / "evening",
        reference=folder / "evening-reference",
        orders=OrdersSettings(
            window_quiet_s=WINDOW_QUIET_S, window_longest_s=WINDOW_LONGEST_S
        ),
    )


@asynccontextmanager
async def house_of(own: Settings, *, workers: int, say: Say) -> AsyncIterator[House]:
    """Start a house with both stand-ins, in the evening's weather.

    Raises:
        EngineError: The broker, a topic or a setting is not as it must be.
        WorkersNotReady: A process did not get ready in time.
    """
    _write_reference(own)
    async with house(
        own, workers=workers, sandbox=True, newstore=True, say=say, weather=WEATHER
    ) as running:
        yield running


async def run_evening(
    own: Settings,
    story: Story,
    outcome: Outcome,
    *,
    workers: int,
    orders: int,
) -> None:
    """Live through the evening and note what differs in the end.

    Raises:
        EngineError: The broker, a topic or a setting is not as it must be.
        WorkersNotReady: A process did not get ready in time.
        NotSettled: Something was still under way long after the end.
    """
    story.enter("The shop closes; the web shop does not")
    async with (
        house_of(own, workers=workers, say=story.say) as running,
        httpx.AsyncClient(timeout=HTTP_TIMEOUT_S) as client,
    ):
        if running.sandbox_url is None or running.newstore_url is None:
            raise RuntimeError("the evening always has both stand-ins")
        evening = Evening(
            client,
            story,
            commercetools=running.sandbox_url,
            newstore=running.newstore_url,
            orders=orders,
            pace_s=PACE_S,
        )
        await stock_up(running, evening)
        story.enter(f"{orders} web orders come in; the stores pick and ship")
        await evening.play()
        story.enter("Waiting for quiet")
        await wait_until_settled(
            running.settings, timeout_s=SETTLE_TIMEOUT_S, progress=_show(story)
        )
        await compare(running, evening, client, outcome)


def _show(story: Story) -> Callable[[object], None]:
    def show(pending: object) -> None:
        story.phase = f"Waiting: {pending}"

    return show


async def stock_up(running: House, evening: Evening) -> None:
    """Fill the shelves, in NewStore's books and in ours."""
    stock = await evening.stock_up()
    counted_at = datetime.now(UTC) - timedelta(hours=1)
    lines = ["sku,location_id,on_hand,as_of"]
    for (sku, shop), units in stock.items():
        lines.append(f"{sku},{shop},{units},{counted_at.isoformat()}")
    body = "\n".join(lines).encode()
    await send(running.settings, count_events(parse_stock_file(body)))
    await wait_until_settled(running.settings, timeout_s=SETTLE_TIMEOUT_S)


async def compare(
    running: House, evening: Evening, client: httpx.AsyncClient, outcome: Outcome
) -> None:
    """Compare all with all, and our stock with NewStore's books."""
    found = await verify(running.settings)
    outcome.note({f"evening: {name}": faults for name, faults in found.faults.items()})
    shelves = await evening.shelves()
    worker = next(iter(running.workers.values()))
    faults = []
    for sku in SKUS:
        known = await _on_hand(client, worker, sku)
        for shop in SHOPS:
            book, ours = shelves.get((sku, shop), 0), known.get(shop, 0)
            if book != ours:
                faults.append(f"{sku} at {shop}: NewStore has {book}, we say {ours}")
    outcome.note({"evening: on hand = NewStore's books": faults})
    outcome.numbers |= {f"evening {name}": n for name, n in evening.numbers.items()}
    outcome.numbers["evening cases"] = sum(found.cases.values())


async def _on_hand(client: httpx.AsyncClient, worker: str, sku: str) -> dict[str, int]:
    """Ask a worker, also one that is just coming back."""
    url = f"{worker}/v1/availability/{sku}"
    async for attempt in stamina.retry_context(
        on=httpx.HTTPError, attempts=None, timeout=READY_TIMEOUT_S
    ):
        with attempt:
            answer = await client.get(url)
            rows = answer.raise_for_status().json()["locations"]
            return {row["location_id"]: row["on_hand"] for row in rows}
    raise AssertionError("stamina raises when its time is used up")


def _write_reference(own: Settings) -> None:
    folder = own.reference_dir
    if folder is None:
        raise RuntimeError("the evening has reference files of its own")
    folder.mkdir(parents=True, exist_ok=True)
    header = (
        "location_id,label,type,newstore_node_id,newstore_store_id,"
        "commercetools_channel_key,country,fallback_location_id"
    )
    nexts = dict(zip(SHOPS, (*SHOPS[1:], ""), strict=True))
    rows = [
        f"{shop},{shop},store,{shop},{shop},channel-{shop.lower()},GB,{nexts[shop]}"
        for shop in SHOPS
    ]
    (folder / "locations.csv").write_text("\n".join([header, *rows]) + "\n")
    products = "\n".join(["sku,name", *(f"{sku},{sku}" for sku in SKUS)])
    (folder / "products.csv").write_text(products + "\n")
