"""Web orders on a real broker, through both stand-ins, while workers are killed.

Nothing is doubled at either vendor and nothing is lost, whatever a power cut leaves
half done; the stand-ins' own books say what is right.
"""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from streams.demo.evening import Evening
from streams.demo.outcome import Outcome
from streams.demo.run_evening import compare, house_of, settings_of, stock_up
from streams.demo.story import Story
from streams.domain.order_names import order_number_of
from streams.engine.admin import delete_topics
from streams.settings import Settings
from streams.settle import wait_until_settled
from streams.up import House
from streams.wiring import STAGES

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SETTLE_S = 150.0
KILL_EVERY_S = 7.0


@pytest.fixture
async def running(broker: str, tmp_path: Path) -> AsyncIterator[House]:
    own = settings_of(Settings(_env_file=None, broker=broker), tmp_path)
    try:
        async with house_of(own, workers=2, say=lambda _line: None) as house:
            yield house
    finally:
        await delete_topics(own, STAGES)


async def _power_cuts(house: House, seed: int, every_s: float) -> int:
    """Kill one worker after the other, at random moments, until cancelled."""
    random = Random(seed)
    cuts = 0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * every_s)
            child = house.supervisor.children[random.choice(sorted(house.workers))]
            if child.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                cuts += 1
    return cuts


async def _everything(url: str, kind: str) -> list[dict[str, Any]]:
    """Read one of NewStore's journals whole."""
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient() as client:
        while True:
            answer = await client.get(
                f"{url}/_sandbox/journal/{kind}", params={"after": len(found)}
            )
            records = answer.raise_for_status().json()["records"]
            if not records:
                return found
            found += records


async def _times_shipped(url: str, evening: Evening) -> set[int]:
    """Say how often our units left a store, over all orders that carried them."""
    sent: Counter[tuple[str, str]] = Counter()
    async with httpx.AsyncClient() as client:
        for fact in await _everything(url, "facts"):
            if fact["kind"] != "order_injected":
                continue
            answer = await client.get(f"{url}/_sandbox/orders/{fact['order_id']}")
            order = answer.raise_for_status().json()
            number = order_number_of(order["external_id"])
            if number not in evening.baskets:
                continue
            for unit in order["units"]:
                gone = unit["state"] in ("completed", "returned")
                sent[number, unit["external_item_id"]] += gone
    return set(sent.values())


async def test_orders_end_exact_and_nothing_is_doubled(running: House) -> None:
    assert running.sandbox_url is not None
    assert running.newstore_url is not None
    story, outcome = Story(11), Outcome(11, 2, 0.0)
    async with httpx.AsyncClient(timeout=30.0) as client:
        evening = Evening(
            client,
            story,
            commercetools=running.sandbox_url,
            newstore=running.newstore_url,
            orders=14,
            pace_s=0.4,
        )
        await stock_up(running, evening)
        cuts = asyncio.create_task(_power_cuts(running, 11, KILL_EVERY_S))
        await evening.play()
        cuts.cancel()
        killed = await cuts
        await wait_until_settled(running.settings, timeout_s=SETTLE_S)
        await compare(running, evening, client, outcome)

    assert {name: faults for name, faults in outcome.checks.items() if faults} == {}
    assert evening.numbers["units shipped"] == evening.numbers["units ordered"] > 0
    assert evening.numbers["rejected by a store"] > 0
    assert killed > 0
    assert await _times_shipped(running.newstore_url, evening) == {1}
