"""What the benchmarks run: topics, a commercetools stand-in and one worker process.

Each run has names of its own on the broker and takes its processes down by their ids.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from streams.connectors.bootstrap import bootstrap
from streams.connectors.commercetools import CommercetoolsClient
from streams.engine.admin import create_topics
from streams.readiness import free_port
from streams.reference import load_reference
from streams.settings import CommercetoolsSettings, Settings
from streams.up import environment_of
from streams.wiring import STAGES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
READY_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.02
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class NotReady(Exception):
    """A process did not get where the benchmark needs it; the message ends its log."""


@dataclass(slots=True)
class House:
    """One run's settings and processes."""

    settings: Settings
    folder: Path
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)
    worker: "subprocess.Popen[str] | None" = None
    others: list["subprocess.Popen[str]"] = field(default_factory=list)
    sandbox: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        """The worker's base URL."""
        return f"http://127.0.0.1:{self.settings.http_port}"

    @property
    def worker_log(self) -> Path:
        return self.folder / "worker.log"

    def run(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """Start one of the benchmarks' own scripts, or any other with `-m`."""
        process = subprocess.Popen(
            [sys.executable, *arguments], text=True, cwd=ROOT, env=_path(), **options
        )
        self.processes.append(process)
        return process

    def start_sandbox(self, latency_s: float, per_second: float, at_once: int) -> None:
        """Start the commercetools stand-in and point the settings to it."""
        numbers = (str(latency_s), str(per_second), str(at_once))
        self.sandbox = self.run(
            str(HERE / "_sandbox.py"), *numbers, stdout=subprocess.PIPE
        )
        url = line_of(self.sandbox)
        commercetools = CommercetoolsSettings(
            api_url=url,
            auth_url=url,
            project_key="oneshelf",
            client_id="sandbox-client",
            client_secret=SecretStr("sandbox-secret"),
            max_concurrency=at_once,
            requests_per_second=per_second,
        )
        self.settings = self.settings.model_copy(
            update={"commercetools": commercetools}
        )

    def make_sandbox_strict(self) -> None:
        """Have the stand-in take its time and count its requests."""
        if self.sandbox is None:
            raise RuntimeError("there is no sandbox")
        self.sandbox.send_signal(signal.SIGUSR1)
        line_of(self.sandbox)

    async def start_worker(self, **changes: object) -> float:
        """Start the worker; return the seconds until it was ready."""
        environment = environment_of(self.settings) | {
            "ONESHELF_WORKER_ID": "bench",
            "ONESHELF_HTTP_PORT": str(self.settings.http_port),
            **{f"ONESHELF_{name}": str(value) for name, value in changes.items()},
        }
        begun = time.perf_counter()
        self.worker = self._spawn(environment)
        await self._until_ready(self.url)
        return time.perf_counter() - begun

    async def start_more(self, count: int) -> None:
        """Start more workers beside the first, and wait until each has its part."""
        for number in range(count):
            port = free_port()
            environment = environment_of(self.settings) | {
                "ONESHELF_WORKER_ID": f"bench-{number + 1}",
                "ONESHELF_HTTP_PORT": str(port),
            }
            self.others.append(self._spawn(environment))
            await self._until_ready(f"http://127.0.0.1:{port}")
        await self._until_ready(self.url)

    def _spawn(self, environment: dict[str, str]) -> "subprocess.Popen[str]":
        with self.worker_log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", "worker"],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
            )
        self.processes.append(process)
        return process

    async def _until_ready(self, url: str) -> None:
        end = time.monotonic() + READY_TIMEOUT_S
        async with httpx.AsyncClient(timeout=2.0) as client:
            while time.monotonic() < end and self._worker().poll() is None:
                if await _is_ok(client, f"{url}/health/ready"):
                    return
                await asyncio.sleep(POLL_S)
        tail = self.worker_log.read_text(errors="replace").splitlines()[-15:]
        raise NotReady("\n".join(["the worker is not ready; its log ends:", *tail]))

    async def stop_worker(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the worker, or kill it."""
        worker = self._worker()
        worker.send_signal(number)
        await asyncio.to_thread(worker.wait, STOP_TIMEOUT_S)

    async def load_reference(
        self, locations: Sequence[str], skus: Iterable[str]
    ) -> None:
        """Load locations and products; make commercetools' channels where it is."""
        folder = self.folder / "reference"
        folder.mkdir(exist_ok=True)
        places = "\n".join(f"{each},{channel_of(each)},true" for each in locations)
        (folder / "locations.csv").write_text(
            f"location_id,commercetools_channel_key,enabled\n{places}\n"
        )
        products = "\n".join(f"{sku},true" for sku in skus)
        (folder / "products.csv").write_text(f"sku,enabled\n{products}\n")
        loaded = await load_reference(self.settings, folder)
        if self.sandbox is not None:
            async with CommercetoolsClient(self.settings.commercetools) as client:
                await bootstrap(client, loaded.all_locations)

    async def counted(self, stage: str) -> int:
        """Return how many records a stage has taken in so far."""
        async with httpx.AsyncClient(timeout=5.0) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        prefix = 'oneshelf_stage_records_total{outcome="in",partition='
        return sum(
            round(float(line.rsplit(" ", 1)[1]))
            for line in text.splitlines()
            if line.startswith(prefix) and f'stage="{stage}"' in line
        )

    def cpu_s(self) -> float:
        """Return the processor time that the workers and the front have used."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / CLOCK_TICKS

    def memory_mb(self, name: str = "VmHWM") -> float:
        """Return what workers and front hold in memory: peak (VmHWM) or now (VmRSS)."""
        kilobytes = [
            int(line.split()[1])
            for pid in self._pids()
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith(f"{name}:")
        ]
        return round(sum(kilobytes) / 1024, 1)

    def _pids(self) -> list[int]:
        pid = self._worker().pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        others = [other.pid for other in self.others]
        return [pid, *map(int, children.split()), *others]

    def _worker(self) -> "subprocess.Popen[str]":
        if self.worker is None:
            raise RuntimeError("there is no worker")
        return self.worker


@asynccontextmanager
async def house(sandbox: tuple[float, float, int] | None) -> AsyncIterator[House]:
    """Make topics, and the stand-in if wanted; take down all that was started."""
    # SIGTERM must unwind the stack, or the processes would outlive us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = f"bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="oneshelf-bench-") as folder:
        settings = Settings(
            _env_file=None,
            broker=os.environ.get("ONESHELF_BENCH_BROKER", "127.0.0.1:9092"),
            app_id=run,
            topic_prefix=f"{run}.",
            data_dir=Path(folder) / "data",
            http_port=free_port(),
        )
        made = House(settings, Path(folder))
        try:
            if sandbox is not None:
                made.start_sandbox(*sandbox)
            await create_topics(made.settings, STAGES)
            # The broker tells of new topics before all of it knows them.
            await asyncio.sleep(2.0)
            yield made
        finally:
            await asyncio.to_thread(_take_down, made.processes)


def channel_of(location_id: str) -> str:
    """Return the supply channel's key of a location."""
    return f"ch-{location_id.lower()}"


def line_of(process: "subprocess.Popen[str]") -> str:
    """Wait for a process's next line."""
    line = "" if process.stdout is None else process.stdout.readline()
    if not line:
        raise NotReady(f"{process.args!r} ended with {process.wait()}")
    return line.strip()


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return (
        ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
    )


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """Sum up latencies, in milliseconds."""

    def ms(value: float | None) -> float | None:
        return None if value is None else round(value * 1000, 2)

    return {
        "count": len(seconds),
        "p50_ms": ms(percentile(seconds, 0.5)),
        "p99_ms": ms(percentile(seconds, 0.99)),
        "max_ms": ms(max(seconds, default=None)),
    }


def load_average() -> list[float]:
    """Return the machine's load: others may be at work on it."""
    return [round(each, 2) for each in os.getloadavg()]


def met(figure: float | None, limit: float, *, at_least: bool = False) -> str:
    """Say whether a figure is met."""
    if figure is None:
        return "not measured"
    good = figure >= limit if at_least else figure <= limit
    return "met" if good else "NOT MET"


async def _is_ok(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}


def _take_down(processes: list["subprocess.Popen[str]"]) -> None:
    for process in reversed(processes):
        if process.poll() is None:
            process.terminate()
    for process in reversed(processes):
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
