"""The ASGI shell of every stand-in: bytes in, its answer out, with dropped lines.

Plain ASGI rather than a framework: an API is a handful of addresses, and an update must
cost little more than the server itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import parse_qs, unquote

from streams.sandbox.listening import ABORT

# commercetools' docs, "Limits": a persisted document has at most 16 MB.
BODY_BYTES_MAX = 16 * 1024 * 1024

# Any: ASGI's own types are open dictionaries.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `segments` are the decoded parts of the path."""

    method: str
    path: str
    segments: tuple[str, ...]
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = b""
    authorization: str | None = None
    correlation_id: str = ""

    def parameter(self, name: str) -> str | None:
        """Return the last value of a query parameter."""
        found = self.parameters.get(name)
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Answer(ABC):
    """One response. `is_dropped`: the connection closes without it."""

    status: int
    body: object = None
    headers: Sequence[tuple[str, str]] = ()
    is_dropped: bool = False
    page: bytes | None = field(default=None, repr=False)

    @abstractmethod
    def payload(self) -> tuple[str, bytes]:
        """Return the content type and the bytes."""


def is_number(text: str) -> bool:
    """Say whether a query parameter is a number that fits 64 bits, never negative."""
    return text.isascii() and text.isdigit() and len(text) < 19


Q = TypeVar("Q", bound=Request)


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class BodyTooLarge(Exception):
    """The request has more bytes than a vendor takes."""


class Shell(ABC, Generic[Q]):
    """An ASGI application; what it answers is its vendor's to say."""

    request: type[Q]

    @abstractmethod
    async def answer(self, request: Q) -> Answer:
        """Answer one request, having waited where that is due."""

    @abstractmethod
    def too_large(self) -> Answer:
        """Answer a request whose body is too large."""

    def complete(self, request: Q) -> Q:
        """Add what the vendor adds to a request."""
        return request

    def headers(self, request: Q) -> Sequence[tuple[bytes, bytes]]:
        """Return the headers that every answer of the vendor has."""
        return ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise ValueError(f"A stand-in is asked over HTTP only, not {scope['type']}")
        try:
            body = await _read(receive)
        except ClientGone:
            return
        except BodyTooLarge:
            await _respond(send, self.too_large(), ())
            return
        request = self.complete(self.request(**_parts(scope), body=body))
        answer = await self.answer(request)
        if answer.is_dropped:
            await _drop(scope, receive)
        else:
            await _respond(send, answer, self.headers(request))


def parts_of(
    method: str, path: str, query: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a request is made of, its body apart; header names are lower-case."""
    return {
        "method": method,
        "path": path,
        "segments": tuple(unquote(part) for part in path.split("/") if part),
        "parameters": parse_qs(query, keep_blank_values=True) if query else {},
        "authorization": headers.get("authorization") or None,
        "correlation_id": headers.get("x-correlation-id", ""),
    }


def _parts(scope: Scope) -> dict[str, Any]:
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
    }
    return parts_of(scope["method"], path, query, headers)


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += cast(bytes, message.get("body", b""))
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return body


async def _respond(
    send: Send, answer: Answer, always: Sequence[tuple[bytes, bytes]]
) -> None:
    content_type, payload = answer.payload()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(payload)).encode()),
        *always,
        *((name.lower().encode(), value.encode()) for name, value in answer.headers),
    ]
    if answer.status == 204:
        del headers[:2]
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": headers}
    )
    await send({"type": "http.response.body", "body": payload})


async def _drop(scope: Scope, receive: Receive) -> None:
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise ConnectionAbortedError("The sandbox dropped this request")
    abort()
    # Once the server has noticed, it does not answer in our place.
    while (await receive())["type"] != "http.disconnect":
        pass
