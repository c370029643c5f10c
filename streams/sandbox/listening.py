"""What every stand-in's server shares: a quiet uvicorn that can cut a connection."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# The server puts a function here that cuts the connection.
ABORT = "sandbox.abort"
# Requests still waiting in a latency when the server stops are cut after this.
STOP_TIMEOUT_S = 2
BACKLOG = 2048


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also lets the application cut the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # ASGI types its own extensions only, and lets a server have others.
        scope = cast(dict[str, object], self.scope)
        scope["extensions"] = {ABORT: self.transport.abort}


class Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_of(application: Any) -> Server:
    """Return a server of an ASGI application; it is given its listener later."""
    return Server(
        uvicorn.Config(
            application,
            http=Protocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            backlog=BACKLOG,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Listen already: a client that connects before the loop runs waits, no more."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def url_of(listener: socket.socket) -> str:
    """Return the base URL of what listens there."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory, where there is one."""
    try:
        import uvloop
    except ImportError:  # not made for Windows
        return None
    return uvloop.new_event_loop
