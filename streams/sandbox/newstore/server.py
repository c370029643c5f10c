"""Running the sandbox: in a thread, inside a running loop, or as a process of its own.

Loopback unless the configuration says otherwise; port 0 picks a free one. A courier
beside the server delivers the events.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar, cast

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streams.sandbox.newstore.app import ABORT, create_app
from streams.sandbox.newstore.config import SandboxConfig
from streams.sandbox.newstore.courier import Courier
from streams.sandbox.newstore.sandbox import Sandbox

T = TypeVar("T")
START_TIMEOUT_S = 20.0
# Requests still waiting in a latency when the server stops are cut after this.
STOP_TIMEOUT_S = 2
BACKLOG = 2048

log = structlog.get_logger()


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also lets the application cut the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # ASGI types its own extensions only, and lets a server have others.
        scope = cast(dict[str, object], self.scope)
        scope["extensions"] = {ABORT: self.transport.abort}


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
        listener = _listen(self.sandbox.config)
        self.url = _url(listener)
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
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
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
        self.server = _Server(_uvicorn_config(sandbox, courier))
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
    listener = _listen(sandbox.config)
    url = _url(listener)
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
    listener = _listen(sandbox.config)
    url = _url(listener)
    async with _running(sandbox, listener):
        yield url


def _uvicorn_config(sandbox: Sandbox, courier: Courier) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(sandbox, courier.wake),
        http=_Protocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        backlog=BACKLOG,
    )


def _listen(config: SandboxConfig) -> socket.socket:
    # Already listening: a client that connects before the loop runs waits, it is not
    # refused.
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    return socket.create_server(
        (config.host, config.port), family=family, backlog=BACKLOG
    )


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for Windows
        return None
    return uvloop.new_event_loop
