"""The HTTP server inside the worker's event loop: uvicorn without process manners."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Protocol

import uvicorn

from streams.web.express import Express
from streams.web.express_events import EventsProtocol, EventTaker
from streams.web.replies import Receive, Scope, Send

KEEP_ALIVE_S = 5
# Every connection costs some tens of kilobytes; beyond this callers get 503.
CONNECTIONS_MAX = 2048
STOP_TIMEOUT_S = 5
TICK_S = 1.0


class Application(Express, EventTaker, Protocol):
    """What can be served: an ASGI application with the fast lanes' answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    async def aclose(self) -> None:
        """Let go of what it holds, once nothing is asked any more."""
        ...


class CannotListen(OSError):
    """The host and port cannot be listened on; the message says why and what to do."""


class WebServer:
    """Serves an application on one port; takes no signals, writes no access log."""

    def __init__(
        self,
        app: Application,
        host: str,
        port: int,
        *,
        listener: socket.socket | None = None,
    ) -> None:
        """Args: listener: A socket that listens already, instead of host and port."""
        self._app = app
        self._host = host
        self._wanted_port = port
        self._socket = listener
        self._task: asyncio.Task[None] | None = None
        self._server = _Embedded(
            uvicorn.Config(
                app,
                http=EventsProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS_MAX,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOP_TIMEOUT_S,
            )
        )

    @property
    def port(self) -> int:
        """The port in use; differs from the one asked for when that was 0."""
        if self._socket is None or self._socket.family == socket.AF_UNIX:
            return self._wanted_port
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen, and return once requests are answered. Raises `CannotListen`."""
        if self._socket is None:
            self._socket = listen(self._host, self._wanted_port)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Finish the requests under way (5 s at most), then close everything."""
        self._server.leave()
        if self._task is not None:
            await self._task
            self._task = None
        self._server.abort_stalled()
        await self._app.aclose()


class _Embedded(uvicorn.Server):
    """Uvicorn as a guest: the worker handles signals and says when to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """End the server soon."""
        self.should_exit = True
        self._leaving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def abort_stalled(self) -> None:
        """Drop callers that do not read their answers: uvloop would wait for them."""
        connections: list[Any] = list(self.server_state.connections)
        for connection in connections:
            connection.transport.abort()

    async def main_loop(self) -> None:
        # Once a second instead of uvicorn's ten times, and at once when leaving.
        while not await self.on_tick(0):
            now = asyncio.get_running_loop().time()
            connections: list[Any] = list(self.server_state.connections)
            for connection in connections:
                connection.close_if_stalled(now)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._leaving.wait()


def listen(host: str, port: int) -> socket.socket:
    """Listen on a host and port. Raises `CannotListen`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise CannotListen(
            f"HTTP_HOST '{host}' is not a host of this machine ({error.strerror}); "
            "use 127.0.0.1, or 0.0.0.0 with API_KEYS set"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"HTTP_PORT {port} on {host} cannot be used ({error.strerror}); stop what "
            "uses it, set ONESHELF_HTTP_PORT, or 0 for any free port"
        ) from error
    return listener
