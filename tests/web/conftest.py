"""A really running worker web on a free port, with the engine room in memory."""

import asyncio
import ssl
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    MutableMapping,
)
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
import pytest
import structlog
import uvloop
from prometheus_client import CollectorRegistry

from streams.settings import CommercetoolsSettings, NewStoreSettings, Settings
from streams.web.app import Web
from streams.web.bodies import Bodies
from streams.web.exceptions_routes import ExceptionsDesk
from streams.web.ports import OrdersPort
from streams.web.server import WebServer
from tests.web.fakes import FakeJournal, FakeLedger, FakeSink


def settings(**values: Any) -> Settings:
    webhook_key = values.pop("webhook_key", "")
    commerce_key = values.pop("commerce_key", "")
    return Settings(
        _env_file=None,
        newstore=NewStoreSettings(webhook_key=webhook_key),
        commercetools=CommercetoolsSettings(webhook_key=commerce_key),
        **{"http_host": "127.0.0.1", "api_keys": "", **values},
    )


@dataclass
class Worker:
    """A running web, its fakes, and a client for it."""

    ledger: FakeLedger = field(default_factory=FakeLedger)
    sink: FakeSink = field(default_factory=FakeSink)
    journal: FakeJournal = field(default_factory=FakeJournal)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    desk: ExceptionsDesk | None = None
    orders: OrdersPort | None = None

    def serve(
        self, *, fast: bool = True, bodies: Bodies | None = None, **values: Any
    ) -> "Worker":
        self.web = Web(
            settings=settings(**values),
            ledger=self.ledger,
            sink=self.sink,
            journal=self.journal,
            registry=self.registry,
            exceptions=self.desk,
            orders=self.orders,
            fast=fast,
            bodies=bodies,
        )
        self.server = WebServer(self.web, "127.0.0.1", 0)
        return self

    async def start(self) -> None:
        await self.server.start()
        self.url = self.server.url
        self.client = httpx.AsyncClient(
            base_url=self.url, trust_env=False, verify=NO_TLS
        )

    async def stop(self) -> None:
        await self.client.aclose()
        await self.server.stop()


# Loading the trusted roots for each client would take most of the tests' time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Serve = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start workers; they stop with the test."""
    async with AsyncExitStack() as stack:

        async def start(
            ledger: FakeLedger | None = None,
            registry: CollectorRegistry | None = None,
            desk: ExceptionsDesk | None = None,
            orders: OrdersPort | None = None,
            **values: Any,
        ) -> Worker:
            worker = Worker(
                ledger=ledger or FakeLedger(),
                registry=registry or CollectorRegistry(),
                desk=desk,
                orders=orders,
            ).serve(**values)
            await worker.start()
            stack.push_async_callback(worker.stop)
            return worker

        yield start


@pytest.fixture
async def worker(serve: Serve) -> Worker:
    """An open worker on loopback with one SKU at two locations."""
    worker = await serve()
    stock(worker.ledger)
    return worker


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true; the test's own time limit ends it."""
    while not true():  # noqa: ASYNC110 - what is waited for is inside the server under test.
        await asyncio.sleep(0.01)


def stock(ledger: FakeLedger) -> None:
    ledger.put(
        "TEE", "LDN01", on_hand=7, reserved=2, safety_stock=1, in_transit=12, sequence=9
    )
    ledger.put("TEE", "LDN02", on_hand=3, damaged=1, sequence=4)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the test logged; printing a failure with its locals takes half a minute."""
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture
def keys() -> str:
    """One key for each scope: reader, feeder (ingest), boss (operate)."""
    return ",".join(
        (
            f"shop:read:{sha256(b'reader').hexdigest()}",
            f"feed:ingest:{sha256(b'feeder').hexdigest()}",
            f"desk:operate+read:{sha256(b'boss').hexdigest()}",
        )
    )


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> dict[str, Callable[[], Any]]:
    """Run on uvloop, as workers do."""
    return {"uvloop": uvloop.new_event_loop}
