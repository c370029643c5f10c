"""What goes back to a caller: a finished reply, or a problem that becomes one.

Problems are `application/problem+json` (RFC 9457) and name the field, the value and the
remedy, so that a person can act without reading our code.
"""

import math
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

VALUE_SHOWN_MAX = 200
RETRY_AFTER_S_MAX = 3600

_encode = msgspec.json.encode
# Stock answers age at once and problems echo what callers sent: neither may be cached
# or read as anything but JSON.
_COMMON: HeaderList = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
JSON_HEADERS: HeaderList = [(b"content-type", b"application/json"), *_COMMON]


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer: status, headers without the length, body."""

    status: int
    headers: HeaderList
    body: bytes

    async def send(self, send: Send) -> None:
        """Write the reply to an ASGI connection."""
        length = (b"content-length", b"%d" % len(self.body))
        headers = [*self.headers, length]
        await send(
            {"type": "http.response.start", "status": self.status, "headers": headers}
        )
        await send({"type": "http.response.body", "body": self.body})


def json_reply(content: Any, status: int = 200) -> Reply:
    """Answer with JSON, encoded as every JSON answer here is."""
    return Reply(status, JSON_HEADERS, _encode(content))


def json_body(body: bytes) -> Reply:
    """Answer with JSON that is encoded already."""
    return Reply(200, JSON_HEADERS, body)


class Problem(Exception):
    """A request that cannot be answered, said so that the caller can mend it."""

    def __init__(
        self,
        status: int,
        kind: str,
        *,
        title: str,
        detail: str,
        remedy: str,
        field: str = "",
        value: str = "",
        retry_after_s: float | None = None,
        headers: HeaderList | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.field = field
        self.value = shown(value)
        self.retry_after_s = retry_after_s
        self.headers = headers or []
        self.more = more or {}

    def reply(self) -> Reply:
        """Write the problem as a reply."""
        content = {
            "type": f"urn:oneshelf:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "field": self.field,
            "value": self.value,
            "remedy": self.remedy,
            **self.more,
        }
        headers = [
            (b"content-type", b"application/problem+json"),
            *_COMMON,
            *self.headers,
        ]
        if self.retry_after_s is not None:
            headers.append((b"retry-after", retry_after(self.retry_after_s)))
        return Reply(self.status, headers, _encode(content))


def retry_after(seconds: float) -> bytes:
    """Write a waiting time as the header wants it: whole seconds, at least one."""
    if not math.isfinite(seconds):
        seconds = RETRY_AFTER_S_MAX
    return b"%d" % min(RETRY_AFTER_S_MAX, max(1, math.ceil(seconds)))


def shown(value: str) -> str:
    """Cut a caller's value to what an answer may echo, always encodable as UTF-8."""
    cut = value[:VALUE_SHOWN_MAX]
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")


def unavailable(
    detail: str,
    *,
    retry_after_s: float,
    kind: str = "unavailable",
    field: str = "",
    value: str = "",
) -> Problem:
    """Say that the answer exists but cannot be given now."""
    return Problem(
        503,
        kind,
        title="Not available at the moment",
        detail=detail,
        remedy="repeat the request after the seconds that Retry-After names",
        field=field,
        value=value,
        retry_after_s=retry_after_s,
    )
