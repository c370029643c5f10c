"""The NewStore event stream's receiver: what arrives is stored as it is, then accepted.

Whether an event makes sense is decided by intake, which parks what does not: a 4xx
could make the source reject the event and stop its stream.
"""

from streams.mapping.events import event_key
from streams.topics import NEWSTORE_EVENTS
from streams.web.auth import Caller, Guard
from streams.web.bodies import Bodies, Body
from streams.web.ports import EventSink
from streams.web.replies import HeaderList, Receive, Reply, json_reply
from streams.web.storing import STORE_TIMEOUT_S, Storing


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
        self._bodies = bodies
        self._storing = Storing(
            NEWSTORE_EVENTS, sink=sink, bodies=bodies, timeout_s=store_timeout_s
        )

    async def take(self, headers: HeaderList, receive: Receive) -> Reply:
        """Store one event and answer where; raises a problem where it cannot."""
        caller = Caller.of(headers)
        self._guard.require_webhook(caller)
        with await self._bodies.read(headers, receive) as body:
            return await self._store(caller, body.content)

    async def take_known(self, event: bytes) -> Reply:
        """Store an event of a caller that was let in before, and sends no trace."""
        with Body(self._bodies) as body:
            body.add(event)
            return await self._store(_KNOWN, event)

    async def _store(self, caller: Caller, event: bytes) -> Reply:
        record = event_key(event), event
        ((partition, offset),) = await self._storing.store(caller, [record])
        return json_reply(
            {
                "accepted": True,
                "topic": NEWSTORE_EVENTS.name,
                "partition": partition,
                "offset": offset,
            }
        )


_KNOWN = Caller()
