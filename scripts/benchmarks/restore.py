"""How soon a worker is ready: with an empty disk, and after kill -9 with its state.

A ledger's changelog with a million rows is written as the engine writes it. Then a
worker starts cold, is killed, and starts again with what is on its disk. Afterwards
rows are asked for, and compared with what was written.

Example: scripts/bench restore --keys 1000000 --json
"""

# needs: kafka

import argparse
import json
import random
import re
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import httpx  # noqa: E402
import uvloop  # noqa: E402
from _house import House, house, load_average, met  # noqa: E402

from streams.domain.movements import Outside, Pool  # noqa: E402
from streams.domain.stock import ACCOUNTS, Row  # noqa: E402
from streams.engine import names  # noqa: E402
from streams.engine.commit import COUNTS_KEY, SEQUENCE_KEY, Commit  # noqa: E402
from streams.engine.commit import Row as StoreRow  # noqa: E402
from streams.engine.lanes import PartitionLog  # noqa: E402
from streams.engine.security import client_arguments  # noqa: E402
from streams.engine.transactions import (  # noqa: E402
    Home,
    KafkaTransactions,
)
from streams.mapping.stock import row_key  # noqa: E402
from streams.mapping.stock_state import encode_row  # noqa: E402
from streams.settings import Settings  # noqa: E402
from streams.tables import LEVELS  # noqa: E402

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LOCATIONS = tuple(f"LOC{number:02}" for number in range(10))
ROWS_PER_COMMIT = 5_000
SKUS_ASKED = 500
COLD_S, RESTART_S, MEMORY_MB = 10.0, 2.0, 500.0
STAMP = re.compile(r"timestamp='([^']+)' level='info' event='(\w+)'")


def row_of(sku: int, place: int) -> Row:
    """Return the row that stands for a SKU at a location: any, but known again."""
    main = (sku * 7 + place * 13) % 97
    balances = {Pool.MAIN: main, Pool.RESERVED: 1, Outside.SUPPLIER: -main - 1}
    return Row(
        balances=[balances.get(account, 0) for account in ACCOUNTS],
        target=main,
        available=main,
        safety_stock=0,
        enabled=True,
        entries=sku % 50 + 1,
        revisions=0,
        as_of=NOW,
        recorded_at=NOW,
        first_recorded_at=NOW,
    )


async def fill(settings: Settings, keys: int) -> None:
    """Write the changelog of a ledger with so many rows, in the engine's commits."""
    partition_for = names.Partitioner(settings.partitions)
    skus: list[list[int]] = [[] for _ in range(settings.partitions)]
    for sku in range(keys // len(LOCATIONS)):
        skus[partition_for(b"SKU-%06d" % sku)].append(sku)
    for partition, here in enumerate(skus):
        own = KafkaTransactions(
            transactional_id=names.transactional_id(settings, "ledger", partition),
            group_id=settings.app_id,
            physical=lambda topic: f"{settings.topic_prefix}{topic}",
            client=client_arguments(settings),
        )
        log = PartitionLog(own, Home(names.changelog(settings, "ledger"), partition))
        await log.open()
        for commit in _commits(here):
            await log.commit(commit)
        await log.close()


def _commits(skus: list[int]) -> Iterator[Commit]:
    rows: list[StoreRow] = []
    sequence = 0
    for sku in skus:
        for place, location in enumerate(LOCATIONS):
            key = LEVELS.prefix + row_key(f"SKU-{sku:06d}", location)
            rows.append((key, encode_row(row_of(sku, place))))
        if len(rows) >= ROWS_PER_COMMIT or sku == skus[-1]:
            sequence += 1
            rows.append((COUNTS_KEY, b"\x80"))
            rows.append((SEQUENCE_KEY, b"%d" % sequence))
            yield Commit(sequence=sequence, changelog=rows)
            rows = []


async def _differing(shop: House, keys: int) -> int:
    """Ask for some SKUs and count those that differ from what was written."""
    total = keys // len(LOCATIONS)
    numbers = random.Random(1).sample(range(total), min(SKUS_ASKED, total))
    async with httpx.AsyncClient(timeout=30.0) as client:
        answer = await client.post(
            f"{shop.url}/v1/availability/query",
            json={"skus": [f"SKU-{number:06d}" for number in numbers]},
        )
    if answer.status_code != httpx.codes.OK:
        raise RuntimeError(answer.text)
    items = {item["sku"]: item for item in answer.json()["items"]}
    wrong = 0
    for number in numbers:
        found = items.get(f"SKU-{number:06d}", {"locations": []})["locations"]
        told = {each["location_id"]: each["available"] for each in found}
        wrong += told != {
            location: row_of(number, place).available
            for place, location in enumerate(LOCATIONS)
        }
    return wrong


async def _life(shop: House, keys: int) -> dict[str, Any]:
    """Start the worker once; return what that took."""
    before = len(shop.worker_log.read_text()) if shop.worker_log.exists() else 0
    ready_s = await shop.start_worker()
    found: dict[str, Any] = {
        "process_to_ready_s": round(ready_s, 2),
        "assigned_to_ready_s": None,
        "memory_peak_mb": shop.memory_mb(),
        "cpu_s": round(shop.cpu_s(), 2),
    }
    moments = {
        event: datetime.fromisoformat(at)
        for at, event in STAMP.findall(shop.worker_log.read_text()[before:])
    }
    if {"partitions_assigned", "partitions_open"} <= moments.keys():
        spent = moments["partitions_open"] - moments["partitions_assigned"]
        found["assigned_to_ready_s"] = round(spent.total_seconds(), 3)
    found["wrong_skus"] = await _differing(shop, keys)
    return found


async def measure(keys: int, rounds: int) -> dict[str, Any]:
    """Fill a changelog; start cold, kill, start again, as often as wanted."""
    keys -= keys % len(LOCATIONS)
    async with house(sandbox=None) as shop:
        begun = time.perf_counter()
        skus = range(keys // len(LOCATIONS))
        await shop.load_reference(LOCATIONS, (f"SKU-{sku:06d}" for sku in skus))
        await fill(shop.settings, keys)
        found: dict[str, Any] = {
            "benchmark": "restore",
            "keys": keys,
            "load_average_before": load_average(),
            "fill_s": round(time.perf_counter() - begun, 1),
        }
        found["cold"] = await _life(shop, keys)
        spent = found["cold"]["assigned_to_ready_s"]
        if spent:
            found["cold"]["keys_per_s"] = round(keys / spent)
        found["restarts"] = []
        for _ in range(rounds):
            await shop.stop_worker(signal.SIGKILL)
            found["restarts"].append(await _life(shop, keys))
        found["memory_now_mb"] = shop.memory_mb("VmRSS")
        found["load_average_after"] = load_average()
    lives = [found["cold"], *found["restarts"]]
    slowest = [life["assigned_to_ready_s"] for life in found["restarts"]]
    found["exact"] = not any(life["wrong_skus"] for life in lives)
    found["targets"] = {
        "cold_start": met(found["cold"]["process_to_ready_s"], COLD_S),
        "restart": met(
            None if None in slowest else max(slowest, default=None), RESTART_S
        ),
        "memory": met(max(life["memory_peak_mb"] for life in lives), MEMORY_MB),
    }
    return found


def _say(found: dict[str, Any]) -> None:
    cold, targets = found["cold"], found["targets"]
    print(
        f"{found['keys']:,} keys; load average {found['load_average_before'][0]}"
        f" before, {found['load_average_after'][0]} after"
    )
    print(
        f"cold start    {cold['process_to_ready_s']} s from the process's start, "
        f"{cold['assigned_to_ready_s']} s from assignment to open "
        f"({cold.get('keys_per_s') or 0:,} keys/s): {targets['cold_start']} "
        f"(at most {COLD_S:.0f} s)"
    )
    for life in found["restarts"]:
        print(
            f"after kill -9 {life['process_to_ready_s']} s from the process's start, "
            f"{life['assigned_to_ready_s']} s from assignment to open"
        )
    print(f"              {targets['restart']} (at most {RESTART_S:.0f} s)")
    peaks = [life["memory_peak_mb"] for life in (cold, *found["restarts"])]
    print(
        f"memory peak   {max(peaks)} MB: {targets['memory']} (at most {MEMORY_MB:.0f})"
    )
    print("exact" if found["exact"] else "NOT EXACT: rows differ from what was written")


def main() -> int:
    """Measure and print; exit code 1 if a row differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = uvloop.run(measure(options.keys, options.restarts))
    if options.json:
        print(json.dumps(found))
    else:
        _say(found)
    return 0 if found["exact"] else 1


if __name__ == "__main__":
    sys.exit(main())
