"""A call to NewStore's stand-in and its answer, as plain values."""

from dataclasses import dataclass

from streams.sandbox import shell
from streams.sandbox.newstore.errors import ApiError, invalid
from streams.sandbox.newstore.wire import encode


@dataclass(frozen=True, slots=True)
class Request(shell.Request):
    """One call; `segments` are the decoded parts of the path."""

    def number(self, name: str, default: int) -> int:
        """Return a query parameter as a number, never negative."""
        text = self.parameter(name)
        if text is None:
            return default
        if not shell.is_number(text):
            raise invalid(f"{name}: a number is expected.")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer(shell.Answer):
    """One response. `is_dropped`: the connection closes without it."""

    def payload(self) -> tuple[str, bytes]:
        """Return the content type and the bytes."""
        if self.page is not None:
            return "text/html", self.page
        encoded = b"" if self.body is None else encode(self.body)
        return "application/json", encoded


def refusal(error: ApiError) -> Answer:
    """Answer with an error's body."""
    return Answer(error.status, error.body(), error.headers)
