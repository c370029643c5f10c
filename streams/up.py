"""Everything in one terminal: broker, topics, sandbox and workers."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import BaseModel, SecretStr

from streams.connectors.bootstrap import bootstrap
from streams.connectors.commercetools import CommercetoolsClient
from streams.engine.admin import create_topics
from streams.engine.embedded import NOTICE, EmbeddedBroker
from streams.reference import load_reference
from streams.settings import Settings
from streams.supervisor import Child, Supervisor
from streams.wiring import STAGES

READY_TIMEOUT_S = 60.0
SANDBOX_CLIENT = "sandbox-client"
SANDBOX_SECRET = "sandbox-secret"  # noqa: S105 - opens the loopback stand-in only
SANDBOX_PROJECT = "oneshelf"

Say = Callable[[str], None]


@dataclass(slots=True)
class House:
    """What is running, and where.

    Attributes:
        settings: What clients need to reach it: broker, commercetools, prefix.
        workers: Base URL of each worker, by its id.
        sandbox_url: The commercetools stand-in, where one was started.
    """

    settings: Settings
    supervisor: Supervisor
    workers: dict[str, str]
    sandbox_url: str | None


@asynccontextmanager
async def house(
    settings: Settings,
    *,
    workers: int,
    sandbox: bool,
    say: Say,
    order_lag_s: float | None = None,
) -> AsyncIterator[House]:
    """Start everything, yield once it is ready, stop everything in order.

    The sandbox shows orders up to `order_lag_s` late, else as late as the vendor may.

    Raises:
        EngineError: The broker, a topic or a setting is not as it must be.
        WorkersNotReady: A worker did not get ready in time.
    """
    broker = None
    supervisor = Supervisor(lambda what, child: say(f"{child.name}: {what}"))
    try:
        if not settings.broker:
            broker = EmbeddedBroker(settings.data_dir / "broker")
            address = await asyncio.to_thread(broker.start)
            settings = settings.model_copy(update={"broker": address})
            say(f"broker at {address} ({NOTICE})")
        sandbox_url = None
        if sandbox and not settings.commercetools.api_url:
            settings, sandbox_url = await _start_sandbox(
                settings, supervisor, order_lag_s
            )
            say(f"commercetools sandbox at {sandbox_url}")
        await _load(settings, say)
        # Two that join at once may be given nothing by the embedded broker (0.2.3): it
        # leaves both waiting for half a minute, then one of them fails.
        urls = await _start_workers(
            settings, supervisor, workers, one_by_one=broker is not None
        )
        for name, url in urls.items():
            say(f"{name} ready at {url}")
        yield House(settings, supervisor, urls, sandbox_url)
    finally:
        await supervisor.stop()
        if broker is not None:
            await asyncio.to_thread(broker.stop)


class WorkersNotReady(Exception):
    """A worker did not get ready; its log file says why."""


async def _load(settings: Settings, say: Say) -> None:
    created = await create_topics(settings, STAGES)
    if created:
        say(f"created {len(created)} topics")
    if settings.reference_dir is not None:
        loaded = await load_reference(settings, settings.reference_dir)
        say(f"loaded {loaded.locations} locations and {loaded.products} products")
        if settings.commercetools.api_url:
            async with CommercetoolsClient(settings.commercetools) as client:
                for line in await bootstrap(client, loaded.all_locations):
                    say(line)


async def _start_sandbox(
    settings: Settings, supervisor: Supervisor, order_lag_s: float | None
) -> tuple[Settings, str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*_oneshelf(), "sandbox", "commercetools", "--port", str(port)]
    if order_lag_s is not None:
        command += ["--order-lag", str(order_lag_s)]
    await supervisor.start(
        Child(
            name="sandbox",
            command=command,
            environment={},
            log_file=settings.data_dir / "logs" / "sandbox.log",
        )
    )
    await _wait_until(f"{url}/_sandbox/health", "sandbox", settings, supervisor)
    commercetools = settings.commercetools.model_copy(
        update={
            "api_url": url,
            "auth_url": url,
            "project_key": SANDBOX_PROJECT,
            "client_id": SANDBOX_CLIENT,
            "client_secret": type(settings.commercetools.client_secret)(SANDBOX_SECRET),
        }
    )
    return settings.model_copy(update={"commercetools": commercetools}), url


async def _start_workers(
    settings: Settings, supervisor: Supervisor, count: int, *, one_by_one: bool
) -> dict[str, str]:
    urls = {}
    for number in range(count):
        name = f"worker-{number}"
        port = settings.http_port if number == 0 and _is_free(settings) else free_port()
        urls[name] = f"http://{settings.http_host}:{port}"
        await supervisor.start(
            Child(
                name=name,
                command=[*_oneshelf(), "worker"],
                environment=environment_of(settings)
                | {"ONESHELF_WORKER_ID": name, "ONESHELF_HTTP_PORT": str(port)},
                log_file=settings.data_dir / "logs" / f"{name}.log",
            )
        )
        if one_by_one:
            await _wait_until(f"{urls[name]}/health/ready", name, settings, supervisor)
    for name, url in urls.items():
        await _wait_until(f"{url}/health/ready", name, settings, supervisor)
    return urls


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment that gives another process these settings."""
    return dict(_variables("ONESHELF_", settings))


def _variables(prefix: str, values: BaseModel) -> Iterator[tuple[str, str]]:
    for name in type(values).model_fields:
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            yield from _variables(f"{prefix}{name.upper()}__", value)
        elif isinstance(value, SecretStr):
            yield prefix + name.upper(), value.get_secret_value()
        elif value is not None:
            yield prefix + name.upper(), str(value)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(settings: Settings) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.http_host, settings.http_port))
        except OSError:
            return False
        return settings.http_port != 0


def _oneshelf() -> list[str]:
    return [sys.executable, "-m", "streams.cli"]


async def _wait_until(
    url: str, name: str, settings: Settings, supervisor: Supervisor
) -> None:
    """Wait until a URL answers 200; fail with the end of the process's log."""
    log_file = settings.data_dir / "logs" / f"{name}.log"
    try:
        async with asyncio.timeout(READY_TIMEOUT_S), httpx.AsyncClient() as client:
            while not await _answers(client, url):
                if supervisor.refused.done():
                    child = supervisor.refused.result()
                    raise WorkersNotReady(
                        f"{child.name} does not start; its log ({child.log_file}) "
                        f"ends with: {_tail(child.log_file)}"
                    )
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise WorkersNotReady(
            f"{name} is not ready after {READY_TIMEOUT_S:.0f} s; its log "
            f"({log_file}) ends with: {_tail(log_file)}"
        ) from None


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url, timeout=2.0)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _tail(path: Path, lines: int = 3) -> str:
    if not path.exists():
        return "nothing"
    return json.dumps(path.read_text(errors="replace").splitlines()[-lines:])
