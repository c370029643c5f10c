"""How many look-ups one worker answers per second while it applies events.

A worker of its own process applies store sales from the log at a steady rate and tells
the commercetools stand-in; a load generator asks it for availability: as fast as it
answers, then at a fixed rate with latency counted from when each question was due, then
many SKUs at a time. In the end every figure must be exact.

Example: scripts/bench query --rate 1000 --offered 8000 --json
"""

# needs: kafka

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import httpx  # noqa: E402
import uvloop  # noqa: E402
from _house import ROOT, House, house, load_average, met  # noqa: E402
from latency import SETTLE_S, Shop, open_shop  # noqa: E402

from streams.replay import send  # noqa: E402
from streams.settle import wait_until_settled  # noqa: E402
from streams.stock_file import count_events, parse_stock_file  # noqa: E402
from streams.up import environment_of  # noqa: E402
from streams.verify import verify  # noqa: E402

BATCH = 500
BATCH_CONNECTIONS = 2
LOOKUPS_PER_S, P99_MS = 8_000, 5.0
WARM_UP_S = 2.0


async def _ask(
    options: argparse.Namespace, url: str, connections: int, rate: float, size: int
) -> dict[str, Any]:
    """Run the load generator once."""
    port = url.rsplit(":", 1)[1]
    numbers = (port, connections, options.seconds, rate, options.skus, size)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "_lookup_load.py"),
        *map(str, numbers),
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{HERE}"},
        stdout=subprocess.PIPE,
    )
    answer, _ = await process.communicate()
    return dict(json.loads(answer))


async def _rounds(options: argparse.Namespace, shop: House) -> dict[str, Any]:
    """Ask in three ways while the events flow."""
    found: dict[str, Any] = {}
    ways = {
        "as_fast_as_answered": (options.connections, 0.0, 1),
        "at_a_fixed_rate": (options.connections, float(options.offered), 1),
        "many_skus": (BATCH_CONNECTIONS, 0.0, min(BATCH, options.skus)),
    }
    for name, way in ways.items():
        cpu_s, applied = shop.cpu_s(), await shop.counted("ledger")
        begun = time.perf_counter()
        found[name] = await _ask(options, shop.url, *way)
        spent = time.perf_counter() - begun
        applied = await shop.counted("ledger") - applied
        found[name] |= {
            "applied_per_s": round(applied / spent),
            "worker_cpu_share": round((shop.cpu_s() - cpu_s) / spent, 2),
            "load_average": load_average(),
        }
        print(name, found[name], file=sys.stderr)
    return found


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the whole of it once."""
    shop = open_shop(options)
    async with house(sandbox=(0.0, options.requests, 8)) as house_:
        await house_.load_reference(shop.locations, shop.skus)
        await house_.start_worker(HTTP_FRONT=options.front)
        await send(house_.settings, count_events(parse_stock_file(shop.opening())))
        feeding = _feed(house_, shop, options)
        try:
            await asyncio.sleep(WARM_UP_S)
            found = await _rounds(options, house_)
        finally:
            if feeding.poll() is not None:
                raise RuntimeError("the events ended before the questions did")
            feeding.terminate()
            await asyncio.to_thread(feeding.wait)
        found["exact"] = await _is_exact(house_, shop, options)
        found["worker_memory_peak_mb"] = house_.memory_mb()
    fixed = found["at_a_fixed_rate"]
    fastest = found["as_fast_as_answered"]
    found["benchmark"] = "query"
    found["events_per_s"] = options.rate
    found["targets"] = {
        "lookups_per_s": met(fastest["questions_per_s"], LOOKUPS_PER_S, at_least=True),
        "p99_at_the_fixed_rate": met(fixed["latency"]["p99_ms"], P99_MS),
    }
    return found


def _feed(
    house_: House, shop: Shop, options: argparse.Namespace
) -> "subprocess.Popen[str]":
    """Have a process of its own put events onto the log, more than are needed."""
    path = house_.folder / "events.jsonl"
    number = int(options.rate * (3 * options.seconds + 60))
    with path.open("wb") as output:
        output.writelines(shop.event() + b"\n" for _ in range(number))
    environment = environment_of(house_.settings)
    command = ["-m", "streams.cli", "replay", str(path), "--rate", str(options.rate)]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    house_.processes.append(process)
    return process


async def _is_exact(house_: House, shop: Shop, options: argparse.Namespace) -> bool:
    """Compare all with all, and what is answered with commercetools' figures."""
    await wait_until_settled(house_.settings, timeout_s=SETTLE_S)
    verification = await verify(house_.settings)
    for check, faults in verification.faults.items():
        for fault in faults[:3]:
            print(f"{check}: {fault}", file=sys.stderr)
    api = house_.settings.commercetools.api_url
    async with httpx.AsyncClient(timeout=60.0) as client:
        state = (await client.get(f"{api}/_sandbox/state")).json()
        items: list[dict[str, Any]] = []
        for start in range(0, len(shop.skus), BATCH):
            asked = {"skus": shop.skus[start : start + BATCH]}
            answer = await client.post(
                f"{house_.url}/v1/availability/query", json=asked
            )
            items += answer.json()["items"]
    told: dict[str, int] = {}
    for each in state["entries"]:
        told[each["sku"]] = told.get(each["sku"], 0) + each["quantityOnStock"]
    answered = {item["sku"]: item["available"] for item in items}
    return verification.is_clean and answered == told


def _say(found: dict[str, Any]) -> None:
    for name in ("as_fast_as_answered", "at_a_fixed_rate", "many_skus"):
        part = found[name]
        latency = part["latency"]
        offered = part["offered_per_s"]
        print(
            f"{name.replace('_', ' ')}{f' of {offered:,.0f}/s' if offered else ''}: "
            f"{part['questions_per_s']:,} questions/s ({part['skus_per_s']:,} SKUs/s), "
            f"p50 {latency['p50_ms']} ms, p99 {latency['p99_ms']} ms, "
            f"max {latency['max_ms']} ms; {part['failed']} failed, "
            f"{part['unanswered']} unanswered"
        )
        print(
            f"  meanwhile {part['applied_per_s']:,} movements/s applied, worker's "
            f"share of a core {part['worker_cpu_share']}, load average "
            f"{part['load_average'][0]}"
        )
    targets = found["targets"]
    print(f"at least {LOOKUPS_PER_S:,} look-ups/s: {targets['lookups_per_s']}")
    print(
        f"p99 under {P99_MS:.0f} ms at the fixed rate: "
        f"{targets['p99_at_the_fixed_rate']}"
    )
    print("exact" if found["exact"] else "NOT EXACT")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1_000, help="events per second")
    parser.add_argument("--offered", type=float, default=8_000, help="look-ups/s")
    parser.add_argument("--seconds", type=float, default=8, help="for each way")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--skus", type=int, default=500)
    parser.add_argument("--locations", type=int, default=4)
    parser.add_argument("--requests", type=float, default=50, help="commercetools, /s")
    parser.add_argument(
        "--front",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="HTTP in a process of its own (HTTP_FRONT)",
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.scarce, options.scarce_share = 25, 0.025
    return options


def main() -> int:
    """Measure and print; exit code 1 if the outcome was not exact."""
    found = uvloop.run(measure(_arguments()))
    if "--json" in sys.argv:
        print(json.dumps(found))
    else:
        _say(found)
    return 0 if found["exact"] else 1


if __name__ == "__main__":
    sys.exit(main())
