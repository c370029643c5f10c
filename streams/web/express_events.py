"""The fast lane for events: a caller whose head is known is not parsed and waited for.

A request through ASGI costs a task, two timers and a dozen calls, more than storing the
event does. Only whole requests of callers that were let through before pass here; all
others, and all that is unusual, go the usual way, to the same answers.
"""

import re
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from streams.web.express import ExpressProtocol, KnownHeads
from streams.web.replies import JSON_HEADERS, HeaderList, Reply

EVENTS_PATH = b"/v1/events/newstore"

_BEGIN = b"POST %b HTTP/1.1\r\n" % EVENTS_PATH
_length = re.compile(rb"(?:^|\r\n)content-length: ?([0-9]{1,7})\r\n", re.IGNORECASE)
# With any of these a request wants more than to be stored, or is not like the next one.
_SLOW_HEADERS = frozenset(
    {
        b"transfer-encoding",
        b"expect",
        b"upgrade",
        b"traceparent",
        b"tracestate",
    }
)


class EventTaker(Protocol):
    """An application that takes events."""

    known_event_heads: KnownHeads

    def lets_events_in(self, headers: HeaderList) -> bool:
        """Say whether who sends these headers may send events."""
        ...

    async def take_known_event(self, event: bytes) -> Reply:
        """Store an event of a caller that was let in; never raises."""
        ...


class EventsProtocol(ExpressProtocol):
    """One connection, with the fast lane for events too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._taker: EventTaker = self.config.app  # type: ignore[assignment]  # Given by WebServer, which takes nothing else.
        self._known_events = self._taker.known_event_heads
        # What arrives while an event is being stored; None while none is.
        self._held: list[bytes] | None = None
        self._is_leaving = False

    def data_received(self, data: bytes) -> None:
        if self._held is not None:
            self._held.append(data)
            self.flow.pause_reading()
            return
        if not data.startswith(_BEGIN):
            super().data_received(data)
            return
        head, event = _divided(data)
        if head and head in self._known_events and self._is_between_requests():
            self._begin_storing(event)
            return
        super().data_received(data)
        if head and self._is_like_the_next():
            self._known_events.learn(head)

    def shutdown(self) -> None:
        """Close, after the answer if an event is being stored."""
        if self._held is None:
            super().shutdown()
        else:
            self._is_leaving = True

    def _is_like_the_next(self) -> bool:
        """Say whether the request just parsed was whole, alone, plain and let in."""
        cycle = self.cycle
        return (
            self._begun == 1
            and not self._in_head
            and cycle is not None
            and not cycle.more_body
            and cycle.keep_alive
            and not any(name in _SLOW_HEADERS for name, _ in self.headers)
            and self._taker.lets_events_in(self.headers)
        )

    def _begin_storing(self, event: bytes) -> None:
        self._held = []
        self._unset_keepalive_if_required()
        self._waiting_since = None
        task = self.loop.create_task(self._store(event))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _store(self, event: bytes) -> None:
        reply = await self._taker.take_known_event(event)
        held, self._held = self._held or [], None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.transport.write(self._written(reply))
        if self._is_leaving:
            self.transport.close()
            return
        self._used_at = self.loop.time()
        self._keep_alive(self.timeout_keep_alive)
        self.flow.resume_reading()
        for piece in held:
            self.data_received(piece)

    def _written(self, reply: Reply) -> bytes:
        defaults = self.server_state.default_headers
        if reply.status == 200 and reply.headers is JSON_HEADERS:
            begin = self._known_heads.begin(defaults)
        else:
            fields = [b"%b: %b\r\n" % field for field in (*defaults, *reply.headers)]
            begin = b"".join([STATUS_LINE[reply.status], *fields, b"content-length: "])
        return b"%b%d\r\n\r\n%b" % (begin, len(reply.body), reply.body)


def _divided(data: bytes) -> tuple[bytes, bytes]:
    """Return a whole request's header fields, without its length, and its body.

    Empty where it is not whole, or says no length.
    """
    end = data.find(b"\r\n\r\n") + 4
    fields = data[len(_BEGIN) : end]
    length = _length.search(fields)
    if end < len(_BEGIN) or length is None or int(length[1]) != len(data) - end:
        return b"", b""
    return fields[: length.start(1)] + fields[length.end(1) :], data[end:]
