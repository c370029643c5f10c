"""How many availability lookups one worker answers per second, as JSON on stdout.

Server and load generator are two processes on this machine. The server is the worker's
own web over an in-memory view of real rows, so the figure is HTTP's and the codec's
share alone; `--busy` has its event loop do other work in slices, as folds would.
"""

import argparse
import asyncio
import json
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvloop
from prometheus_client import CollectorRegistry

from streams.domain.movements import Outside, Pool
from streams.domain.stock import ACCOUNTS, Row
from streams.mapping.stock import row_key
from streams.mapping.stock_state import encode_row
from streams.settings import Settings
from streams.tables import Table
from streams.topics import Topic
from streams.web.answers import Answers
from streams.web.app import Web
from streams.web.ports import Local, Owner
from streams.web.server import WebServer

NOW = datetime(2025, 3, 1, tzinfo=UTC)
BUSY_SLICE_S = 0.002


class SkuView:
    """Rows of all SKUs, found by SKU at once."""

    partition = 0

    def __init__(self, skus: int, locations: int) -> None:
        self._rows: dict[bytes, dict[bytes, bytes]] = {}
        for number in range(skus):
            sku = f"SKU-{number}"
            places = [f"LOC{place:02}" for place in range(locations)]
            self._rows[f"{sku}|".encode()] = {
                row_key(sku, place): encode_row(_row(number)) for place in places
            }

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        found = {}
        for key in keys:
            row = self._rows.get(key[: key.index(b"|") + 1], {}).get(key)
            if row is not None:
                found[key] = row
        return found

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        return iter(self._rows.get(prefix, {}).items())


class OneOwner:
    """A ledger whose every partition is here."""

    def __init__(self, view: SkuView) -> None:
        self._owner = Local(view, 0, 0.01)

    def owner_of(self, sku: bytes) -> Owner:
        return self._owner

    def staleness(self) -> dict[int, float]:
        return {0: 0.01}

    def status(self) -> dict[str, Any]:
        return {"worker_id": "benchmark"}

    def live(self) -> bool:
        return True

    def ready(self) -> tuple[bool, str]:
        return True, ""


class Nothing:
    """Neither takes events nor has a journal; the benchmark asks for neither."""

    async def append(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> tuple[int, int]:
        raise NotImplementedError

    async def entries(
        self, sku: str, location_id: str, limit: int
    ) -> list[dict[str, Any]]:
        return []


class Caller(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it is answered."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._buffer = b""
        self._asked = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._run.request())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        self._run.note(time.perf_counter() - self._asked, ok=head[9:12] == b"200")
        if self._run.is_over():
            self._transport.close()
        else:
            self._ask()


class Run:
    """What all callers share: what to ask, until when, and what came of it."""

    def __init__(self, skus: int, seconds: float, headers: str) -> None:
        choose = random.Random(1)
        self._requests = [
            f"GET /v1/availability/SKU-{choose.randrange(skus)} HTTP/1.1\r\n"
            f"host: localhost\r\n{headers}\r\n".encode()
            for _ in range(10_000)
        ]
        self._end = time.perf_counter() + seconds
        self._next = 0
        self.latencies: list[float] = []
        self.failed = 0

    def request(self) -> bytes:
        self._next += 1
        return self._requests[self._next % len(self._requests)]

    def note(self, latency_s: float, *, ok: bool) -> None:
        self.latencies.append(latency_s)
        self.failed += not ok

    def is_over(self) -> bool:
        return time.perf_counter() > self._end


async def serve(arguments: argparse.Namespace) -> None:
    """Run the server until told to stop; print its port, then its CPU time."""
    view, answers = SkuView(arguments.skus, arguments.locations), Answers()
    answers.opened(view)
    web = Web(
        settings=Settings(_env_file=None, api_keys=arguments.keys),
        ledger=OneOwner(view),
        answers=answers,
        sink=Nothing(),
        journal=Nothing(),
        registry=CollectorRegistry(),
        fast=not arguments.slow,
    )
    server = WebServer(web, "127.0.0.1", 0)
    await server.start()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    busy = asyncio.create_task(work(arguments.busy))
    print(json.dumps({"port": server.port, "cpu_s": time.process_time()}), flush=True)
    await stopped.wait()
    busy.cancel()
    await server.stop()


async def work(share: float) -> None:
    """Keep the loop busy for this share of the time, in slices of 2 ms."""
    while share > 0:
        end = time.perf_counter() + BUSY_SLICE_S
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(BUSY_SLICE_S * (1 - share) / share)


async def load(arguments: argparse.Namespace, port: int) -> Run:
    """Ask over many connections, each one question at a time."""
    headers = "authorization: Bearer reader\r\n" if arguments.keys else ""
    run = Run(arguments.skus, arguments.seconds, headers)
    loop = asyncio.get_running_loop()
    for _ in range(arguments.connections):
        await loop.create_connection(lambda: Caller(run), "127.0.0.1", port)
    await asyncio.sleep(arguments.seconds + 0.3)
    return run


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start a server, load it, and say what came of it."""
    # The child is this very script with this very command line.
    child = subprocess.Popen(
        [sys.executable, __file__, "--serve", *sys.argv[1:]], stdout=subprocess.PIPE
    )
    if child.stdout is None:
        raise RuntimeError("the server's output was not opened")
    ready = json.loads(child.stdout.readline())
    run = uvloop.run(load(arguments, ready["port"]))
    child.send_signal(signal.SIGTERM)
    child.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = usage.ru_utime + usage.ru_stime - ready["cpu_s"]
    latencies = sorted(run.latencies)
    count = len(latencies)
    return {
        "benchmark": "http_lookup",
        "lookups_per_second": round(count / arguments.seconds),
        "lookups_per_cpu_second": round(count / cpu_s),
        "p50_ms": round(latencies[count // 2] * 1000, 3),
        "p99_ms": round(latencies[count * 99 // 100] * 1000, 3),
        "failed": run.failed,
        "requests": count,
        "server_cpu_s": round(cpu_s, 2),
        "seconds": arguments.seconds,
        "connections": arguments.connections,
        "skus": arguments.skus,
        "locations": arguments.locations,
        "busy_share": arguments.busy,
        "path": "routes" if arguments.slow else "fast",
        "with_key": bool(arguments.keys),
    }


def _row(number: int) -> Row:
    main = number % 50
    balances = {Pool.MAIN: main, Pool.RESERVED: 1, Outside.SUPPLIER: -main - 1}
    return Row(
        balances=[balances.get(account, 0) for account in ACCOUNTS],
        target=main,
        available=main,
        safety_stock=0,
        enabled=True,
        entries=number + 1,
        revisions=0,
        as_of=NOW,
        recorded_at=NOW,
        first_recorded_at=NOW,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--skus", type=int, default=20_000)
    parser.add_argument("--locations", type=int, default=3)
    parser.add_argument("--busy", type=float, default=0.0, help="share of the loop")
    parser.add_argument("--slow", action="store_true", help="without the fast path")
    parser.add_argument("--keys", default="", help="API_KEYS with the key 'reader'")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, or serve for the measuring process."""
    arguments = _arguments()
    if arguments.serve:
        uvloop.run(serve(arguments))
    else:
        print(json.dumps(measure(arguments)))


if __name__ == "__main__":
    main()
