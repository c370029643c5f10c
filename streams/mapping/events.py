"""Events and messages on their way in: which key each has on its topic."""

import hashlib
from collections.abc import Mapping

import msgspec

# Ids are uuids or short codes; what is longer than this is not an id worth carrying.
_ID_BYTES_MAX = 200


def event_key(event: bytes) -> bytes:
    """Return the entity id that keeps an entity's events in one partition, in order.

    Takes any bytes: what has no entity id is keyed by its content, so that a re-send of
    it has the same key.
    """
    try:
        envelope = msgspec.json.decode(event)
    except (ValueError, RecursionError):
        return _digest(event)
    return envelope_key(envelope, event)


def envelope_key(envelope: object, event: bytes) -> bytes:
    """Return the key of an event that is already decoded; `event` is its bytes.

    An order's events, its fulfilment requests, returns and refunds share the order's id
    (NewStore event stream: `payload.order_id`, else `payload.id`), because the stream
    itself keeps no order and the log should not add disorder.
    """
    payload = envelope.get("payload") if isinstance(envelope, Mapping) else None
    if isinstance(payload, Mapping):
        for name in ("order_id", "id"):
            key = _id_bytes(payload.get(name))
            if key:
                return key
    return _digest(event)


def split_messages(body: bytes) -> list[bytes]:
    """Return the messages of a body: the items of a JSON array, else the body itself.

    Takes any bytes: what is no JSON is one message, for intake to park.
    """
    if not body.lstrip().startswith(b"["):
        return [body]
    try:
        return [bytes(item) for item in _decode_items(body)]
    except (ValueError, RecursionError):
        return [body]


_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def message_key(message: bytes) -> bytes:
    """Return the id of the resource that a commercetools message is about.

    It keeps a resource's messages in one partition; a CloudEvent has it in its `data`,
    or as its `subject`. Takes any bytes, like `event_key`.
    """
    try:
        found = msgspec.json.decode(message)
    except (ValueError, RecursionError):
        return _digest(message)
    if not isinstance(found, Mapping):
        return _digest(message)
    for envelope in (found, found.get("data")):
        resource = envelope.get("resource") if isinstance(envelope, Mapping) else None
        if isinstance(resource, Mapping):
            key = _id_bytes(resource.get("id"))
            if key:
                return key
    return _id_bytes(found.get("subject")) or _digest(message)


def _id_bytes(value: object) -> bytes:
    # A bool is an int to Python, but no id; nor is a number of hundreds of digits.
    if isinstance(value, bool) or not isinstance(value, str | int):
        return b""
    if isinstance(value, int) and not 0 <= value < 2**64:
        return b""
    key = str(value).strip().encode("utf-8", "replace")
    return key if len(key) <= _ID_BYTES_MAX else b""


def _digest(event: bytes) -> bytes:
    return hashlib.sha256(event).hexdigest().encode()
