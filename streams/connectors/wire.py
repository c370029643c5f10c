"""HTTP/1.1 to a vendor's API at a tenth of what httpx's own transport costs.

Fits httpx as a transport, so requests, answers and errors are httpx's. Small requests,
answers read as a whole, no streaming: what an API of short JSON documents needs.
"""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple
from urllib.request import getproxies, proxy_bypass

import httptools
import httpx

if TYPE_CHECKING:
    import ssl

IDLE_MAX_S = 5.0
"""A connection idle for longer may be closed by the other side at any moment."""

_INFORMATIONAL = range(100, 200)


class _Origin(NamedTuple):
    host: str
    port: int
    tls: bool


def transport_for(
    url: str, *, connections: int, connect_timeout_s: float, answer_timeout_s: float
) -> httpx.AsyncBaseTransport | None:
    """Return the transport towards a URL; None where a proxy is set, which httpx knows.

    Proxies come from the environment (HTTPS_PROXY, NO_PROXY, …), as httpx reads them.
    """
    parsed = httpx.URL(url)
    proxies = getproxies()
    proxied = parsed.scheme in proxies or "all" in proxies
    if proxied and not proxy_bypass(parsed.host):
        return None
    return Wire(
        connections=connections,
        connect_timeout_s=connect_timeout_s,
        answer_timeout_s=answer_timeout_s,
    )


class Wire(httpx.AsyncBaseTransport):
    """Keeps connections alive and sends one request at a time on each."""

    def __init__(
        self, *, connections: int, connect_timeout_s: float, answer_timeout_s: float
    ) -> None:
        self._places = asyncio.Semaphore(connections)
        self._connect_timeout_s = connect_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._idle: dict[_Origin, deque[_Line]] = {}
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout: It was never sent.
            httpx.TransportError: It may have arrived, and may have been done.
        """
        content = await request.aread()
        async with self._places:
            line, origin = await self._line(request)
            answer = None
            try:
                async with asyncio.timeout(self._answer_timeout_s):
                    answer = await line.exchange(_head_of(request), content)
            except TimeoutError as error:
                raise httpx.ReadTimeout("no answer in time", request=request) from error
            except httpx.TransportError as error:
                error.request = request
                raise
            finally:
                # After anything but a whole answer nobody knows what comes next on it.
                if answer is not None and line.is_open:
                    self._idle.setdefault(origin, deque()).append(line)
                else:
                    line.close()
        try:
            return httpx.Response(
                answer.status,
                headers=answer.headers,
                content=answer.body,
                request=request,
            )
        except httpx.DecodingError as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error

    async def aclose(self) -> None:
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle.clear()

    async def _line(self, request: httpx.Request) -> tuple["_Line", _Origin]:
        url = request.url
        tls = url.scheme == "https"
        origin = _Origin(url.host, url.port or (443 if tls else 80), tls)
        idle = self._idle.get(origin)
        while idle:
            line = idle.pop()
            if line.is_open and time.monotonic() - line.idle_since < IDLE_MAX_S:
                return line, origin
            line.close()
        return await self._connect(origin, request), origin

    async def _connect(self, origin: _Origin, request: httpx.Request) -> "_Line":
        if origin.tls and self._tls is None:
            self._tls = httpx.create_ssl_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, line = await asyncio.get_running_loop().create_connection(
                    _Line,
                    origin.host,
                    origin.port,
                    ssl=self._tls if origin.tls else None,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection", request=request) from error
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        return line


class _Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class _Line(asyncio.Protocol):
    """One connection: asyncio's protocol and the parser's callbacks in one."""

    def __init__(self) -> None:
        self.is_open = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[_Answer] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._in_body = False

    async def exchange(self, head: bytes, body: bytes) -> _Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(head + body)
        try:
            return await self._answer
        finally:
            self._answer = None

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    # --- asyncio's callbacks ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP gives a Transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # Nobody asked: what follows could not be told apart.
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            self._fail(httpx.RemoteProtocolError(f"not HTTP: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        names = {name.lower() for name, _ in self._headers}
        ends_with_it = not names & {b"content-length", b"transfer-encoding"}
        if self._in_body and error is None and ends_with_it:
            self.on_message_complete()
        else:
            self._fail(httpx.RemoteProtocolError(f"connection lost: {error!r}"))

    # --- the parser's callbacks ---

    def on_message_begin(self) -> None:
        self._headers = []
        self._chunks = []
        self._in_body = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        status = self._parser.get_status_code()
        if status in _INFORMATIONAL:
            return
        self.is_open = self.is_open and self._parser.should_keep_alive()
        self.idle_since = time.monotonic()
        answer = self._answer
        if answer is not None and not answer.done():
            answer.set_result(_Answer(status, self._headers, b"".join(self._chunks)))

    def _fail(self, error: httpx.TransportError) -> None:
        answer = self._answer
        if answer is not None and not answer.done():
            answer.set_exception(error)


def _head_of(request: httpx.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)]
    for name, value in request.headers.raw:
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)
