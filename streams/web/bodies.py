"""Reading request bodies within limits: of one body, of all at once, and of time."""

import asyncio

from streams.web.replies import HeaderList, Problem, Receive, unavailable

BODY_BYTES_MAX = 1024 * 1024
# What all requests together may hold while they arrive or wait for the broker.
BODIES_BYTES_MAX = 64 * 1024 * 1024
BODY_TIMEOUT_S = 30.0


class Disconnected(Exception):
    """The caller went away before its body was complete; nobody waits for an answer."""


class Bodies:
    """Reads bodies and keeps count of what is held; `hold` and `release` pair up."""

    def __init__(
        self,
        *,
        bytes_max: int = BODY_BYTES_MAX,
        held_bytes_max: int = BODIES_BYTES_MAX,
        timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        self.bytes_max = bytes_max
        self._held_bytes_max = held_bytes_max
        self._timeout_s = timeout_s
        self.held_bytes = 0

    async def read(self, headers: HeaderList, receive: Receive) -> "Body":
        """Return the whole body; use the answer in a `with`, which frees its bytes.

        Raises a problem: 413 over the limit, 408 when too slow, 503 when too much is
        held already; `Disconnected` when the caller went away.
        """
        self._refuse_announced(headers)
        body = Body(self)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._fill(body, receive)
        except TimeoutError:
            body.release()
            raise self._too_slow(body) from None
        except BaseException:
            body.release()
            raise
        return body

    async def _fill(self, body: "Body", receive: Receive) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            body.add(message.get("body", b""))
            more = message.get("more_body", False)

    def _refuse_announced(self, headers: HeaderList) -> None:
        for name, value in headers:
            if name == b"content-length" and int(value) > self.bytes_max:
                raise self.too_large(f"{int(value)} bytes")

    def too_large(self, size: str) -> Problem:
        """Say that a body is over the limit."""
        return Problem(
            413,
            "body-too-large",
            title="The body is too large",
            detail=f"A body may have {self.bytes_max} bytes at most.",
            field="body",
            value=size,
            remedy="send one event, or fewer SKUs, per request",
        )

    def _too_slow(self, body: "Body") -> Problem:
        return Problem(
            408,
            "body-too-slow",
            title="The body did not arrive in time",
            detail=f"A body must be complete within {self._timeout_s:g} s.",
            field="body",
            value=f"{body.size} bytes so far",
            remedy="send the request again",
            headers=[(b"connection", b"close")],
        )

    def reserve(self, size: int) -> None:
        """Count bytes as held, or refuse them with a 503."""
        if self.held_bytes + size > self._held_bytes_max:
            raise unavailable(
                "Too many requests wait for the broker.",
                kind="too-busy",
                field="body",
                value=f"{self.held_bytes} bytes held",
                retry_after_s=1,
            )
        self.held_bytes += size


class Body:
    """One request's body, counted as held until released."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._chunks: list[bytes] = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """Take a chunk, unless it goes over a limit."""
        size = self.size + len(chunk)
        if size > self._bodies.bytes_max:
            raise self._bodies.too_large(f"more than {self._bodies.bytes_max} bytes")
        self._bodies.reserve(len(chunk))
        self.size = size
        if chunk:
            self._chunks.append(chunk)

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def release(self) -> None:
        """Stop counting the bytes as held."""
        self._bodies.held_bytes -= self.size
        self.size = 0
        self._chunks = []

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
