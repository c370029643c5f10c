"""A request to commercetools' stand-in and its answer, as plain values."""

from dataclasses import dataclass

import msgspec

from streams.sandbox import shell
from streams.sandbox.commercetools.errors import ApiError, malformed

HTML_PAGE = b"""<!DOCTYPE html>
<html><head><title>Error</title></head>
<body><h1>Error: Server Error</h1><p>Please try again in 30 seconds.</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class Request(shell.Request):
    """One request; `segments` are the decoded parts of the path."""

    def number(self, name: str, default: int | None = None) -> int:
        """Return a query parameter as a number, never negative."""
        text = self.parameter(name)
        if text is None and default is not None:
            return default
        if text is None or not shell.is_number(text):
            raise malformed(name, "A number is expected.")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer(shell.Answer):
    """One response. `is_dropped`: the connection closes without it."""

    def payload(self) -> tuple[str, bytes]:
        """Return the content type and the bytes."""
        if self.page is not None:
            return "text/html; charset=utf-8", self.page
        encoded = b"" if self.body is None else msgspec.json.encode(self.body)
        return "application/json; charset=utf-8", encoded


def refusal(error: ApiError) -> Answer:
    """Answer with an error's body."""
    return Answer(error.status, error.body(), error.headers)
