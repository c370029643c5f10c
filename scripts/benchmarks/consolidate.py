"""How few order updates commercetools gets for a day of fulfilment events.

Orders of very different sizes are placed in the stand-in; NewStore's events about each
of their units (assigned, ready, completed: one event a unit) come in any order while
stores work. For every order: how many events, how many update calls. One more order of
40 units gets its 40 completions at once: one call. More orders, with units still open,
show how exactly windows close: some fall silent, to some news never cease to come. In
the end commercetools must say all that is wanted.
Example: scripts/bench consolidate --orders 60 --quiet 2 --json
"""

# needs: kafka

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from _closing import Timed, closings_of, lateness, tell_lateness
from _house import House, house, load_average, met

from streams.connectors.bootstrap_orders import bootstrap_orders
from streams.connectors.commerce_orders import OrderClient
from streams.domain.order_notes import OrderPlaced, PlacedLine
from streams.engine.produce import LogWriter
from streams.mapping.order_aliases import commerce_alias
from streams.mapping.order_messages import NOTES
from streams.settle import wait_until_settled
from streams.topics import NEWSTORE_EVENTS, ORDER_NEWS
from streams.verify import verify

SKUS = tuple(f"SKU-{number:02}" for number in range(20))
SHOP = "LDN01"
SAVED_TARGET = 10.0
RESTLESS = 0.6
"""The pause between the news that never cease, of the quiet time."""

SETTLE_S = 180.0


@dataclass(slots=True)
class Basket:
    """One order: its units by our name, and when its news were stored."""

    number: str
    lines: list[tuple[str, int]]
    commerce_id: str = ""
    units: list[tuple[str, str]] = field(default_factory=list)
    events: int = 0
    first_news_at: float = 0.0
    last_news_at: float = 0.0

    @property
    def newstore_id(self) -> str:
        return f"ns-{self.number}"


def baskets(count: int, seed: int) -> list[Basket]:
    """Draw a day's orders: most small, some large, and one of 40 units."""
    drawn = random.Random(seed)
    made = []
    for number in range(count):
        lines = [
            (sku, drawn.choice((1, 1, 2, 3, 6)))
            for sku in drawn.sample(SKUS, drawn.choice((1, 2, 3, 4, 6)))
        ]
        made.append(Basket(f"DAY-{number:04}", lines))
    made.append(Basket("DAY-FORTY", [(SKUS[0], 40)]))
    return made


def event(name: str, payload: dict[str, Any]) -> bytes:
    """Write one of NewStore's envelopes."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    envelope = {"tenant": "bench", "name": name, "published_at": at, "payload": payload}
    return json.dumps(envelope).encode()


def opened(basket: Basket) -> bytes:
    """Write the event by which NewStore names the order's units."""
    items = [
        {
            "id": item_id,
            "item_type": "product",
            "product_id": sku,
            "quantity": 1,
            "external_identifiers": {"sku": sku},
            "shipping_service_level": "STANDARD",
            "extended_attributes": [{"name": "external_item_id", "value": item_id[3:]}],
        }
        for item_id, sku in basket.units
    ]
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    payload = {
        "id": basket.newstore_id,
        "external_id": basket.number,
        "placed_at": at,
        "channel_type": "web",
        "channel": "web",
        "currency": "GBP",
        "items": items,
    }
    return event("order.opened", payload)


def fulfilment(basket: Basket, step: str, item_id: str, sku: str, rank: int) -> bytes:
    """Write one unit's fulfilment event."""
    item: dict[str, Any] = {"id": item_id, "product_id": sku}
    if step == "items_completed":
        item |= {"carrier": "DHL", "tracking_code": f"T-{basket.number}"}
    payload = {
        "id": f"fr-{basket.number}",
        "order_id": basket.newstore_id,
        "logical_timestamp": rank,
        "fulfillment_location_id": SHOP,
        "service_level": "STANDARD",
        "items": [item],
    }
    return event(f"fulfillment_request.{step}", payload)


class Day:
    """Places the orders and lets the stores work."""

    def __init__(self, made: House, client: httpx.AsyncClient, seed: int) -> None:
        self._made = made
        self._client = client
        self._writer = LogWriter(made.settings)
        self._drawn = random.Random(f"{seed}/day")
        self._rank = 0

    async def place(self, basket: Basket) -> None:
        """Place the order in the stand-in, and let us hear of it."""
        url = self._made.settings.commercetools.api_url
        lines = [
            {
                "sku": sku,
                "quantity": n,
                "price": {"currencyCode": "GBP", "centAmount": 9},
            }
            for sku, n in basket.lines
        ]
        body = {
            "orderNumber": basket.number,
            "inventoryMode": "None",
            "lineItems": lines,
        }
        answer = await self._client.post(f"{url}/_sandbox/orders", json=body)
        order = answer.raise_for_status().json()
        basket.commerce_id = order["id"]
        placed = []
        for line in order["lineItems"]:
            sku, quantity = line["variant"]["sku"], line["quantity"]
            placed.append(PlacedLine(line_id=line["id"], sku=sku, quantity=quantity))
            basket.units += [
                (f"ns-{line['id']}#{index}", sku) for index in range(1, quantity + 1)
            ]
        note = OrderPlaced(
            commerce_id=basket.commerce_id,
            number=basket.number,
            version=order["version"],
            placed_at=datetime.now(UTC),
            lines=tuple(placed),
            currency="GBP",
            country="GB",
        )
        key = commerce_alias(basket.commerce_id).encode()
        await self._writer.append(ORDER_NEWS, key, NOTES.encode(note))
        await self._send(basket, opened(basket))

    async def assign(self, basket: Basket) -> None:
        """Let NewStore assign every unit, one event each."""
        await self._tell(basket, list(self._steps(basket, "assigned")))

    async def work(self, basket: Basket, over_s: float) -> None:
        """Let the store pick and ship, unit by unit, over some seconds."""
        told = [
            *self._steps(basket, "items_ready_for_handover"),
            *self._steps(basket, "items_completed"),
        ]
        self._drawn.shuffle(told)
        await self._tell(basket, told, over_s / len(told))

    async def complete_at_once(self, basket: Basket) -> None:
        """Let every unit be completed, one event each, without pause."""
        await self._tell(basket, list(self._steps(basket, "items_completed")))

    def _steps(self, basket: Basket, step: str) -> Iterator[bytes]:
        for item_id, sku in basket.units:
            self._rank += 1
            yield fulfilment(basket, step, item_id, sku, self._rank)

    async def _tell(self, basket: Basket, told: list[bytes], gap_s: float = 0) -> None:
        for each in told:
            await self._send(basket, each)
            basket.events += 1
            if gap_s:
                await asyncio.sleep(gap_s)

    async def _send(self, basket: Basket, body: bytes) -> None:
        key = basket.newstore_id.encode()
        await self._writer.append(NEWSTORE_EVENTS, key, body)
        basket.last_news_at = time.time()
        basket.first_news_at = basket.first_news_at or basket.last_news_at

    async def fall_silent(self, basket: Basket) -> None:
        """Let a store complete a unit at some moment, and no more."""
        await asyncio.sleep(self._drawn.random())
        basket.first_news_at = 0.0
        await self._tell(basket, [*self._steps(basket, "items_completed")][:1])

    async def never_rest(self, basket: Basket, options: argparse.Namespace) -> None:
        """Let a store complete units, never a quiet time apart, past the longest."""
        await asyncio.sleep(self._drawn.random())
        basket.first_news_at = 0.0
        told = [*self._steps(basket, "items_completed")][:-1]
        await self._tell(basket, told, RESTLESS * options.quiet)

    async def close(self) -> None:
        await self._writer.stop()


def timed_baskets(options: argparse.Namespace) -> tuple[list[Basket], list[Basket]]:
    """Make the orders that fall silent, and those whose news never cease."""
    events = int((options.longest + options.quiet) / (RESTLESS * options.quiet)) + 1
    silent = [
        Basket(f"SILENT-{each:03}", [(SKUS[0], 2)]) for each in range(options.windows)
    ]
    restless = [
        Basket(f"RESTLESS-{each:03}", [(SKUS[0], events + 1)])
        for each in range(options.windows)
    ]
    return silent, restless


async def close_windows(
    made: House, day: Day, client: httpx.AsyncClient, options: argparse.Namespace
) -> dict[str, Any]:
    """Let windows close by either time; return how late they were."""
    silent, restless = timed_baskets(options)
    for basket in (*silent, *restless):
        await day.place(basket)
    await asyncio.gather(*(day.assign(basket) for basket in (*silent, *restless)))
    await wait_until_settled(made.settings, timeout_s=SETTLE_S)
    begun = time.time()
    await asyncio.gather(
        *(day.fall_silent(basket) for basket in silent),
        *(day.never_rest(basket, options) for basket in restless),
    )
    await wait_until_settled(made.settings, timeout_s=SETTLE_S)
    closings = await closings_of(made.settings)
    updates = await updates_of(made, client)

    def timed(basket: Basket, *, by_quiet: bool) -> Timed:
        closing = next(each for each in closings[basket.number] if each.at > begun)
        told = [at for at in updates[basket.commerce_id] if at >= closing.at]
        return Timed(
            stored_at=basket.last_news_at if by_quiet else basket.first_news_at,
            heard_at=closing.news_at if by_quiet else closing.opened_at,
            limit_s=options.quiet if by_quiet else options.longest,
            closed_at=closing.at,
            told_at=told[0],
        )

    return {
        "quiet": lateness([timed(each, by_quiet=True) for each in silent]),
        "longest": lateness([timed(each, by_quiet=False) for each in restless]),
    }


async def updates_of(made: House, client: httpx.AsyncClient) -> dict[str, list[float]]:
    """Return when each order was updated, by commercetools' id."""
    url = made.settings.commercetools.api_url
    found: dict[str, list[float]] = {}
    after = 0
    while True:
        answer = await client.get(f"{url}/_sandbox/log", params={"after": after})
        page = answer.raise_for_status().json()
        if not page["writes"]:
            return found
        for write in page["writes"]:
            if write["kind"] == "order-updated":
                at = datetime.fromisoformat(write["at"]).timestamp()
                found.setdefault(write["resourceId"], []).append(at)
        after = page["next"]


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Live through the day and count."""
    async with house((0.02, 200.0, 8)) as made, httpx.AsyncClient(timeout=20) as client:
        ct = made.settings.commercetools.model_copy(update={"orders": True})
        windows = made.settings.orders.model_copy(
            update={
                "window_quiet_s": options.quiet,
                "window_longest_s": options.longest,
            }
        )
        made.settings = made.settings.model_copy(
            update={"commercetools": ct, "orders": windows}
        )
        await made.load_reference([SHOP], SKUS)
        async with OrderClient(made.settings.commercetools) as orders:
            await bootstrap_orders(orders)
        await made.start_worker()
        day = Day(made, client, options.seed)
        drawn = baskets(options.orders, options.seed)
        *mixed, forty = drawn
        for basket in drawn:
            await day.place(basket)
        await asyncio.gather(*(day.assign(basket) for basket in drawn))
        await wait_until_settled(made.settings, timeout_s=SETTLE_S)
        before = await updates_of(made, client)
        await asyncio.gather(
            *(day.work(basket, options.work) for basket in mixed),
            day.complete_at_once(forty),
        )
        await wait_until_settled(made.settings, timeout_s=SETTLE_S)
        after = await updates_of(made, client)
        closing = await close_windows(made, day, client, options)
        await day.close()
        found = await verify(made.settings)
    return report(mixed, forty, before, after, found.faults) | {"closing": closing}


def report(
    mixed: list[Basket],
    forty: Basket,
    before: dict[str, list[float]],
    after: dict[str, list[float]],
    faults: dict[str, list[str]],
) -> dict[str, Any]:
    """Put the figures together."""
    events = sum(basket.events for basket in mixed)
    calls = sum(len(after.get(basket.commerce_id, ())) for basket in mixed)
    once = len(after[forty.commerce_id]) - len(before.get(forty.commerce_id, ()))
    return {
        "orders": len(mixed),
        "events": events,
        "calls": calls,
        "saved": round(events / calls, 1) if calls else None,
        "calls_for_40_completions": once,
        "exact": not any(faults.values()),
        "faults": {name: each[:5] for name, each in faults.items() if each},
        "load_average": load_average(),
    }


def tell(found: dict[str, Any]) -> None:
    """Say it in words."""
    print(
        f"{found['orders']} orders, {found['events']} fulfilment events, "
        f"{found['calls']} order updates: {found['saved']}x fewer "
        f"({met(found['saved'], SAVED_TARGET, at_least=True)}, at least 10)"
    )
    print(f"40 completions of one order: {found['calls_for_40_completions']} update")
    for kind, late in found["closing"].items():
        tell_lateness(kind, late)
    print("exact" if found["exact"] else f"NOT EXACT: {found['faults']}")


def main() -> int:
    """Run it; exit 1 where the end is not exact."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=60, help="orders of the day")
    parser.add_argument("--quiet", type=float, default=2.0, help="seconds")
    parser.add_argument("--longest", type=float, default=20.0, help="seconds")
    parser.add_argument("--work", type=float, default=6.0, help="seconds of an order")
    parser.add_argument(
        "--windows", type=int, default=20, help="that close by either time"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measure(options))
    if options.json:
        print(json.dumps(found))
    else:
        tell(found)
    return 0 if found["exact"] else 1


if __name__ == "__main__":
    sys.exit(main())
