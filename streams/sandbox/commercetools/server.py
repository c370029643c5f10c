"""Running the sandbox: in a thread, inside a running loop, or as a process of its own.

Loopback unless the configuration says otherwise; port 0 picks a free one.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
import uvicorn

from streams.sandbox.commercetools.app import create_app
from streams.sandbox.commercetools.config import SandboxConfig
from streams.sandbox.commercetools.messaging.courier import Sink
from streams.sandbox.commercetools.postman import delivering
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.listening import listen, server_of, url_of
from streams.sandbox.running import ThreadedServer

log = structlog.get_logger()


class SandboxServer(ThreadedServer[Sandbox]):
    """A sandbox served from a thread with a loop of its own."""

    name = "commercetools-sandbox"

    def __init__(
        self,
        config: SandboxConfig | None = None,
        sandbox: Sandbox | None = None,
        sinks: Mapping[str, Sink] | None = None,
    ) -> None:
        super().__init__(sandbox or Sandbox(config, sinks=sinks))
        self._server = server_of(create_app(self.sandbox))

    async def serve(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        ready()  # It listens already.
        await _serve(self._server, self.sandbox, listener)

    def end(self) -> None:
        _stop(self._server)


async def serve(
    config: SandboxConfig | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
    sinks: Mapping[str, Sink] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, in a process of its own; report the URL.

    `sinks` take notifications on, by the destination's type; HTTP has one already.
    """
    sandbox = Sandbox(config, sinks=sinks)
    server = server_of(create_app(sandbox))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, server)
    with listen(sandbox.config.host, sandbox.config.port) as listener:
        url = url_of(listener)
        log.info("sandbox.listening", url=url, project=sandbox.config.project_key)
        if on_ready is not None:
            on_ready(url)
        await _serve(server, sandbox, listener)


async def _serve(
    server: uvicorn.Server, sandbox: Sandbox, listener: socket.socket
) -> None:
    async with delivering(sandbox):
        await server.serve(sockets=[listener])


@asynccontextmanager
async def serving(sandbox: Sandbox) -> AsyncIterator[str]:
    """Serve inside the running loop while the block lasts; yield the URL."""
    server = server_of(create_app(sandbox))
    with listen(sandbox.config.host, sandbox.config.port) as listener:
        task = asyncio.create_task(_serve(server, sandbox, listener))
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            await task


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True
