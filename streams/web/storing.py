"""Storing what outside systems send: a request is answered once the broker has it."""

import asyncio
import re
from collections.abc import Sequence

import structlog

from streams.engine.errors import AppendError, BrokerUnavailable, RecordTooLarge
from streams.engine.headers import TRACE, schema_header
from streams.engine.produce import new_traceparent
from streams.topics import Topic
from streams.web.auth import Caller
from streams.web.bodies import Bodies
from streams.web.ports import EventSink
from streams.web.replies import Problem, unavailable

# The sources quote minutes for delivery, so a short broker hiccup is better waited for
# than answered; beyond this the source should try again later.
STORE_TIMEOUT_S = 15.0
RETRY_AFTER_S = 2.0

TRACESTATE = "tracestate"
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_TRACESTATE_MAX = 512

_log = structlog.get_logger(__name__)

Headers = Sequence[tuple[str, bytes]]


class Storing:
    """Appends what a webhook takes to its topic, within a time."""

    def __init__(
        self,
        topic: Topic,
        *,
        sink: EventSink,
        bodies: Bodies,
        timeout_s: float = STORE_TIMEOUT_S,
    ) -> None:
        self._topic = topic
        self._sink = sink
        self._bodies = bodies
        self._timeout_s = timeout_s
        self._schema = schema_header(topic)

    async def store(
        self, caller: Caller, records: Sequence[tuple[bytes, bytes]], more: Headers = ()
    ) -> list[tuple[int, int]]:
        """Append keys and values in order; return where they are.

        Raises a problem where the broker does not have them all for certain: the source
        must keep them and send all again, which changes nothing where some are there.
        """
        headers = [self._schema, *trace_headers(caller), *more]
        size = sum(len(value) for _, value in records)
        try:
            async with asyncio.timeout(self._timeout_s):
                appends = [
                    self._sink.append(self._topic, key, value, headers)
                    for key, value in records
                ]
                if len(appends) == 1:
                    return [await appends[0]]  # Most are one; a task costs more.
                return await asyncio.gather(*appends)
        except RecordTooLarge as error:
            raise self._bodies.too_large(f"{size} bytes, over the log's") from error
        except AppendError as error:
            # Also where the broker says no for good: the source must keep the event
            # and try again until someone has mended our side.
            _log.warning("event_refused", reason=error.message, bytes=size)
            wait_s = RETRY_AFTER_S
            if isinstance(error, BrokerUnavailable):
                wait_s = error.retry_after_s
            raise _not_stored(wait_s) from error
        except TimeoutError:
            # It may be stored nevertheless; a re-send is counted once by its unit ids.
            _log.warning("event_refused", reason="timeout", bytes=size)
            raise _not_stored(RETRY_AFTER_S) from None


def trace_headers(caller: Caller) -> list[tuple[str, bytes]]:
    """Return the caller's W3C trace context, or a new one where it has none.

    W3C Trace Context level 1: a traceparent that does not fit is replaced and its
    tracestate dropped.
    """
    if not _TRACEPARENT.fullmatch(caller.traceparent):
        return [(TRACE, new_traceparent())]
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
