"""Running the sandbox: in a thread, inside a running loop, or as a process of its own.

Loopback unless the configuration says otherwise; port 0 picks a free one.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self, TypeVar

import structlog
import uvicorn

from streams.sandbox.commercetools.app import create_app
from streams.sandbox.commercetools.config import SandboxConfig
from streams.sandbox.commercetools.messaging.courier import Sink
from streams.sandbox.commercetools.postman import delivering
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.listening import listen, loop_factory, server_of, url_of

T = TypeVar("T")
START_TIMEOUT_S = 20.0

log = structlog.get_logger()


class SandboxServer:
    """A sandbox served from a thread with a loop of its own."""

    def __init__(
        self,
        config: SandboxConfig | None = None,
        sandbox: Sandbox | None = None,
        sinks: Mapping[str, Sink] | None = None,
    ) -> None:
        self.sandbox = sandbox or Sandbox(config, sinks=sinks)
        self.url = ""
        self._server = server_of(create_app(self.sandbox))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()

    def start(self) -> Self:
        """Listen and return once requests are answered; `url` says where."""
        listener = listen(self.sandbox.config.host, self.sandbox.config.port)
        self.url = url_of(listener)
        self._thread = threading.Thread(
            target=self._run,
            args=(listener,),
            name="commercetools-sandbox",
            daemon=True,
        )
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise TimeoutError("The sandbox did not start")
        return self

    def stop(self) -> None:
        """Stop listening and wait for the thread to end."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._thread = None

    def call(self, operation: Callable[[Sandbox], T]) -> T:
        """Run an operation on the sandbox, on its own thread, and return its result."""
        if self._loop is None or self._thread is None:
            raise RuntimeError("The sandbox is not running")

        async def run() -> T:
            return operation(self.sandbox)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, listener: socket.socket) -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner, listener:
            self._loop = runner.get_loop()
            self._loop.call_soon(self._ready.set)
            runner.run(_serve(self._server, self.sandbox, listener))


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
