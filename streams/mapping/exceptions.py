"""The exceptions list on the wire: parked records, commands, successes.

What a stage's rows look like is in `exception_rows`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Protocol

import msgspec

from schemas.exceptions import HEADERS
from streams.domain.exception_kinds import kind_of
from streams.domain.exceptions import Parking, Trouble, Version, case_id_of
from streams.topics import (
    COMMERCE_ANSWERS,
    COMMERCE_MESSAGES,
    EXCEPTION_COMMANDS,
    NEWSTORE_EVENTS,
    ORDER_FACTS,
    ORDER_NEWS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
    Topic,
)

Headers = Sequence[tuple[str, bytes]]

RETRY_OF = "oneshelf-retry-of"
"""On a record that was sent again: where it was first. Always its first header."""
CASE = "oneshelf-case"
ATTEMPT = "oneshelf-attempt"

COMMAND_VERSION: Literal[1] = 1
VALUE_CHARACTERS_MAX = 200

ENTITY_TYPES = {
    NEWSTORE_EVENTS.name: "event",
    STOCK_MOVEMENTS.name: "sku",
    STOCK_LEVELS.name: "stock level",
    COMMERCE_ANSWERS.name: "commerce entry",
    EXCEPTION_COMMANDS.name: "command",
    COMMERCE_MESSAGES.name: "commerce message",
    ORDER_NEWS.name: "order",
    ORDER_FACTS.name: "order",
}
"""What a record's key names, by topic; elsewhere the topic's name says it."""

_COORDINATES = re.compile(r".+/\d{1,9}/\d{1,18}")
_OWN = ("__streams.errors.", "oneshelf-")


class RecordLike(Protocol):
    """A record of any topic."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Action(StrEnum):
    """What a command asks for; stages settle, raise and withdraw, people the rest."""

    ASSIGN = "assign"
    EDIT = "edit"
    RETRY = "retry"
    DISMISS = "dismiss"
    SETTLE = "settle"
    RAISE = "raise"
    WITHDRAW = "withdraw"


class CommandWire(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A command as it travels; `schemas.exceptions` says what the fields are."""

    schema_version: Literal[1]
    action: Action
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    by: str
    case_id: str = ""
    group_id: str = ""
    origin: str = ""
    until: int = -1
    owner: str = ""
    said: str = ""
    body_base64: bytes = b""
    kind: str = ""
    entity: str = ""
    reason: str = ""
    field: str = ""
    value: str = ""
    sentence: str = ""

    @property
    def trouble(self) -> Trouble:
        """Return what a stage raises or withdraws, of an entity that it keeps."""
        value = self.value[:VALUE_CHARACTERS_MAX]
        return Trouble(self.by, "", self.entity, self.reason, self.field, value)


class Unreadable(NamedTuple):
    """A record that cannot be read, with what a person must know to mend it."""

    reason: str
    field: str
    value: str
    sentence: str


class ParkedRecord(NamedTuple):
    """A parked record: why, and the record itself as it came.

    Attributes:
        origin: Where it was first, whatever retries came after.
        topic: Where it was parked from, as the broker names it.
    """

    parking: Parking
    origin: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


_encode = msgspec.json.Encoder().encode
_decode_command = msgspec.json.Decoder(CommandWire).decode


def coordinates(record: RecordLike) -> str:
    """Name a record by where it lies, as `newstore-events/3/1042`."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def origin_of(record: RecordLike) -> str:
    """Name a record by where it was first, before it was sent again."""
    for name, value in record.headers:
        if name == RETRY_OF:
            origin = value.decode(errors="replace")
            # What is not ours is not believed: it would be parked for ever and ever.
            return origin if _COORDINATES.fullmatch(origin) else coordinates(record)
    return coordinates(record)


def was_sent_again(record: RecordLike) -> bool:
    """Say whether a person sent this record again; costs one look."""
    return bool(record.headers) and record.headers[0][0] == RETRY_OF


def trouble_of(
    stage: str, record: RecordLike, *, reason: str, field: str, value: str
) -> Trouble:
    """Say a stage's trouble with a record so that the same trouble is the same."""
    entity = shown(record.key or b"") or coordinates(record)
    cut = value[:VALUE_CHARACTERS_MAX]
    return Trouble(stage, record.topic, entity, reason, field, cut)


def settle_record(stage: str, record: RecordLike, at: datetime) -> CommandWire:
    """Tell that a record which was parked once is through."""
    return CommandWire(
        COMMAND_VERSION,
        Action.SETTLE,
        at.astimezone(UTC),
        stage,
        origin=origin_of(record),
        until=record.offset,
    )


def settle_trouble(trouble: Trouble, record: RecordLike, at: datetime) -> CommandWire:
    """Tell that a trouble is over with this record, for all before it."""
    return CommandWire(
        COMMAND_VERSION,
        Action.SETTLE,
        at.astimezone(UTC),
        trouble.stage,
        case_id=case_id_of(trouble, record.partition),
        until=record.offset,
    )


def raise_case(
    trouble: Trouble, *, kind: str, sentence: str, at: datetime
) -> CommandWire:
    """Put an entity on the list for which there is no record to park.

    Send it with `same_partition`, and the same words again only when they are news: the
    trouble's `stage` is the stage that sends it, its `topic` is empty.
    """
    return _of_trouble(Action.RAISE, trouble, at, kind, sentence)


def withdraw_case(trouble: Trouble, at: datetime) -> CommandWire:
    """Take what was raised off the list: it is so no longer."""
    return _of_trouble(Action.WITHDRAW, trouble, at)


def _of_trouble(
    action: Action, trouble: Trouble, at: datetime, kind: str = "", sentence: str = ""
) -> CommandWire:
    return CommandWire(
        COMMAND_VERSION,
        action,
        at.astimezone(UTC),
        trouble.stage,
        entity=trouble.entity,
        reason=trouble.reason,
        field=trouble.field,
        value=trouble.value,
        kind=kind,
        sentence=sentence,
    )


def encode_command(command: CommandWire) -> tuple[bytes, bytes]:
    """Write a command's key and value."""
    key = command.case_id or command.group_id or command.origin or command.entity
    return key.encode(), _encode(command)


def read_command(value: bytes | None) -> CommandWire | Unreadable:
    """Read a command."""
    try:
        command = _decode_command(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Unreadable(
            "undecodable",
            "",
            (value or b"").decode(errors="replace"),
            f"The exception command cannot be read ({error}). Give it again with "
            "`oneshelf exceptions`.",
        )
    if command.group_id and command.action is not Action.RETRY:
        return Unreadable(
            "wrong_content",
            "action",
            command.action,
            "The exception command is about a group, and groups can only be retried. "
            "Name a case.",
        )
    if not any((command.case_id, command.group_id, command.origin, command.entity)):
        return Unreadable(
            "missing_field",
            "case_id",
            "",
            "The exception command names no case, group or record. Give it again with "
            "`oneshelf exceptions`.",
        )
    return command


def read_parked(
    record: RecordLike, catalogue: Mapping[str, Topic]
) -> ParkedRecord | Unreadable:
    """Read a record of the topic `exceptions`.

    Args:
        catalogue: Topics by their names on the broker.
    """
    found = dict(record.headers)
    try:
        said = {name: found[header].decode() for name, header in HEADERS.items()}
        topic, offset = said["source_topic"], int(said["source_offset"])
        partition = int(said["source_partition"])
        source = _Source(topic, partition, offset, record.key, headers=record.headers)
        origin = _checked(origin_of(source))
        parked_at = _aware(datetime.fromisoformat(said["parked_at"]))
    except (KeyError, ValueError) as error:
        return _not_parked(record, error)
    own = tuple(item for item in record.headers if not item[0].startswith(_OWN))
    kind = catalogue.get(topic)
    parking = Parking(
        trouble=trouble_of(
            said["stage"],
            source,
            reason=said["reason"],
            field=said["field"],
            value=said["value"],
        ),
        version=Version(offset, parked_at),
        sentence=said["sentence"],
        kind=kind_of(said["reason"]),
        entity_type=topic if kind is None else ENTITY_TYPES.get(kind.name, kind.name),
        can_retry=kind is not None and can_be_sent_again(kind),
    )
    return ParkedRecord(parking, origin, topic, record.key, record.value, own)


def can_be_sent_again(topic: Topic) -> bool:
    """Say whether a topic's records may come a second time, later than they were.

    A compacted topic would take the old value for the last one. What commercetools
    answered once is no news later; the delivery keeps asking by itself.
    """
    return not topic.compacted and topic is not COMMERCE_ANSWERS


def shown(raw: bytes) -> str:
    """Show bytes as text, whatever they are."""
    return raw.decode(errors="backslashreplace")


class _Source(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None = None
    headers: Headers = ()


def _checked(origin: str) -> str:
    if _COORDINATES.fullmatch(origin) is None:
        raise ValueError(f"{origin!r} is not topic/partition/offset")
    return origin


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment


def _not_parked(record: RecordLike, error: Exception) -> Unreadable:
    return Unreadable(
        "not_a_parked_record",
        "headers",
        str(error)[:VALUE_CHARACTERS_MAX],
        "Only stages write to this topic, and this record lacks what they say of a "
        f"parked one ({error}). Find who else writes there, and dismiss this.",
    )
