"""Parked records, as people and other systems read them from the topic `exceptions`."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field

HEADERS: Mapping[str, str] = {
    "source_topic": "__streams.errors.topic",
    "source_partition": "__streams.errors.partition",
    "source_offset": "__streams.errors.offset",
    "sentence": "__streams.errors.message",
    "reason": "oneshelf-reason",
    "field": "oneshelf-field",
    "value": "oneshelf-value",
    "stage": "oneshelf-stage",
    "parked_at": "oneshelf-parked-at",
}
"""Which header holds which field; by the names of Kafka's KIP-1034 where it has one."""


class ExceptionHeaders(BaseModel):
    """The headers that a parked record carries beside its own."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    source_topic: str = Field(alias=HEADERS["source_topic"])
    source_partition: str = Field(alias=HEADERS["source_partition"])
    source_offset: str = Field(alias=HEADERS["source_offset"])
    sentence: str = Field(alias=HEADERS["sentence"])
    reason: str = Field(alias=HEADERS["reason"])
    field: str = Field(alias=HEADERS["field"])
    value: str = Field(alias=HEADERS["value"])
    stage: str = Field(alias=HEADERS["stage"])
    parked_at: str = Field(alias=HEADERS["parked_at"])


class ExceptionRecord(BaseModel):
    """A record that could not be processed, and what a person must know to mend it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    schema_version: Literal[1] = 1
    exception_id: str
    """`topic/partition/offset` of the record: parking it twice is one exception."""
    source_topic: str
    source_partition: int
    source_offset: int
    stage: str
    """The stage that parked it."""
    reason: str
    """A code, for counting and for rules."""
    field: str
    """The path of the field in question; empty where the whole record is."""
    value: str
    """What stood there, shortened."""
    sentence: str
    """What is wrong and what to do, for a person."""
    parked_at: AwareDatetime
    key_base64: str
    """The record's original key."""
    body: str
    """The record's original bytes, as text where they are UTF-8, else in base64."""
    body_encoding: Literal["utf-8", "base64"]

    @classmethod
    def from_record(
        cls,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
    ) -> Self:
        """Read a record of the topic `exceptions`.

        Raises:
            ValueError: The record does not carry the headers of a parked record.
        """
        found = dict(headers)
        missing = [name for name in HEADERS.values() if name not in found]
        if missing:
            raise ValueError(
                f"not a parked record: header {', '.join(missing)} is missing"
            )
        said = {
            field: found[name].decode(errors="replace")
            for field, name in HEADERS.items()
        }
        body = value or b""
        try:
            text, encoding = body.decode(), "utf-8"
        except UnicodeDecodeError:
            text, encoding = b64encode(body).decode(), "base64"
        place = (said["source_topic"], said["source_partition"], said["source_offset"])
        return cls.model_validate(
            {
                **said,
                "exception_id": "/".join(place),
                "key_base64": b64encode(key or b"").decode(),
                "body": text,
                "body_encoding": encoding,
            }
        )


class ExceptionCommand(BaseModel):
    """What a person asks of a case or group, or what a stage says of its own troubles.

    People assign, edit, retry and dismiss. Stages settle what succeeded, and raise and
    withdraw cases of entities that they keep, where there is no record to park.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    schema_version: Literal[1] = 1
    action: Literal["assign", "edit", "retry", "dismiss", "settle", "raise", "withdraw"]
    """`settle`, `raise` and `withdraw` are written by stages only."""
    at: AwareDatetime
    by: str
    """Who: the API key's name and what the person calls herself; or the stage."""
    case_id: str = ""
    group_id: str = ""
    """For `retry`: all unfinished cases of the group, in this record's partition."""
    origin: str = ""
    """`topic/partition/offset`: which record to edit, or which one succeeded."""
    until: int = -1
    """For `settle`: every parking up to this offset is done with."""
    owner: str = ""
    """For `assign`: who looks after the case now; empty for nobody."""
    said: str = ""
    """Why, in the person's words."""
    body_base64: Base64Bytes = b""
    """For `edit`: the record's new bytes."""
    kind: str = ""
    """For `raise`: order, fulfilment, return, refund, sourcing, commerce, transfer."""
    entity: str = ""
    """For `raise` and `withdraw`: what the trouble hangs on, mostly an order's number.
    With reason, field and value it tells the trouble from others."""
    reason: str = ""
    field: str = ""
    value: str = ""
    sentence: str = ""
    """For `raise`: what is wrong and what to do, for a person."""
