"""Rows of the exceptions stage: cases, their records, groups, and what is under way."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from streams.domain.exceptions import UNFINISHED, Case, CaseRecord
from streams.tables import CASE_MEMBERS, CASE_QUEUE, Table

END = b"\x00"
"""Ends a name inside a key; no id and no topic holds it."""

UNFINISHED_FIRST, CLOSED_FIRST = b"o", b"z"
"""What keys of the queue begin with."""


_CASE_FIRST, _GROUP_FIRST = b"c", b"g"


class CaseRow(msgspec.Struct, frozen=True, array_like=True):
    """A case, and the last command it heard: its offset, and why it was refused."""

    case: Case
    commanded: int = -1
    refused: str = ""


class RecordRow(msgspec.Struct, frozen=True, array_like=True):
    """A parked record: as it came, how it stands, and as a person mended it."""

    case_id: str
    origin: str
    stage: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    state: CaseRecord
    edited: bytes | None = None

    @property
    def body(self) -> bytes | None:
        """Return what is to be sent again."""
        return self.value if self.edited is None else self.edited


class GroupRow(msgspec.Struct, frozen=True, array_like=True):
    """Cases with one cause, counted by state."""

    kind: str
    reason: str
    field: str
    value: str
    sentence: str
    first_seen: datetime
    last_seen: datetime
    counts: dict[str, int] = {}


class RetryRow(msgspec.Struct, frozen=True, array_like=True):
    """A case or group whose records are being sent again.

    Attributes:
        cause: Where the command lies.
        start: The key to go on from; empty at the beginning.
    """

    by: str
    cause: str
    start: bytes = b""


class SuccessRow(msgspec.Struct, frozen=True, array_like=True):
    """Everything up to this offset succeeded."""

    until: int
    at: datetime


_pack = msgspec.msgpack.Encoder().encode
_case = msgspec.msgpack.Decoder(CaseRow).decode
_record = msgspec.msgpack.Decoder(RecordRow).decode
_group = msgspec.msgpack.Decoder(GroupRow).decode
_retry = msgspec.msgpack.Decoder(RetryRow).decode
_success = msgspec.msgpack.Decoder(SuccessRow).decode

encode_row = _pack
decode_case, decode_record, decode_group = _case, _record, _group
decode_retry, decode_success = _retry, _success


class Origin(NamedTuple):
    """Which stage parked a record, and where the record was first."""

    stage: str
    origin: str

    @property
    def key(self) -> bytes:
        return f"{self.stage}|{self.origin}".encode()


def case_prefix(case_id: str) -> bytes:
    """Return what the keys of a case's records begin with."""
    return case_id.encode() + END


def record_key(case_id: str, origin: str) -> bytes:
    """Return a record's key; a case's records sort as they came in their topic."""
    topic, partition, offset = origin.rsplit("/", 2)
    place = int(partition).to_bytes(4, "big") + int(offset).to_bytes(8, "big")
    return case_prefix(case_id) + topic.encode() + END + place


def queue_key(case: Case) -> bytes:
    """Return a case's place in the queue: oldest first, closed ones apart."""
    closed = case.closed_at
    first = UNFINISHED_FIRST if closed is None else CLOSED_FIRST
    return first + micros(closed or case.first_seen) + case.case_id.encode()


def case_of_queue_key(key: bytes) -> str:
    """Return the case id in a key of the queue."""
    return key[9:].decode()


def closed_before(moment: datetime) -> bytes:
    """Return the key behind all cases that were closed before a moment."""
    return CLOSED_FIRST + micros(moment)


def micros(moment: datetime) -> bytes:
    """Write a time so that it sorts."""
    return max(0, int(moment.timestamp() * 1_000_000)).to_bytes(8, "big")


def member_key(case: Case) -> bytes:
    """Return the key of a case as a member of its group."""
    return case.group_id.encode() + END + case.case_id.encode()


def retry_case_key(case_id: str) -> bytes:
    """Return the key of a case's retry; cases go before groups."""
    return _CASE_FIRST + case_id.encode()


def retry_group_key(group_id: str) -> bytes:
    """Return the key of a group's retry."""
    return _GROUP_FIRST + group_id.encode()


def retry_of_key(key: bytes) -> tuple[bool, str]:
    """Say whether a retry is a group's, and of which case or group it is."""
    return key[:1] == _GROUP_FIRST, key[1:].decode()


def index_rows(case: Case | None) -> Iterator[tuple[Table, bytes]]:
    """List the keys by which a case is found."""
    if case is None:
        return
    yield CASE_QUEUE, queue_key(case)
    if case.state in UNFINISHED:
        yield CASE_MEMBERS, member_key(case)


def tally_key(case: Case) -> bytes:
    """Return the key of the number of such cases, for metrics."""
    return f"{case.kind}|{case.state}".encode()


def summed(counts: Mapping[str, int], by: Mapping[str, int]) -> dict[str, int]:
    """Add numbers up by name; zeros are left out."""
    total = {name: counts.get(name, 0) + by.get(name, 0) for name in {*counts, *by}}
    return {name: number for name, number in sorted(total.items()) if number}
