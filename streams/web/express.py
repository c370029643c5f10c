"""The fast lane for availability look-ups: answered while the request is being parsed.

A request that goes through ASGI costs a task, an event, a scope and header checks: more
than the look-up itself. Here only a plain success of a SKU that this worker owns is
answered, in one write; everything else goes the usual way, to the same bytes. A caller
asks with the same headers again and again: once they were parsed and let through, its
requests are recognised by them and not parsed any more.
"""

import re
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from streams.web.guarded import GuardedProtocol
from streams.web.paths import AVAILABILITY
from streams.web.replies import JSON_HEADERS, HeaderList, Reply

HEADS_MAX = 256
HEAD_BYTES_KEPT_MAX = 1024

# Names that need no decoding. What follows is the head's fields, if anything is.
_plain = re.compile(
    rb"GET " + re.escape(AVAILABILITY) + rb"([A-Za-z0-9._~-]{1,200}) HTTP/1\.1\r\n"
).match


class Express(Protocol):
    """An application that can answer some requests at once."""

    known_heads: "KnownHeads"

    def body_at_once(self, sku: bytes) -> bytes | None:
        """Answer for a SKU to a caller that was let through before; never raises."""
        ...

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


class KnownHeads:
    """Header fields, as bytes, of requests that were parsed and took the fast lane.

    Whether a caller may read depends on them alone, and on keys that do not change
    while the worker runs.
    """

    def __init__(self) -> None:
        self._heads: set[bytes] = set()
        self._defaults: object = None
        self._begin = b""

    def __contains__(self, head: bytes) -> bool:
        return head in self._heads

    def learn(self, head: bytes) -> None:
        if len(head) <= HEAD_BYTES_KEPT_MAX:
            if len(self._heads) >= HEADS_MAX:
                self._heads.clear()
            self._heads.add(head)

    def begin(self, defaults: HeaderList) -> bytes:
        """Return a success's beginning; the server makes new defaults each second."""
        if defaults is not self._defaults:
            self._defaults = defaults
            fields = [b"%b: %b\r\n" % field for field in (*defaults, *JSON_HEADERS)]
            self._begin = b"".join([STATUS_LINE[200], *fields, b"content-length: "])
        return self._begin


class ExpressProtocol(GuardedProtocol):
    """One connection, with the fast lane."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._express: Express = self.config.app  # type: ignore[assignment]  # Given by WebServer, which takes nothing else.
        self._known_heads = self._express.known_heads
        self._used = False
        self._begun = 0
        self._used_at = 0.0

    def data_received(self, data: bytes) -> None:
        # One such answer for each piece received: a long pipeline goes the usual way,
        # where others get their turns in between.
        self._used = False
        self._begun = 0
        asked = _plain(data)
        if asked is None:
            super().data_received(data)
            return
        head = data[asked.end() :]
        if head in self._known_heads and self._is_between_requests():
            body = self._express.body_at_once(asked[1])
            if body is not None:
                self._answer_known(body)
                return
        super().data_received(data)
        if self._used and self._begun == 1 and not self._in_head:
            self._known_heads.learn(head)

    def on_message_begin(self) -> None:
        self._begun += 1
        super().on_message_begin()

    def timeout_keep_alive_handler(self) -> None:
        # One timer for many answers: set anew for each it would cost as much as one.
        left = self._used_at + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            super().timeout_keep_alive_handler()
        else:
            self._keep_alive(left)

    def on_headers_complete(self) -> None:
        if self.url.startswith(AVAILABILITY) and self._may_pass():
            reply = self._express.answer_at_once(self.url, self.headers)
            if reply is not None:
                self._answer(reply)
                return
        super().on_headers_complete()

    def _is_between_requests(self) -> bool:
        """Say whether the next byte begins a request that can be answered now."""
        cycle = self.cycle
        return (
            # A body that is still to come must not be taken for a request.
            (cycle is None or (cycle.response_complete and not cycle.more_body))
            and not self._in_head
            and not self.pipeline
            and not self.flow.write_paused
            and not self._is_crowded()
            and not self.transport.is_closing()
        )

    def _answer_known(self, body: bytes) -> None:
        state = self.server_state
        begin = self._known_heads.begin(state.default_headers)
        self.transport.write(b"%b%d\r\n\r\n%b" % (begin, len(body), body))
        state.total_requests += 1
        self._waiting_since = None
        self._used_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._keep_alive(self.timeout_keep_alive)

    def _keep_alive(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

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
