"""Ledger throughput on Apache Kafka: OneShelf, plain Faust and Quix Streams.

Each contender does the same fold of the same movements in one process: it drops
re-sent ids, keeps the row, writes a journal entry and a level. Rounds are interleaved;
medians are compared; every contender's output is checked against an oracle.

Example: scripts/bench ledger --rounds 5 --json
"""

# needs: kafka
# needs: rivals

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

from _feed import check, create, fill, movements, oracle_of  # noqa: E402

TIMEOUT_S = 240
CONTENDERS = ("oneshelf", "faust", "quix")


def contend(
    contender: str, broker: str, run: str, source: str, number: int
) -> dict[str, Any]:
    """Run one contender once; return what it measured."""
    python = sys.executable
    if contender == "quix":
        python = os.environ.get("ONESHELF_RIVALS_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory(prefix="oneshelf-bench-") as data:
        command = [
            python,
            str(HERE / f"_{contender}.py"),
            broker,
            run,
            source,
            str(number),
            data,
        ]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, text=True, cwd=data
        )
        alarm = threading.Timer(TIMEOUT_S, process.kill)
        alarm.start()
        try:
            line = _result_line(process)
        finally:
            alarm.cancel()
            process.terminate()
            process.wait(30)
    return dict(json.loads(line))


def _result_line(process: "subprocess.Popen[str]") -> str:
    if process.stdout is None:
        raise RuntimeError("no output")
    for line in process.stdout:
        if line.startswith("{"):
            return line
    raise RuntimeError(f"the contender ended with {process.wait()} and no result")


async def _measure(options: argparse.Namespace, broker: str) -> dict[str, Any]:
    run = f"bench-{uuid.uuid4().hex[:6]}"
    numbers = {
        "oneshelf": options.movements,
        "quix": options.quix_movements,
        "faust": options.faust_movements,
    }
    rates: dict[str, list[float]] = {name: [] for name in options.contenders}
    wrong: dict[str, list[str]] = {name: [] for name in options.contenders}
    for turn in range(options.rounds):
        for name in options.contenders:
            number = numbers[name]
            app = f"{run}-{name}-{turn}"
            source = f"{app}.stock-movements"
            names = {"entries": f"{app}.entries", "levels": f"{app}.levels"}
            if name == "oneshelf":
                names = {
                    "entries": f"{app}.ledger-entries",
                    "levels": f"{app}.stock-levels",
                }
            await create(broker, [source, *names.values()])
            feed = list(movements(number, options.keys))
            await fill(broker, source, iter(feed))
            result = await asyncio.to_thread(contend, name, broker, app, source, number)
            rates[name].append(result["records"] / result["seconds"])
            # Plain Faust acknowledges before its producer has sent: give it time.
            await asyncio.sleep(3 if name == "faust" else 0)
            wrong[name] += await check(
                broker, names["entries"], names["levels"], oracle_of(iter(feed))
            )
            print(
                f"round {turn + 1} {name:9} {rates[name][-1]:>10,.0f} movements/s"
                f" (cpu {result.get('cpu_s', 0):.1f} s)",
                file=sys.stderr,
            )
    return _summary(rates, wrong)


def _summary(
    rates: dict[str, list[float]], wrong: dict[str, list[str]]
) -> dict[str, Any]:
    medians = {name: statistics.median(each) for name, each in rates.items()}
    ours = medians["oneshelf"]
    return {
        "medians": {name: round(rate) for name, rate in medians.items()},
        "ratios": {
            name: round(ours / rate, 1)
            for name, rate in medians.items()
            if name != "oneshelf"
        },
        "rounds": {name: [round(r) for r in each] for name, each in rates.items()},
        "wrong": wrong,
    }


def main() -> int:
    """Measure and print; exit code 1 if OneShelf's output was not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--movements", type=int, default=300_000)
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--quix-movements", type=int, default=100_000)
    parser.add_argument("--faust-movements", type=int, default=15_000)
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    broker = os.environ.get("ONESHELF_BENCH_BROKER", "127.0.0.1:9092")
    summary = asyncio.run(_measure(options, broker))
    if options.json:
        print(json.dumps(summary))
    else:
        for name, rate in summary["medians"].items():
            ratio = summary["ratios"].get(name)
            times = f"   OneShelf is {ratio}x" if ratio else ""
            print(f"{name:9} {rate:>10,} movements/s{times}")
        for name, faults in summary["wrong"].items():
            print(f"{name:9} {'exact' if not faults else '; '.join(faults)}")
    return 1 if summary["wrong"].get("oneshelf") else 0


if __name__ == "__main__":
    sys.exit(main())
