"""The exceptions list on a real broker: parked, mended, sent again, resolved."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from streams.engine.reading import LogReader
from streams.stock_file import count_events, parse_stock_file
from streams.topics import EXCEPTIONS, NEWSTORE_EVENTS
from tests.integration.checks import on_hand, open_shop
from tests.integration.harness import Shelf, WorkerProcess
from tests.integration.test_skeleton import post
from tests.integration.trade import Trade

pytestmark = pytest.mark.kafka

PATIENCE_S = 60


async def ask(
    house: Shelf, worker: WorkerProcess, method: str, path: str, **more: Any
) -> Any:
    answer = await house.client.request(
        method, f"{worker.url}/v1/exceptions{path}", timeout=20.0, **more
    )
    assert answer.is_success, answer.text
    return answer.json()


async def until_listed(
    house: Shelf, worker: WorkerProcess, wanted: dict[str, int]
) -> list[Any]:
    """Wait until the list has so many cases in each state; return them."""
    states = ["open", "assigned", "fixed", "resubmitted", "resolved", "dismissed"]
    items: list[Any] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await house.client.get(
                    f"{worker.url}/v1/exceptions", params={"state": states}
                )
                if answer.status_code == httpx.codes.OK:
                    items = answer.json()["items"]
                    found = [one["state"] for one in items]
                    if {each: found.count(each) for each in set(found)} == wanted:
                        return items
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"wanted {wanted}, listed {items}") from None


async def records_on(house: Shelf, topic: Any) -> int:
    async with LogReader(house.settings) as reader:
        return sum([len(records) async for records in reader.read(topic)])


async def test_a_broken_sale_is_mended_sent_again_and_counted_once(
    house: Shelf,
) -> None:
    trade = Trade(seed=3, sku_count=3)
    await open_shop(house, trade)
    first, second = await house.start("w0", "w1")
    *events, last = trade.events(20, repeated=0)
    for event in events:
        await post(house, first.url, event)
    broken = json.loads(last)
    broken["payload"]["items"] = "none"
    await post(house, second.url, json.dumps(broken).encode())

    (case,) = await until_listed(house, first, {"open": 1})
    assert case["kind"] == "malformed"
    path = f"/{case['id']}"
    would = await ask(house, second, "POST", f"{path}/retry?dry_run=true")
    assert (would["records"], len(would["parked"])) == (1, 1)
    await ask(house, second, "POST", f"{path}/edit", json={"body": last.decode()})
    would = await ask(house, first, "POST", f"{path}/retry?dry_run=true")
    assert sum(would["outcomes"].values()) == len(would["entries"]) > 0
    before = await records_on(house, NEWSTORE_EVENTS)
    await ask(house, first, "POST", f"{path}/retry", json={"by": "ann"})

    await until_listed(house, second, {"resolved": 1})
    shown = await ask(house, first, "GET", path)
    assert [note["what"] for note in shown["history"]] == [
        "parked",
        "edit",
        "retry",
        "resolved",
    ]
    assert await records_on(house, NEWSTORE_EVENTS) == before + 1
    found = await house.settled()
    assert found.is_clean, json.dumps(found.as_json())
    assert await on_hand(house.settings) == dict(trade.on_hand)
    assert (found.parked, found.cases) == (1, {"resolved": 1})
    for level in would["levels"]:
        place = (level["sku"], level["location_id"])
        assert trade.on_hand[place] == level["after"]["on_hand"]


async def test_cases_of_an_unknown_sku_resolve_when_it_becomes_known_over_a_crash(
    house: Shelf,
) -> None:
    trade = Trade(seed=4, sku_count=3)
    await house.load_reference(trade.locations, trade.skus[:-1])
    first, second = await house.start("w0", "w1")
    opening = list(count_events(parse_stock_file(trade.opening_stock())))
    await house.send([*opening, *trade.events(30, repeated=0)])
    found = await house.settled()
    cases = found.cases["open"]
    assert found.parked >= cases > 0
    answer = await ask(house, second, "GET", "/groups")
    assert sum(group["unfinished"] for group in answer["items"]) == cases

    await first.kill()
    await house.load_reference(trade.locations, trade.skus)
    first.start()
    await house.all_ready()

    await until_listed(house, second, {"resolved": cases})
    found = await house.settled()
    assert found.is_clean, json.dumps(found.as_json())
    assert await on_hand(house.settings) == dict(trade.on_hand)
    assert await records_on(house, EXCEPTIONS) == found.parked
    metrics = (await house.client.get(f"{second.url}/metrics")).text
    assert 'state="resolved"' in metrics
    assert "oneshelf_exceptions_oldest_seconds 0.0" in metrics
