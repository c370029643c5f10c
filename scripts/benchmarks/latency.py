"""How long commercetools takes to hear of a scarce item's change, also in a burst.

An open loop posts store events to a worker's webhook: ten seconds that do not count (it
has only just started), steady, then ten times as many,
then none. A few rows hold three units or fewer and change all the time, while others
churn in plenty; commercetools (the stand-in) takes 50 requests a second, 8 at a time,
20 ms each. For every scarce change: from the webhook's 200 to the stand-in's accepted
write that covers the change's sequence. In the end every figure must be exact.

Example: scripts/bench latency --rate 1000 --burst 10 --json
"""

# needs: kafka

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import httpx  # noqa: E402
import msgspec  # noqa: E402
import uvloop  # noqa: E402
from _house import House, channel_of, house, load_average, met, spread  # noqa: E402
from _told import Place, Told, moment_of  # noqa: E402

from streams.engine.reading import LogReader  # noqa: E402
from streams.mapping.stock import EntryRecord, decode_entry  # noqa: E402
from streams.replay import send  # noqa: E402
from streams.settle import wait_until_settled  # noqa: E402
from streams.stock_file import count_events, parse_stock_file  # noqa: E402
from streams.topics import LEDGER_ENTRIES  # noqa: E402
from streams.verify import verify  # noqa: E402

SCARCE_MAX = 3
PLENTY = 100_000
LEAD_S = 2.0
LATENCY_S, SAVED = 1.0, 10.0
SETTLE_S = 900.0

Row = tuple[float, float, float, int, int, int]
"""Due, sent, accepted, partition, offset, attempts."""


@dataclass(slots=True)
class Shop:
    """Makes events and keeps count of what they must come to."""

    skus: list[str]
    locations: list[str]
    scarce: list[Place]
    scarce_share: float
    stock: Counter[Place] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    number: int = 0

    def opening(self) -> bytes:
        """Return the stock file: scarce rows hold 2 units, all others plenty."""
        as_of = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        scarce = set(self.scarce)
        lines = ["sku,location_id,on_hand,as_of"]
        for sku in self.skus:
            for location in self.locations:
                place = sku, location
                self.stock[place] = 2 if place in scarce else PLENTY
                lines.append(f"{sku},{location},{self.stock[place]},{as_of}")
        return "\n".join(lines).encode()

    def event(self) -> bytes:
        """Return the next event: a sale, or where a scarce row needs it a receipt."""
        self.number += 1
        if self.chance.random() >= self.scarce_share:
            return self._sale(
                self.chance.choice(self.skus), self.chance.choice(self.locations)
            )
        sku, location = self.chance.choice(self.scarce)
        held = self.stock[sku, location]
        if held == 0 or (held < SCARCE_MAX and self.chance.random() < 0.5):
            return self._receipt(sku, location)
        return self._sale(sku, location)

    def _sale(self, sku: str, location: str) -> bytes:
        self.stock[sku, location] -= 1
        return _envelope(
            "order.opened",
            self.at,
            id=f"order-{self.number}",
            placed_at=self.at,
            channel_type="store",
            channel=location,
            demand_location_id=location,
            items=[
                {
                    "id": f"unit-{self.number}",
                    "item_type": "product",
                    "product_id": sku,
                    "quantity": 1,
                    "shipping_service_level": "IN_STORE_HANDOVER",
                }
            ],
        )

    def _receipt(self, sku: str, location: str) -> bytes:
        self.stock[sku, location] += 1
        return _envelope(
            "inventory_transaction.items_received",
            self.at,
            id=f"receipt-{self.number}",
            fulfillment_location_id=location,
            processed_at=self.at,
            chunk_number=1,
            total_chunks=1,
            items=[{"product_id": sku, "quantity": 1}],
        )


def _envelope(name: str, at: str, **payload: object) -> bytes:
    return json.dumps(
        {"tenant": "bench", "name": name, "published_at": at, "payload": payload}
    ).encode()


def open_shop(options: argparse.Namespace) -> Shop:
    """Choose names, and which rows are scarce."""
    skus = [f"SKU-{number:05d}" for number in range(options.skus)]
    locations = [f"LOC{number:02}" for number in range(options.locations)]
    scarce = [
        (skus[number * len(skus) // options.scarce], locations[number % len(locations)])
        for number in range(options.scarce)
    ]
    return Shop(skus, locations, scarce, options.scarce_share)


def schedule(shop: Shop, options: argparse.Namespace) -> list[tuple[float, bytes]]:
    """Lay out the steady phase and the burst: when each event is due, evenly."""
    lasts = options.warm_up + options.steady
    steady = int(options.rate * lasts)
    burst_rate = options.rate * options.burst
    dues = [number / options.rate for number in range(steady)]
    dues += [
        lasts + number / burst_rate
        for number in range(int(burst_rate * options.burst_seconds))
    ]
    return [(due, shop.event()) for due in dues]


def post(
    port: int, connections: int, events: list[tuple[float, bytes]]
) -> Iterator[Any]:
    """Have a process of its own post the events; yield when it begins, then rows."""
    begin = time.time() + LEAD_S
    process = subprocess.Popen(
        [sys.executable, str(HERE / "_webhook_load.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    spec = {
        "port": port,
        "begin": begin,
        "connections": connections,
        "events": events,
    }
    yield begin
    answer, _ = process.communicate(msgspec.msgpack.encode(spec))
    yield msgspec.msgpack.decode(answer, type=list[Row])


REBALANCED_S = 10.0
"""More workers take their partitions over one after the other."""


async def _open(house_: House, shop: Shop, options: argparse.Namespace) -> None:
    """Load reference data and opening stock, and have commercetools know all of it."""
    await house_.load_reference(shop.locations, shop.skus)
    await house_.start_worker(
        COMMERCETOOLS__REQUESTS_PER_SECOND=5_000, COMMERCETOOLS__MAX_CONCURRENCY=8
    )
    await send(house_.settings, count_events(parse_stock_file(shop.opening())))
    await wait_until_settled(house_.settings, timeout_s=SETTLE_S)
    await house_.stop_worker()
    house_.make_sandbox_strict()
    await house_.start_worker(HTTP_FRONT=options.front)
    await house_.start_more(options.workers - 1)
    await asyncio.sleep(2.0 if options.workers == 1 else REBALANCED_S)


async def _log(house_: House, after: int) -> list[dict[str, Any]]:
    """Read what the stand-in accepted."""
    writes: list[dict[str, Any]] = []
    url = house_.settings.commercetools.api_url
    async with httpx.AsyncClient(timeout=60.0) as client:
        while True:
            answer = await client.get(f"{url}/_sandbox/log", params={"after": after})
            page = answer.json()
            writes += page["writes"]
            if not page["writes"]:
                return writes
            after = page["next"]


async def _entries(house_: House) -> list[EntryRecord]:
    async with LogReader(house_.settings) as reader:
        return [
            decode_entry(record.value)
            async for records in reader.read(LEDGER_ENTRIES)
            for record in records
            if record.value is not None
        ]


def evaluate(
    rows: list[Row],
    entries: list[EntryRecord],
    writes: list[dict[str, Any]],
    burst_begins: float,
) -> dict[str, Any]:
    """Bring webhook, journal and commercetools' log together."""
    told = Told(writes, entries)
    by_place = {(row[3], row[4]): row for row in rows}
    phases = ("steady", "burst")
    waits: dict[str, list[float]] = {phase: [] for phase in phases}
    from_due: dict[str, list[float]] = {phase: [] for phase in phases}
    changes: Counter[str] = Counter()
    untold = 0
    for entry in entries:
        partition, offset = entry.origin.rsplit("/", 2)[-2:]
        row = by_place.get((int(partition), int(offset)))
        if row is None or entry.available_before == entry.available_after:
            continue
        phase = phases[row[0] >= burst_begins]
        changes[phase] += 1
        if min(entry.available_before, entry.available_after) > SCARCE_MAX:
            continue
        known_at = told.when(entry)
        if known_at is None:
            untold += 1
            continue
        waits[phase].append(max(0.0, known_at - row[2]))
        from_due[phase].append(max(0.0, known_at - row[0]))
    found: dict[str, Any] = {"scarce_untold": untold}
    burst_ends = max(row[2] for row in rows)
    for phase in phases:
        mine = [row for row in rows if (row[0] >= burst_begins) == (phase == "burst")]
        ends = burst_begins if phase == "steady" else burst_ends
        begins = mine[0][0]
        calls = sum(begins <= moment_of(write) < ends for write in writes)
        found[phase] = {
            "offered_per_s": round(len(mine) / (mine[-1][0] - mine[0][0])),
            "accepted_per_s": round(len(mine) / (max(r[2] for r in mine) - begins)),
            "retried": sum(row[5] > 1 for row in mine),
            "webhook": spread([row[2] - row[1] for row in mine]),
            "webhook_from_due": spread([row[2] - row[0] for row in mine]),
            "scarce": spread(waits[phase]),
            "scarce_from_due": spread(from_due[phase]),
            "level_changes": changes[phase],
            "writes": calls,
            "changes_per_write": round(changes[phase] / calls, 1) if calls else None,
        }
    after = sum(moment_of(write) >= burst_begins for write in writes)
    found["burst"]["writes_until_quiet"] = after
    found["burst"]["changes_per_write_until_quiet"] = (
        round(changes["burst"] / after, 1) if after else None
    )
    return found


async def _faults(house_: House, shop: Shop) -> list[str]:
    """Compare all with all, and commercetools with our own count of what was sent."""
    faults = [
        f"{check}: {fault}"
        for check, some in (await verify(house_.settings)).faults.items()
        for fault in some
    ]
    url = house_.settings.commercetools.api_url
    async with httpx.AsyncClient(timeout=60.0) as client:
        state = (await client.get(f"{url}/_sandbox/state")).json()
    held = {
        (each["sku"], each["channelKey"]): each["quantityOnStock"]
        for each in state["entries"]
    }
    for (sku, location), quantity in shop.stock.items():
        told = held.get((sku, channel_of(location)))
        if told != max(0, quantity):
            faults.append(f"{sku} at {location}: {quantity} left, told was {told}")
    return faults


def _that_count(rows: list[Row], begin: float) -> list[Row]:
    """Leave out what was lost, and what came while the worker warmed up."""
    return [row for row in rows if row[3] >= 0 and row[0] >= begin]


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the whole of it once."""
    shop = open_shop(options)
    limits = (options.latency, options.requests, options.at_once)
    async with house(sandbox=limits) as house_:
        await _open(house_, shop, options)
        mark = len(await _log(house_, 0))
        events = schedule(shop, options)
        before, cpu_s = load_average(), house_.cpu_s()
        posting = post(house_.settings.http_port, options.connections, events)
        begin = next(posting) + options.warm_up
        rows = await asyncio.to_thread(next, posting)
        cpu_s = house_.cpu_s() - cpu_s
        lost = sum(row[3] < 0 for row in rows)
        await asyncio.sleep(options.quiet)
        after = load_average()
        print(f"all sent ({lost} lost); now settling", file=sys.stderr)
        settling = time.monotonic()
        await wait_until_settled(house_.settings, timeout_s=SETTLE_S)
        writes = await _log(house_, mark)
        accepted = _that_count(rows, begin)
        found = evaluate(
            accepted, await _entries(house_), writes, begin + options.steady
        )
        print("settled; now comparing", file=sys.stderr)
        faults = await _faults(house_, shop)
        if lost:
            faults.append(f"{lost} events were never accepted")
        found |= {
            "benchmark": "latency",
            "load_average_before": before,
            "load_average_after": after,
            "worker_cpu_s": round(cpu_s, 1),
            "worker_memory_peak_mb": house_.memory_mb(),
            "drained_after_s": round(time.monotonic() - settling + options.quiet, 1),
            "rows": len(shop.stock),
            "scarce_rows": len(shop.scarce),
            "faults": len(faults),
            "first_faults": faults[:5],
            "exact": not faults,
        }
    found["targets"] = _targets(found)
    return found


def _targets(found: dict[str, Any]) -> dict[str, str]:
    def seconds(phase: str) -> float | None:
        p99_ms = found[phase]["scarce"]["p99_ms"]
        return None if p99_ms is None else p99_ms / 1000

    return {
        "steady_p99": met(seconds("steady"), LATENCY_S),
        "burst_p99": met(seconds("burst"), LATENCY_S),
        "coalescing": met(found["burst"]["changes_per_write"], SAVED, at_least=True),
    }


def _say(found: dict[str, Any]) -> None:
    print(
        f"{found['rows']:,} rows, {found['scarce_rows']} of them scarce; load average "
        f"{found['load_average_before'][0]} before, {found['load_average_after'][0]} "
        f"after; worker: {found['worker_cpu_s']} s of processor time, "
        f"{found['worker_memory_peak_mb']} MB at most"
    )
    for phase in ("steady", "burst"):
        part, target = found[phase], found["targets"][f"{phase}_p99"]
        print(
            f"{phase}: {part['offered_per_s']:,} events/s offered, "
            f"{part['accepted_per_s']:,} accepted, {part['retried']} sent again"
        )
        for name, key in (
            ("webhook answered", "webhook"),
            ("  since due", "webhook_from_due"),
            ("scarce, accepted to told", "scarce"),
            ("  since due", "scarce_from_due"),
        ):
            each = part[key]
            print(
                f"  {name:25} p50 {each['p50_ms']} ms, p99 {each['p99_ms']} ms, "
                f"max {each['max_ms']} ms ({each['count']:,})"
            )
        print(f"  p99 of scarce changes     {target} (at most {LATENCY_S:.0f} s)")
    burst = found["burst"]
    print(
        f"coalescing in the burst: {burst['level_changes']:,} changes, "
        f"{burst['writes']:,} writes: {burst['changes_per_write']}x, "
        f"{burst['changes_per_write_until_quiet']}x until quiet: "
        f"{found['targets']['coalescing']} (at least {SAVED:.0f}x)"
    )
    print("exact" if found["exact"] else f"NOT EXACT: {found['first_faults']}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000, help="events per second")
    parser.add_argument(
        "--warm-up", type=float, default=10, help="seconds before what counts"
    )
    parser.add_argument("--steady", type=float, default=20, help="seconds")
    parser.add_argument("--burst", type=float, default=10, help="times the rate")
    parser.add_argument("--burst-seconds", type=float, default=5)
    parser.add_argument("--quiet", type=float, default=5, help="seconds")
    parser.add_argument("--skus", type=int, default=500)
    parser.add_argument("--locations", type=int, default=4)
    parser.add_argument("--scarce", type=int, default=25, help="rows")
    parser.add_argument("--scarce-share", type=float, default=0.025, help="of events")
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.02, help="commercetools, s")
    parser.add_argument("--requests", type=float, default=50, help="per second")
    parser.add_argument("--at-once", type=int, default=8, help="requests")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--front",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="HTTP in a process of its own (HTTP_FRONT)",
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Measure and print; exit code 1 if the outcome was not exact."""
    options = _arguments()
    found = uvloop.run(measure(options))
    if options.json:
        print(json.dumps(found))
    else:
        _say(found)
    return 0 if found["exact"] else 1


if __name__ == "__main__":
    sys.exit(main())
