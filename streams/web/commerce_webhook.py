"""The receiver of commercetools' messages, from whatever bridge brings them over HTTP.

Stored as they are: intake reads them and parks what makes no sense, because a 4xx
could make a bridge drop them or stop.
"""

from collections.abc import Iterator

from streams.mapping.events import message_key, split_messages
from streams.topics import COMMERCE_MESSAGES
from streams.web.auth import Caller, Guard
from streams.web.bodies import Bodies
from streams.web.ports import EventSink
from streams.web.replies import HeaderList, Receive, Reply, json_reply
from streams.web.storing import Storing

_ATTRIBUTE = b"ce-"
_ATTRIBUTES_MAX = 20
_ATTRIBUTE_BYTES_MAX = 512


class CommerceWebhook:
    """Takes single messages and arrays of them, in the Platform format or CloudEvents.

    CloudEvents come in structured mode, batched, or in binary mode: then the body is
    the message, and the attributes in the headers are kept with it.
    """

    def __init__(self, *, guard: Guard, sink: EventSink, bodies: Bodies) -> None:
        self._guard = guard
        self._bodies = bodies
        self._storing = Storing(COMMERCE_MESSAGES, sink=sink, bodies=bodies)

    async def take(self, headers: HeaderList, receive: Receive) -> Reply:
        """Store the messages, all or with a problem; answer how many they are."""
        caller = Caller.of(headers)
        self._guard.require_commerce_webhook(caller)
        with await self._bodies.read(headers, receive) as body:
            messages = split_messages(body.content)
            records = [(message_key(message), message) for message in messages]
            await self._storing.store(caller, records, list(_attributes(headers)))
        return json_reply(
            {
                "accepted": True,
                "topic": COMMERCE_MESSAGES.name,
                "records": len(records),
            }
        )


def _attributes(headers: HeaderList) -> Iterator[tuple[str, bytes]]:
    """Name a CloudEvent's attributes as its Kafka binding does."""
    named = [item for item in headers if item[0].startswith(_ATTRIBUTE)]
    for name, value in named[:_ATTRIBUTES_MAX]:
        attribute = name.removeprefix(_ATTRIBUTE).decode("latin-1")
        if len(attribute) + len(value) <= _ATTRIBUTE_BYTES_MAX:
            yield f"ce_{attribute}", value
