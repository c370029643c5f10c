"""Real workers on a real broker: processes of their own, killed, frozen and checked.

Every shelf has topics, group, data folders and a commercetools sandbox of its own, and
takes all of it down by process id, whatever became of the test.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from streams.connectors.bootstrap import bootstrap
from streams.connectors.commercetools import CommercetoolsClient
from streams.engine.admin import create_topics, wanted_topics
from streams.readiness import free_port
from streams.reference import load_reference
from streams.replay import Sent, send
from streams.sandbox.commercetools import SandboxServer
from streams.settings import CommercetoolsSettings, NewStoreSettings, Settings
from streams.settle import wait_until_settled
from streams.up import environment_of
from streams.verify import Verification, verify
from streams.wiring import STAGES

ROOT = Path(__file__).resolve().parents[2]
WEBHOOK_KEY = "integration-webhook-key"
READY_TIMEOUT_S = 90.0
SETTLE_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
LOG_TAIL_LINES = 25
DEADLY = (signal.SIGKILL, signal.SIGTERM)
OPEN_PARTITION = re.compile(r"^oneshelf_stage_commits_total\{", re.MULTILINE)


class NotReady(Exception):
    """A worker did not get where the test needs it; the end of its log is in here."""


class EndedByItself(Exception):
    """A worker ended although no test asked it to; the end of its log is in here."""


@dataclass(slots=True)
class WorkerProcess:
    """One worker: its settings as environment, its process while it runs.

    Attributes:
        may_end: The test has asked it to end, or waits for that: it is no surprise.
        surprises: The exit codes with which earlier lives ended by themselves.
    """

    name: str
    url: str
    environment: dict[str, str]
    log_file: Path
    process: subprocess.Popen[bytes] | None = None
    may_end: bool = False
    surprises: list[int] = field(default_factory=list)

    def start(self, **settings: str) -> None:
        """Start it; keywords are settings for this start alone, as `crash_at`."""
        self.surprises = self.unasked_ends()
        self.may_end = False
        extra = {f"ONESHELF_{name.upper()}": value for name, value in settings.items()}
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", "worker"],
                cwd=ROOT,
                env={**os.environ, **self.environment, **extra},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def exit_code(self) -> int | None:
        """Return what it ended with; None while it runs."""
        return None if self.process is None else self.process.poll()

    def unasked_ends(self) -> list[int]:
        """Return the exit codes with which it ended although nobody asked it to."""
        code = self.exit_code
        if code is None or self.may_end:
            return self.surprises
        return [*self.surprises, code]

    def signal(self, number: signal.Signals) -> None:
        """Signal the process if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.may_end = self.may_end or number in DEADLY
            self.process.send_signal(number)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        await self._ended()

    async def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Return the exit code once it has ended by itself, as the test expects."""
        self.may_end = True
        return await self._ended(timeout_s)

    async def stop(self) -> int:
        """Ask it to stop; kill it where it does not."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return await self._ended()
        except subprocess.TimeoutExpired:
            await self.kill()
            raise

    async def _ended(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        if self.process is None:
            raise RuntimeError(f"{self.name} was never started")
        return await asyncio.to_thread(self.process.wait, timeout_s)

    def log(self) -> str:
        """Return what all its lives have logged so far."""
        return self.log_file.read_text(errors="replace")


@dataclass(slots=True)
class Shelf:
    """Everything one test runs.

    Attributes:
        forgiven: Exit codes after which a worker may be started again unasked.
    """

    settings: Settings
    sandbox: SandboxServer
    folder: Path
    forgiven: frozenset[int] = frozenset()
    workers: dict[str, WorkerProcess] = field(default_factory=dict)
    client: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    def worker(self, name: str) -> WorkerProcess:
        """Return a worker, with its port, data and log folder, not started yet."""
        if name not in self.workers:
            port = free_port()
            environment = environment_of(self.settings) | {
                "ONESHELF_WORKER_ID": name,
                "ONESHELF_HTTP_PORT": str(port),
            }
            self.workers[name] = WorkerProcess(
                name,
                f"http://127.0.0.1:{port}",
                environment,
                self.folder / f"{name}.log",
            )
        return self.workers[name]

    async def start(self, *names: str) -> list[WorkerProcess]:
        """Start workers; return once all are ready and share all partitions."""
        started = [self.worker(name) for name in names]
        for each in started:
            each.start()
        await self.all_ready()
        return started

    async def all_ready(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until the running workers are ready and own every partition together."""
        running = [each for each in self.workers.values() if each.exit_code is None]
        wanted = self.settings.partitions * len(STAGES)
        try:
            async with asyncio.timeout(timeout_s):
                while await self.partitions(running) != wanted:
                    self._supervise(running)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            logs = "\n".join(f"{each.name}:\n{tail(each)}" for each in running)
            raise NotReady(f"not ready after {timeout_s:.0f} s\n{logs}") from None

    def assert_none_ended_by_itself(self) -> None:
        """Raise where a worker ended although no test asked it to.

        Raises:
            EndedByItself: With the exit codes, and the end of its log.
        """
        for worker in self.workers.values():
            unforgiven = [c for c in worker.unasked_ends() if c not in self.forgiven]
            if unforgiven:
                raise EndedByItself(
                    f"{worker.name} ended by itself with {unforgiven}\n{tail(worker)}"
                )

    def _supervise(self, workers: Iterable[WorkerProcess]) -> None:
        """Start again what may fail; anything else that ended fails the test."""
        self.assert_none_ended_by_itself()
        for worker in workers:
            if worker.exit_code in self.forgiven:
                worker.start()

    async def partitions(self, workers: Iterable[WorkerProcess]) -> int:
        """Return how many stage partitions they have open; 0 if one is not ready."""
        found = [await self._partitions(each) for each in workers]
        return 0 if None in found else sum(count or 0 for count in found)

    async def _partitions(self, worker: WorkerProcess) -> int | None:
        try:
            ready = await self.client.get(f"{worker.url}/health/ready", timeout=2.0)
            if ready.status_code != httpx.codes.OK:
                return None
            metrics = await self.client.get(f"{worker.url}/metrics", timeout=2.0)
        except httpx.HTTPError:
            return None
        return len(OPEN_PARTITION.findall(metrics.text))

    def state_folder(self, name: str) -> Path:
        """Return a worker's data folder."""
        return self.settings.data_dir / name

    def wipe(self, name: str) -> None:
        """Take a stopped worker's disk away."""
        shutil.rmtree(self.state_folder(name))

    async def load_reference(
        self, locations: Iterable[str], skus: Iterable[str]
    ) -> None:
        """Load locations and products, and make what commercetools needs for them."""
        folder = self.folder / "reference"
        folder.mkdir(exist_ok=True)
        places = "\n".join(f"{each},ch-{each.lower()},true" for each in locations)
        (folder / "locations.csv").write_text(
            f"location_id,commercetools_channel_key,enabled\n{places}\n"
        )
        products = "\n".join(f"{sku},true" for sku in skus)
        (folder / "products.csv").write_text(f"sku,enabled\n{products}\n")
        await self.load_reference_from(folder)

    async def load_reference_from(self, folder: Path) -> None:
        """Load a folder's reference data."""
        loaded = await load_reference(self.settings, folder)
        async with CommercetoolsClient(self.settings.commercetools) as client:
            await bootstrap(client, loaded.all_locations)

    async def send(self, events: Iterable[bytes], rate: float | None = None) -> Sent:
        """Put events onto the log, in order per key."""
        return await send(self.settings, events, rate=rate)

    async def settled(self, timeout_s: float = SETTLE_TIMEOUT_S) -> Verification:
        """Wait for quiet, then compare everything with everything."""
        await wait_until_settled(self.settings, timeout_s=timeout_s)
        return await verify(self.settings)

    def commerce(self) -> dict[tuple[str, str], int]:
        """Return what the sandbox holds, by SKU and channel key."""

        def quantities(sandbox: Any) -> dict[tuple[str, str], int]:
            keys = {each.id: each.key for each in sandbox.channels.walk()}
            return {
                (entry.sku, keys[entry.channel_id]): entry.quantity_on_stock
                for entry in sandbox.inventory.walk()
            }

        return self.sandbox.call(quantities)


def tail(worker: WorkerProcess) -> str:
    """Return the end of a worker's log."""
    return "\n".join(worker.log().splitlines()[-LOG_TAIL_LINES:])


@asynccontextmanager
async def shelf(
    broker: str,
    topic_prefix: str,
    folder: Path,
    forgiven: frozenset[int] = frozenset(),
    **changes: Any,
) -> AsyncIterator[Shelf]:
    """Set up topics, sandbox and settings; yield; take down all that runs.

    Raises:
        EndedByItself: In the end, where a worker had ended although no test asked.
    """
    with SandboxServer() as sandbox:
        settings = settings_for(broker, topic_prefix, folder, sandbox.url, **changes)
        await create_topics(settings, STAGES)
        made = Shelf(settings, sandbox, folder, forgiven)
        try:
            yield made
            made.assert_none_ended_by_itself()
        finally:
            await _take_down(made)


def settings_for(
    broker: str, topic_prefix: str, folder: Path, commerce_url: str, **changes: Any
) -> Settings:
    """Return settings under names that no other test uses."""
    commercetools = CommercetoolsSettings(
        api_url=commerce_url,
        auth_url=commerce_url,
        project_key="oneshelf",
        client_id="sandbox-client",
        client_secret=SecretStr("sandbox-secret"),
        requests_per_second=2000.0,
    )
    defaults: dict[str, Any] = {
        "broker": broker,
        "app_id": f"{topic_prefix}app",
        "topic_prefix": topic_prefix,
        "data_dir": folder / "data",
        "http_port": 0,
        "commercetools": commercetools,
        "newstore": NewStoreSettings(webhook_key=SecretStr(WEBHOOK_KEY)),
    }
    return Settings(**(defaults | changes))


async def _take_down(shelf: Shelf) -> None:
    await shelf.client.aclose()
    for worker in shelf.workers.values():
        worker.signal(signal.SIGKILL)
    for worker in shelf.workers.values():
        if worker.process is not None:
            await worker.wait()
    # The embedded broker goes away with its folder, and may not know the request.
    with contextlib.suppress(KafkaError):
        await remove_topics(shelf.settings)


async def remove_topics(settings: Settings, names: Iterable[str] = ()) -> None:
    """Remove topics, or all of a test's: left-over partitions slow a broker down."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
    await admin.start()
    try:
        wanted = set(names) or set(wanted_topics(settings, STAGES))
        await admin.delete_topics(list(wanted))
        async with asyncio.timeout(30):
            while wanted & set(await admin.list_topics()):  # noqa: ASYNC110 - the broker's work
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
