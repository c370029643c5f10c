"""Everything in one terminal: broker, topics, stand-ins and workers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr

from streams.connectors.bootstrap import bootstrap
from streams.connectors.bootstrap_orders import bootstrap_orders
from streams.connectors.commerce_orders import OrderClient
from streams.connectors.commercetools import CommercetoolsClient
from streams.domain.reference import Location
from streams.engine.admin import create_topics
from streams.engine.embedded import NOTICE, EmbeddedBroker
from streams.readiness import free_port, wait_until
from streams.reference import load_reference
from streams.settings import Settings
from streams.stand_ins import (
    Weather,
    connect,
    oneshelf,
    prepare_newstore,
    start_commercetools,
    start_newstore,
)
from streams.supervisor import Child, Supervisor
from streams.wiring import STAGES

Say = Callable[[str], None]


@dataclass(slots=True)
class House:
    """What is running, and where.

    Attributes:
        settings: What clients need to reach it: broker, commercetools, prefix.
        workers: Base URL of each worker, by its id.
        sandbox_url: The commercetools stand-in, where one was started.
        newstore_url: The NewStore stand-in, where one was started.
    """

    settings: Settings
    supervisor: Supervisor
    workers: dict[str, str]
    sandbox_url: str | None
    newstore_url: str | None = None


@asynccontextmanager
async def house(
    settings: Settings,
    *,
    workers: int,
    sandbox: bool,
    say: Say,
    newstore: bool = False,
    weather: Weather | None = None,
) -> AsyncIterator[House]:
    """Start everything, yield once it is ready, stop everything in order.

    Args:
        sandbox: Start a commercetools stand-in, unless one is configured.
        newstore: Start a NewStore stand-in, too, unless one is configured, and let both
            tell the first worker what happens: orders then go all their way.

    Raises:
        EngineError: The broker, a topic or a setting is not as it must be.
        WorkersNotReady: A process did not get ready in time.
    """
    async with _broker(settings, say) as with_broker:
        supervisor = Supervisor(lambda what, child: say(f"{child.name}: {what}"))
        running = House(with_broker, supervisor, {}, None)
        try:
            await _stand_ins(running, sandbox, newstore, weather or Weather(), say)
            locations = await _load(running.settings, say)
            # Two that join at once may be given nothing by the embedded broker (0.2.3):
            # it leaves both waiting for half a minute, then one of them fails.
            await _start_workers(
                running, workers, one_by_one=not settings.broker, say=say
            )
            await _connect(running, locations, say)
            yield running
        finally:
            await supervisor.stop()


@asynccontextmanager
async def _broker(settings: Settings, say: Say) -> AsyncIterator[Settings]:
    """Yield settings with a broker: the configured one, or an embedded one."""
    if settings.broker:
        yield settings
        return
    broker = EmbeddedBroker(settings.data_dir / "broker")
    # A thread cannot be cancelled: what it is starting must be there to be stopped.
    starting = asyncio.create_task(asyncio.to_thread(broker.start))
    try:
        address = await asyncio.shield(starting)
        say(f"broker at {address} ({NOTICE})")
        yield settings.model_copy(update={"broker": address})
    finally:
        try:
            await asyncio.gather(starting, return_exceptions=True)
        finally:
            await asyncio.to_thread(broker.stop)


async def _stand_ins(
    running: House, sandbox: bool, newstore: bool, weather: Weather, say: Say
) -> None:
    """Start the stand-ins of what is not configured."""
    settings, supervisor = running.settings, running.supervisor
    if sandbox and not settings.commercetools.api_url:
        settings, running.sandbox_url = await start_commercetools(
            settings, supervisor, weather
        )
        say(f"commercetools sandbox at {running.sandbox_url}")
    if newstore and not settings.newstore.api_url:
        settings, running.newstore_url = await start_newstore(
            settings, supervisor, weather
        )
        say(f"NewStore sandbox at {running.newstore_url}")
    if running.sandbox_url and running.newstore_url:
        with_orders = settings.commercetools.model_copy(update={"orders": True})
        settings = settings.model_copy(update={"commercetools": with_orders})
    running.settings = settings


async def _connect(running: House, locations: Iterable[Location], say: Say) -> None:
    if running.newstore_url is None:
        return
    await prepare_newstore(running.newstore_url, locations)
    if running.sandbox_url is not None:
        await connect(
            running.settings,
            next(iter(running.workers.values())),
            commercetools=running.sandbox_url,
            newstore=running.newstore_url,
        )
        say("both sandboxes tell the first worker what happens")


async def _load(settings: Settings, say: Say) -> list[Location]:
    created = await create_topics(settings, STAGES)
    if created:
        say(f"created {len(created)} topics")
    locations: list[Location] = []
    if settings.reference_dir is not None:
        loaded = await load_reference(settings, settings.reference_dir)
        locations = list(loaded.all_locations)
        say(f"loaded {loaded.locations} locations and {loaded.products} products")
    if not settings.commercetools.api_url:
        return locations
    if locations:
        async with CommercetoolsClient(settings.commercetools) as client:
            for line in await bootstrap(client, locations):
                say(line)
    if settings.commercetools.orders:
        async with OrderClient(settings.commercetools) as orders:
            for line in await bootstrap_orders(orders):
                say(line)
    return locations


async def _start_workers(
    running: House, count: int, *, one_by_one: bool, say: Say
) -> None:
    settings, supervisor = running.settings, running.supervisor
    urls = running.workers
    for number in range(count):
        name = f"worker-{number}"
        port = settings.http_port if number == 0 and _is_free(settings) else free_port()
        urls[name] = f"http://{settings.http_host}:{port}"
        await supervisor.start(
            Child(
                name=name,
                command=[*oneshelf(), "worker"],
                environment=environment_of(settings)
                | {"ONESHELF_WORKER_ID": name, "ONESHELF_HTTP_PORT": str(port)},
                log_file=settings.data_dir / "logs" / f"{name}.log",
            )
        )
        if one_by_one:
            await _ready(urls[name], name, settings, supervisor)
    for name, url in urls.items():
        await _ready(url, name, settings, supervisor)
        say(f"{name} ready at {url}")


async def _ready(
    url: str, name: str, settings: Settings, supervisor: Supervisor
) -> None:
    log_file = settings.data_dir / "logs" / f"{name}.log"
    await wait_until(f"{url}/health/ready", name, log_file, supervisor)


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


def _is_free(settings: Settings) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.http_host, settings.http_port))
        except OSError:
            return False
        return settings.http_port != 0
