"""What the edge demands of an event before it takes it: a sendable envelope."""

from typing import NamedTuple

import msgspec

from streams.edge.errors import BrokenEvent
from streams.mapping.events import envelope_key

EVENT_BYTES_MAX = 900_000
"""Below what the log takes for a record, so that what is accepted can be sent."""

_SHAPE = 'Send one NewStore envelope: {"tenant": …, "name": …, "payload": {…}}'


class Event(NamedTuple):
    """An event that may be accepted, byte for byte as it came, and its key."""

    key: bytes
    content: bytes


def check(content: bytes) -> Event:
    """Check the envelope's shape and nothing more: unknown names are welcome.

    Raises:
        BrokenEvent: It is no JSON object with a name and a payload, or too large.
    """
    content = content.strip()
    if len(content) > EVENT_BYTES_MAX:
        raise BrokenEvent(
            f"The event has {len(content):,} bytes, the most is {EVENT_BYTES_MAX:,}",
            remedy="Split it at its source, in chunks as NewStore does",
        )
    try:
        envelope = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise BrokenEvent(f"The event is not JSON: {error}", remedy=_SHAPE) from None
    _check_shape(envelope)
    return Event(envelope_key(envelope, content), content)


def _check_shape(envelope: object) -> None:
    if not isinstance(envelope, dict):
        raise BrokenEvent(
            f"The event is a JSON {_kind(envelope)}, not an object", remedy=_SHAPE
        )
    name = envelope.get("name")
    if not isinstance(name, str) or not name:
        raise BrokenEvent("The event has no name", remedy=_SHAPE)
    if not isinstance(envelope.get("payload"), dict):
        raise BrokenEvent(
            f"The event {name[:80]!r} has no payload object", remedy=_SHAPE
        )


def _kind(value: object) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
