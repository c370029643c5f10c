"""What an event of NewStore's is about: a corrected copy is about the same."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from streams.mapping.pos_wire import UNREADABLE

_decode = msgspec.json.Decoder().decode


class Subject(NamedTuple):
    """What an event is about.

    Attributes:
        document: A digest of its name and document: the payload's id and chunk, and the
            time of a fulfilment.
        names: Ids of its units or transactions, as far as they have any, sorted.
        lines: How many lines it has, with ids and without.
    """

    document: bytes
    names: tuple[str, ...] = ()
    lines: int = 0


def subject_of(body: bytes | None) -> Subject | None:
    """Say what an event is about; None if it does not tell."""
    try:
        envelope = _decode(body or b"")
    except UNREADABLE:
        return None
    if not isinstance(envelope, Mapping):
        return None
    name, payload = envelope.get("name"), envelope.get("payload")
    if not isinstance(name, str) or not isinstance(payload, Mapping):
        return None
    if not isinstance(payload.get("id"), str | int):
        return None
    said = [payload.get(each) for each in ("id", "chunk_number", "logical_timestamp")]
    digest = hashlib.blake2b(msgspec.json.encode([name, *said]), digest_size=16)
    lines = _lines(payload)
    names = sorted(
        one["id"]
        for one in lines
        if isinstance(one, Mapping) and isinstance(one.get("id"), str)
    )
    return Subject(digest.digest(), tuple(names), len(lines))


def is_corrected(parked: Subject, later: Subject | None) -> bool:
    """Say whether a later event tells all that a parked one told, and of the same.

    An event that leaves units or lines out is another one: closing the case would lose
    what only the parked one told.
    """
    return (
        later is not None
        and later.document == parked.document
        and set(parked.names) <= set(later.names)
        and parked.lines <= later.lines
    )


def _lines(payload: Mapping[str, Any]) -> list[Any]:
    listed = payload.get("items", payload.get("transactions"))
    return listed if isinstance(listed, list) else []
