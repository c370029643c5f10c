"""Uvicorn's HTTP protocol with the limits it lacks (0.54): on a request's head, in
bytes and time, and on what a caller goes on sending after its answer.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from streams.web.replies import Problem

HEAD_BYTES_MAX = 32 * 1024
HEAD_TIMEOUT_S = 10.0
# A caller whose body was refused may finish sending it, so that it reads the answer
# instead of a broken connection; but not for ever.
REFUSED_BYTES_MAX = 16 * 1024 * 1024


class HeadTooLarge(Exception):
    """The request line and headers are over the limit."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Since when we have been waiting for a complete head; None while we are not.
        self._waiting_since: float | None = None
        self._in_head = False
        self._head_bytes = 0
        self._first_bytes = 0
        self._refused_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # As uvicorn narrows it.
        super().connection_made(transport)
        self._waiting_since = self.loop.time()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._waiting_since = self.loop.time()
        self._in_head = True
        self._head_bytes = self._first_bytes
        self._refused_bytes = 0

    def on_headers_complete(self) -> None:
        if self._head_is_too_large():
            raise HeadTooLarge
        self._head_is_complete()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        elif self.cycle is None or not self.cycle.more_body:
            self._first_bytes = len(data)
        else:
            # A head may begin behind a body in these bytes; how much of them it has is
            # not known, so they are not held against it.
            self._first_bytes = 0
        super().data_received(data)
        if self._in_head:
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(_head_too_large())
        elif self._is_answered() and self.timeout_keep_alive_task is None:
            # More of a body whose request is answered, or noise: not for ever.
            self._waiting_since = self._waiting_since or self.loop.time()
            self._refused_bytes += len(data)
            if self._refused_bytes > REFUSED_BYTES_MAX:
                self.transport.close()

    def close_if_stalled(self, now: float) -> None:
        """Close the connection if its next request's head takes too long."""
        since = self._waiting_since
        if since is not None and now - since > HEAD_TIMEOUT_S:
            self._refuse(_head_too_slow())

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, or was refused while parsing."""
        if self._in_head and self._head_size() > HEAD_BYTES_MAX:
            self._refuse(_head_too_large())
        else:
            self._refuse(_not_http())

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _head_is_complete(self) -> None:
        self._waiting_since = None
        self._in_head = False

    def _head_is_too_large(self) -> bool:
        # The bytes may hold a body too, so the head alone decides.
        return self._head_bytes > HEAD_BYTES_MAX and self._head_size() > HEAD_BYTES_MAX

    def _head_size(self) -> int:
        fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.url) + fields

    def _refuse(self, problem: Problem) -> None:
        reply = problem.reply()
        lines = [STATUS_LINE[reply.status]]
        length = (b"content-length", b"%d" % len(reply.body))
        for name, value in (*reply.headers, length, (b"connection", b"close")):
            lines += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*lines, b"\r\n", reply.body]))
        self.transport.close()


def _head_too_large() -> Problem:
    return Problem(
        431,
        "head-too-large",
        title="The request's head is too large",
        detail=f"Request line and headers may have {HEAD_BYTES_MAX} bytes together.",
        field="headers",
        value=f"more than {HEAD_BYTES_MAX} bytes",
        remedy="send fewer or shorter headers, or a shorter path",
    )


def _head_too_slow() -> Problem:
    return Problem(
        408,
        "head-too-slow",
        title="The request's head did not arrive in time",
        detail=f"Request line and headers must be complete in {HEAD_TIMEOUT_S:g} s.",
        field="headers",
        value="incomplete",
        remedy="send the request again",
    )


def _not_http() -> Problem:
    return Problem(
        400,
        "not-http",
        title="The request is not HTTP/1.1",
        detail="The bytes received cannot be read as an HTTP/1.1 request.",
        field="request",
        value="(not shown)",
        remedy="speak HTTP/1.1 to this port",
    )
