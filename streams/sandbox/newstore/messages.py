"""A call and its answer, as plain values: what the shell carries to and fro."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streams.sandbox.newstore.errors import ApiError, invalid
from streams.sandbox.newstore.wire import encode


@dataclass(frozen=True, slots=True)
class Request:
    """One call; `segments` are the decoded parts of the path."""

    method: str
    path: str
    segments: tuple[str, ...]
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = b""
    authorization: str | None = None

    def number(self, name: str, default: int) -> int:
        """Return a query parameter as a number, never negative."""
        found = self.parameters.get(name)
        if not found:
            return default
        text = found[-1]
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise invalid(f"{name}: a number is expected.")
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
            return "text/html", self.page
        encoded = b"" if self.body is None else encode(self.body)
        return "application/json", encoded


def refusal(error: ApiError) -> Answer:
    """Answer with an error's body."""
    return Answer(error.status, error.body(), error.headers)
