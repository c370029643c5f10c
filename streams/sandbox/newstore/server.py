"""Running the sandbox: in a thread, inside a running loop, or as a process of its own.

Loopback unless the configuration says otherwise; port 0 picks a free one. A courier
beside the server delivers the events.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from streams.sandbox.listening import listen, server_of, url_of
from streams.sandbox.newstore.app import create_app
from streams.sandbox.newstore.config import SandboxConfig
from streams.sandbox.newstore.courier import Courier
from streams.sandbox.newstore.sandbox import Sandbox
from streams.sandbox.running import ThreadedServer

log = structlog.get_logger()


class SandboxServer(ThreadedServer[Sandbox]):
    """A sandbox served from a thread with a loop of its own."""

    name = "newstore-sandbox"

    def __init__(
        self, config: SandboxConfig | None = None, sandbox: Sandbox | None = None
    ) -> None:
        super().__init__(sandbox or Sandbox(config))
        self._running: _Running | None = None

    async def serve(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        async with _running(self.sandbox, listener) as self._running:
            ready()
            await self._running.wait()

    def end(self) -> None:
        if self._running is not None:
            self._running.stop()

    def worked(self) -> None:
        """Have the courier look what there is to deliver."""
        if self._running is not None:
            self._running.courier.wake()


class _Running:
    """A server and its courier in the running loop."""

    def __init__(self, sandbox: Sandbox, courier: Courier) -> None:
        self.courier = courier
        self.server = server_of(create_app(sandbox, courier.wake))
        self._task: asyncio.Task[None] | None = None

    def start(self, listener: socket.socket) -> None:
        self._task = asyncio.create_task(self.server.serve(sockets=[listener]))

    def stop(self) -> None:
        self.server.should_exit = True

    async def wait(self) -> None:
        if self._task is not None:
            await self._task


@asynccontextmanager
async def _running(
    sandbox: Sandbox, listener: socket.socket
) -> AsyncIterator[_Running]:
    async with Courier(sandbox) as courier:
        running = _Running(sandbox, courier)
        deliveries = asyncio.create_task(courier.run())
        with listener:
            running.start(listener)
            try:
                yield running
            finally:
                running.stop()
                await running.wait()
                deliveries.cancel()
                with suppress(asyncio.CancelledError):
                    await deliveries


async def serve(
    config: SandboxConfig | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, in a process of its own; report the URL."""
    sandbox = Sandbox(config)
    listener = listen(sandbox.config.host, sandbox.config.port)
    url = url_of(listener)
    async with _running(sandbox, listener) as running:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.stop)
        log.info("sandbox.listening", url=url, tenant=sandbox.config.tenant)
        if on_ready is not None:
            on_ready(url)
        await running.wait()


@asynccontextmanager
async def serving(sandbox: Sandbox) -> AsyncIterator[str]:
    """Serve inside the running loop while the block lasts; yield the URL."""
    listener = listen(sandbox.config.host, sandbox.config.port)
    url = url_of(listener)
    async with _running(sandbox, listener):
        yield url
