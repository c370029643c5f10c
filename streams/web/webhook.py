"""The NewStore event stream's receiver: what arrives is stored as it is, then accepted.

Whether an event makes sense is decided by intake, which parks what does not: a 4xx
could make the source reject the event and stop its stream.
"""

import asyncio
import re
import secrets

import structlog

from streams.engine.errors import AppendError, BrokerUnavailable, RecordTooLarge
from streams.engine.headers import TRACE, schema_header
from streams.mapping.events import event_key
from streams.topics import NEWSTORE_EVENTS
from streams.web.auth import Caller, Guard
from streams.web.bodies import Bodies
from streams.web.ports import EventSink
from streams.web.replies import (
    HeaderList,
    Problem,
    Receive,
    Reply,
    json_reply,
    unavailable,
)

# NewStore quotes minutes for delivery, so a short broker hiccup is better waited for
# than answered; beyond this the source should try again later.
STORE_TIMEOUT_S = 15.0
RETRY_AFTER_S = 2.0

TRACESTATE = "tracestate"
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_TRACESTATE_MAX = 512

_log = structlog.get_logger(__name__)


class Webhook:
    """Takes NewStore's events; accepts each only once the broker has it for good."""

    def __init__(
        self,
        *,
        guard: Guard,
        sink: EventSink,
        bodies: Bodies,
        store_timeout_s: float = STORE_TIMEOUT_S,
    ) -> None:
        self._guard = guard
        self._store_timeout_s = store_timeout_s
        self._sink = sink
        self._bodies = bodies
        self._schema = schema_header(NEWSTORE_EVENTS)

    async def take(self, headers: HeaderList, receive: Receive) -> Reply:
        """Store one event and answer where; raises a problem where it cannot."""
        caller = Caller.of(headers)
        self._guard.require_webhook(caller)
        with await self._bodies.read(headers, receive) as body:
            partition, offset = await self._store(caller, body.content)
        return json_reply(
            {
                "accepted": True,
                "topic": NEWSTORE_EVENTS.name,
                "partition": partition,
                "offset": offset,
            }
        )

    async def _store(self, caller: Caller, event: bytes) -> tuple[int, int]:
        headers = [self._schema, *trace_headers(caller)]
        try:
            async with asyncio.timeout(self._store_timeout_s):
                return await self._sink.append(
                    NEWSTORE_EVENTS, event_key(event), event, headers
                )
        except RecordTooLarge as error:
            raise self._bodies.too_large(
                f"{len(event)} bytes, over the log's"
            ) from error
        except AppendError as error:
            # Also where the broker says no for good: the source must keep the event
            # and try again until someone has mended our side.
            _log.warning("event_refused", reason=error.message, bytes=len(event))
            wait_s = RETRY_AFTER_S
            if isinstance(error, BrokerUnavailable):
                wait_s = error.retry_after_s
            raise _not_stored(wait_s) from error
        except TimeoutError:
            # It may be stored nevertheless; a re-send is counted once by its unit ids.
            _log.warning("event_refused", reason="timeout", bytes=len(event))
            raise _not_stored(RETRY_AFTER_S) from None


def trace_headers(caller: Caller) -> list[tuple[str, bytes]]:
    """Return the caller's W3C trace context, or a new one where it has none.

    W3C Trace Context level 1: a traceparent that does not fit is replaced and its
    tracestate dropped.
    """
    if not _TRACEPARENT.fullmatch(caller.traceparent):
        made = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
        return [(TRACE, made.encode())]
    headers = [(TRACE, caller.traceparent)]
    if 0 < len(caller.tracestate) <= _TRACESTATE_MAX:
        headers.append((TRACESTATE, caller.tracestate))
    return headers


def _not_stored(retry_after_s: float) -> Problem:
    return unavailable(
        "The event was not accepted: the broker has not acknowledged it.",
        kind="broker-unavailable",
        field="body",
        retry_after_s=retry_after_s,
    )
