"""A request and its answer, as plain values: what the shell carries to and fro."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from streams.sandbox.commercetools.errors import ApiError, malformed

HTML_PAGE = b"""<!DOCTYPE html>
<html><head><title>Error</title></head>
<body><h1>Error: Server Error</h1><p>Please try again in 30 seconds.</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `segments` are the decoded parts of the path."""

    method: str
    path: str
    segments: tuple[str, ...]
    parameters: Mapping[str, Sequence[str]]
    body: bytes = b""
    authorization: str | None = None
    correlation_id: str = ""

    def parameter(self, name: str) -> str | None:
        """Return the last value of a query parameter."""
        found = self.parameters.get(name)
        return found[-1] if found else None

    def number(self, name: str, default: int | None = None) -> int:
        """Return a query parameter as a number, never negative."""
        text = self.parameter(name)
        if text is None and default is not None:
            return default
        if text is None or not (text.isascii() and text.isdigit() and len(text) < 19):
            raise malformed(name, "A number is expected.")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. `is_dropped`: the connection closes without it."""

    status: int
    body: object = None
    headers: Sequence[tuple[str, str]] = ()
    is_dropped: bool = False
    page: bytes | None = field(default=None, repr=False)

    def payload(self) -> tuple[str, bytes]:
        """Return the content type and the bytes."""
        if self.page is not None:
            return "text/html; charset=utf-8", self.page
        encoded = b"" if self.body is None else msgspec.json.encode(self.body)
        return "application/json; charset=utf-8", encoded


def refusal(error: ApiError) -> Answer:
    """Answer with an error's body."""
    return Answer(error.status, error.body(), error.headers)
