"""Our own messages about publishing, and the rows of its tables, as bytes.

Pure. `schemas.commerce` describes the messages; these structs are the fast way to them.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec

from streams.domain.availability import Wanted
from streams.domain.publications import Adoption, Level, Publication, Told, Trouble

Name = Annotated[str, msgspec.Meta(min_length=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Version = Annotated[int, msgspec.Meta(ge=1, le=1)]

Action = Literal["create", "adopt", "add", "remove", "change", "fields", "none"]

_PATH = re.compile(r" - at `\$\.?(.*)`$")


class StockLevelWire(msgspec.Struct, frozen=True):
    """What publishing reads of a stock level; `schemas.stock` has all of it."""

    schema_version: Version
    sku: Name
    location_id: Name
    available: NotNegative
    commerce_target: int
    sequence: Annotated[int, msgspec.Meta(ge=1)]


class UpdateWire(msgspec.Struct, frozen=True):
    """What one entry must come to."""

    sku: Name
    location_id: Name
    channel_key: str
    target: int
    available: NotNegative
    sequence: NotNegative

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.target, self.available, self.sequence)

    @property
    def key(self) -> bytes:
        return row_key(self.sku, self.location_id)


class AdoptionWire(msgspec.Struct, frozen=True):
    """The quantity found on an entry that existed before us, and our correction."""

    found: int
    correction: int


class RefusalWire(msgspec.Struct, frozen=True):
    """Why commerce refuses."""

    reason: str
    sentence: str
    status: int = 0


class AnswerWire(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an update."""

    schema_version: Version = 1
    update: UpdateWire
    outcome: Literal["accepted", "refused"]
    action: Action
    answered_at: Annotated[datetime, msgspec.Meta(tz=True)]
    entry_id: str = ""
    entry_version: int = 0
    quantity: int = 0
    correlation_id: str = ""
    adoption: AdoptionWire | None = None
    refusal: RefusalWire | None = None


class Unreadable(NamedTuple):
    """A record that cannot be read, with what a person must know to mend it."""

    reason: str
    field: str
    value: str
    sentence: str


T = TypeVar("T")

_level_decoder = msgspec.json.Decoder(StockLevelWire)
_answer_decoder = msgspec.json.Decoder(AnswerWire)

encode_message = msgspec.json.Encoder().encode
encode_row = msgspec.msgpack.Encoder().encode
decode_publication = msgspec.msgpack.Decoder(Publication).decode
decode_level = msgspec.msgpack.Decoder(Level).decode


def row_key(sku: str, location_id: str) -> bytes:
    return f"{sku}|{location_id}".encode()


def split_row_key(key: bytes) -> tuple[str, str]:
    """Split a row key into SKU and location id."""
    sku, _, location_id = key.decode().rpartition("|")
    return sku, location_id


def read_level(key: bytes | None, value: bytes) -> StockLevelWire | Unreadable:
    """Read a record of `stock-levels`; its key must be the key of its content."""
    level = _decode(_level_decoder, value, "stock level", "ledger")
    if isinstance(level, Unreadable) or key == row_key(level.sku, level.location_id):
        return level
    return _misplaced(key, f"{level.sku}|{level.location_id}")


def read_answer(key: bytes | None, value: bytes) -> AnswerWire | Unreadable:
    """Read a record of `commerce-answers`; its key must be the SKU."""
    answer = _decode(_answer_decoder, value, "commerce answer", "delivery")
    if isinstance(answer, Unreadable) or key == answer.update.sku.encode():
        return answer
    return _misplaced(key, answer.update.sku)


def update_of(key: bytes, row: Publication) -> UpdateWire:
    """Say what the row's entry must come to."""
    sku, location_id = split_row_key(key)
    return UpdateWire(
        sku=sku,
        location_id=location_id,
        channel_key=row.channel_key,
        target=row.target,
        available=row.available,
        sequence=row.sequence,
    )


def acceptance_of(
    update: UpdateWire, told: Told, action: Action, adoption: AdoptionWire | None
) -> AnswerWire:
    """Write the answer to an update that commerce accepted."""
    return AnswerWire(
        update=update,
        outcome="accepted",
        action=action,
        answered_at=datetime.fromtimestamp(told.told_at_ms / 1000, UTC),
        entry_id=told.entry_id,
        entry_version=told.version,
        quantity=told.quantity,
        adoption=adoption,
    )


def refusal_of(
    update: UpdateWire, action: Action, refusal: RefusalWire, answered_at: datetime
) -> AnswerWire:
    """Write the answer to an update that commerce refuses."""
    return AnswerWire(
        update=update,
        outcome="refused",
        action=action,
        answered_at=answered_at,
        refusal=refusal,
    )


def told_of(answer: AnswerWire) -> Told:
    """Read what commerce was told from an accepted answer."""
    return Told(
        target=answer.update.target,
        available=answer.update.available,
        sequence=answer.update.sequence,
        entry_id=answer.entry_id,
        version=answer.entry_version,
        quantity=answer.quantity,
        told_at_ms=_ms(answer.answered_at),
    )


def adoption_of(answer: AnswerWire) -> Adoption | None:
    """Read the adoption that came with an accepted answer."""
    if answer.adoption is None:
        return None
    return Adoption(
        found=answer.adoption.found,
        correction=answer.adoption.correction,
        sequence=answer.update.sequence,
        adopted_at_ms=_ms(answer.answered_at),
    )


def trouble_of(answer: AnswerWire, refusal: RefusalWire) -> Trouble:
    """Read a refusal."""
    return Trouble(
        reason=refusal.reason,
        sentence=refusal.sentence,
        sequence=answer.update.sequence,
        since_ms=_ms(answer.answered_at),
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _decode(
    decoder: msgspec.json.Decoder[T], value: bytes, what: str, writer: str
) -> T | Unreadable:
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        text = _PATH.sub("", str(error))
        path = found.group(1) if found else ""
        at = f" at {path}" if path else ""
        return Unreadable(
            "wrong_content",
            path,
            value[:200].decode(errors="replace"),
            f"The {what} is not what version 1 says{at}: {text}. "
            f"Only the {writer} writes these; find who else did.",
        )
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unreadable(
            "broken_json",
            "",
            value[:200].decode(errors="replace"),
            f"The {what} is not JSON. Only the {writer} writes these; find who else "
            "did.",
        )


def _misplaced(key: bytes | None, expected: str) -> Unreadable:
    shown = "none" if key is None else key.decode(errors="replace")
    return Unreadable(
        "wrong_key",
        "key",
        shown,
        f"The record's key is {shown!r} but its content belongs to {expected!r}: it is "
        "in a partition whose state does not hold it. Send it again with that key.",
    )
