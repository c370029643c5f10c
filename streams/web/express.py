"""The fast lane for availability look-ups: answered while the request is being parsed.

A request that goes through ASGI costs a task, an event, a scope and header checks: more
than the look-up itself. Here only a plain success of a SKU that this worker owns is
answered, in one write; everything else goes the usual way, to the same bytes.
"""

from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from streams.web.guarded import GuardedProtocol
from streams.web.paths import AVAILABILITY
from streams.web.replies import HeaderList, Reply


class Express(Protocol):
    """An application that can answer some requests at once."""

    def answer_at_once(self, target: bytes, headers: HeaderList) -> Reply | None:
        """Answer a GET without waiting for anything, or not at all; never raises."""
        ...


class _Event:
    """Stands in for the event of a request that nobody waits for."""

    def set(self) -> None:
        return


class _Answered:
    """Stands in for the cycle of a request that has been answered."""

    response_complete = True
    keep_alive = True
    disconnected = False
    more_body = False
    message_event = _Event()


_ANSWERED: Any = _Answered()
# With any of these a request has a body, or wants more than an answer.
_SLOW_HEADERS = frozenset({b"content-length", b"transfer-encoding", b"expect"})


class ExpressProtocol(GuardedProtocol):
    """One connection, with the fast lane."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._express: Express = self.config.app  # type: ignore[assignment]  # Given by WebServer, which takes nothing else.
        self._used = False

    def data_received(self, data: bytes) -> None:
        # One such answer for each piece received: a long pipeline goes the usual way,
        # where others get their turns in between.
        self._used = False
        super().data_received(data)

    def on_headers_complete(self) -> None:
        if self.url.startswith(AVAILABILITY) and self._may_pass():
            reply = self._express.answer_at_once(self.url, self.headers)
            if reply is not None:
                self._answer(reply)
                return
        super().on_headers_complete()

    def _may_pass(self) -> bool:
        parser = self.parser
        return (
            not self._used
            and self._is_answered()
            and not self.pipeline
            and not self.flow.write_paused
            and parser.get_method() == b"GET"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not any(name in _SLOW_HEADERS for name, _ in self.headers)
            and not self._head_is_too_large()
            and not self._is_crowded()
        )

    def _is_crowded(self) -> bool:
        limit = self.limit_concurrency
        return limit is not None and len(self.connections) >= limit

    def _answer(self, reply: Reply) -> None:
        self._used = True
        self._head_is_complete()
        lines = [STATUS_LINE[reply.status]]
        for name, value in self.server_state.default_headers:
            lines += (name, b": ", value, b"\r\n")
        for name, value in reply.headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"content-length: %d\r\n\r\n" % len(reply.body))
        lines.append(reply.body)
        self.transport.write(b"".join(lines))
        self.cycle = _ANSWERED
        self.on_response_complete()
