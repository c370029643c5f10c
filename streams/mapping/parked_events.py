"""Rows of the table `parked_events`: what an entity's parked events were about."""

from typing import NamedTuple

import msgspec

from streams.mapping.event_subject import Subject
from streams.mapping.exceptions import RETRY_OF, RecordLike


class Earlier(NamedTuple):
    """A parked event: what it is about, where it was first, and where it was last."""

    subject: Subject
    origin: str
    offset: int


class Copy(NamedTuple):
    """A parked event as the record that was parked last; its value is not kept."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None = None


encode_parked = msgspec.msgpack.Encoder().encode
decode_parked = msgspec.msgpack.Decoder(list[Earlier]).decode


def copy_of(earlier: Earlier, later: RecordLike, timestamp: int) -> Copy:
    """Return a parked event as a record of the topic that a later one came on."""
    return Copy(
        later.topic,
        later.partition,
        earlier.offset,
        timestamp,
        later.key,
        ((RETRY_OF, earlier.origin.encode()),),
    )
