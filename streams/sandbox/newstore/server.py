"""Running the sandbox: in a thread, inside a running loop, or as a process of its own.

Loopback unless the configuration says otherwise; port 0 picks a free one. A courier
beside the server delivers the events.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar

import structlog

from streams.sandbox.listening import listen, loop_factory, server_of, url_of
from streams.sandbox.newstore.app import create_app
from streams.sandbox.newstore.config import SandboxConfig
from streams.sandbox.newstore.courier import Courier
from streams.sandbox.newstore.sandbox import Sandbox

T = TypeVar("T")
START_TIMEOUT_S = 20.0

log = structlog.get_logger()


class SandboxServer:
    """A sandbox served from a thread with a loop of its own."""

    def __init__(
        self, config: SandboxConfig | None = None, sandbox: Sandbox | None = None
    ) -> None:
        self.sandbox = sandbox or Sandbox(config)
        self.url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._stop: Callable[[], None] | None = None
        self._wake: Callable[[], None] | None = None

    def start(self) -> Self:
        """Listen and return once requests are answered; `url` says where."""
        listener = listen(self.sandbox.config.host, self.sandbox.config.port)
        self.url = url_of(listener)
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="newstore-sandbox", daemon=True
        )
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise TimeoutError("The sandbox did not start")
        return self

    def stop(self) -> None:
        """Stop listening and wait for the thread to end."""
        if self._thread is None or self._stop is None:
            return
        self._stop()
        self._thread.join()
        self._thread = None

    def call(self, operation: Callable[[Sandbox], T]) -> T:
        """Run an operation on the sandbox, on its own thread, and return its result."""
        if self._loop is None or self._thread is None:
            raise RuntimeError("The sandbox is not running")

        async def run() -> T:
            try:
                return operation(self.sandbox)
            finally:
                if self._wake is not None:
                    self._wake()

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
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            self._loop = runner.get_loop()
            runner.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        async with _running(self.sandbox, listener) as running:
            self._stop, self._wake = running.stop, running.courier.wake
            self._ready.set()
            await running.wait()


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
