"""Running the sandbox: in a thread, inside a running loop, or as a process of its own.

Loopback unless the configuration says otherwise; port 0 picks a free one.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self, TypeVar, cast

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streams.sandbox.commercetools.app import ABORT, create_app
from streams.sandbox.commercetools.config import SandboxConfig
from streams.sandbox.commercetools.messaging.courier import Sink
from streams.sandbox.commercetools.postman import delivering
from streams.sandbox.commercetools.sandbox import Sandbox

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
        self,
        config: SandboxConfig | None = None,
        sandbox: Sandbox | None = None,
        sinks: Mapping[str, Sink] | None = None,
    ) -> None:
        self.sandbox = sandbox or Sandbox(config, sinks=sinks)
        self.url = ""
        self._server = _Server(_uvicorn_config(self.sandbox))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()

    def start(self) -> Self:
        """Listen and return once requests are answered; `url` says where."""
        listener = _listen(self.sandbox.config)
        self.url = _url(listener)
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
        with asyncio.Runner(loop_factory=_loop_factory()) as runner, listener:
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
    server = _Server(_uvicorn_config(sandbox))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, server)
    with _listen(sandbox.config) as listener:
        url = _url(listener)
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
    server = _Server(_uvicorn_config(sandbox))
    with _listen(sandbox.config) as listener:
        task = asyncio.create_task(_serve(server, sandbox, listener))
        try:
            yield _url(listener)
        finally:
            server.should_exit = True
            await task


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


def _uvicorn_config(sandbox: Sandbox) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(sandbox),
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
