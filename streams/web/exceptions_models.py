"""What people send to the exceptions list, and what it answers, as documented."""

from base64 import b64decode
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from streams.domain.exception_kinds import Kind
from streams.domain.exceptions import State
from streams.web.models import Answer

LIMIT_MAX = 200
NOTE_CHARACTERS_MAX = 500
BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

Note = Annotated[str, Field(max_length=NOTE_CHARACTERS_MAX)]
Name = Annotated[str, Field(max_length=100)]


class Request(Answer):
    """What every request may say."""

    by: Name = Field("", description="Who asks; kept beside the name of the key.")
    note: Note = Field("", description="Why, for the history.")


class Assignment(Request):
    """Who looks after the case."""

    owner: Name = Field(description="Empty for nobody.")


class Edit(Request):
    """A record's new bytes, as text or in base64; the original is kept beside them."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["body"]}, {"required": ["body_base64"]}]
        }
    )

    record: str = Field(
        "",
        description="The record's `origin`; may be left out where only one waits.",
    )
    body: str = Field("", description="What is sent instead on the next retry.")
    body_base64: str = Field(
        "", pattern=BASE64, description="The same for bytes that are no text."
    )

    @model_validator(mode="after")
    def _has_a_body(self) -> Self:
        if not self.model_fields_set & {"body", "body_base64"}:
            raise PydanticCustomError("missing", "no body")
        return self

    @property
    def content(self) -> bytes:
        """Return the new bytes."""
        if self.body_base64:
            return b64decode(self.body_base64)
        return self.body.encode("utf-8", "surrogatepass")


class CaseLine(Answer):
    """A case as one line of the list."""

    id: str
    group_id: str
    kind: Kind
    state: State
    entity_type: str
    entity_id: str
    stage: str
    topic: str
    reason: str
    field: str
    value: str
    sentence: str
    owner: str
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    seen: int = Field(description="How often its records were parked.")
    attempts: int = Field(description="How often people sent them again.")
    records: int
    waiting: int = Field(description="Records that are not through yet.")
    can_retry: bool


class ListedCase(CaseLine):
    """A case in a page."""

    place: str = Field(description="Its place in the list.")


class CaseList(Answer):
    """A page of the list, oldest first."""

    items: list[ListedCase]
    next: str | None = Field(description="`after` of the next page; null at the end.")


class HistoryNote(Answer):
    """One line of a case's history."""

    at: AwareDatetime
    who: str
    what: str
    said: str


class ParkedRecord(Answer):
    """A parked record as it came, and as it was mended."""

    origin: str
    topic: str
    key: str
    waiting: bool
    retries: int
    body: str
    body_encoding: str
    edited_body: str | None
    edited_body_encoding: str | None


class WholeCase(CaseLine):
    """A case with its history and its records."""

    closed_at: AwareDatetime | None
    history: list[HistoryNote]
    history_dropped: int
    parked_records: list[ParkedRecord]


class Group(Answer):
    """Cases with one cause."""

    id: str
    kind: Kind
    reason: str
    field: str
    value: str
    sentence: str
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    unfinished: int
    cases: dict[str, int] = Field(description="By state.")


class GroupList(Answer):
    """The groups with unfinished cases, the largest first."""

    items: list[Group]


class Effects(Answer):
    """What a retry would do to stock and orders, had it been done just now."""

    dry_run: bool
    records: int = Field(description="Records that were tried out.")
    left_out: int = Field(description="More records than are tried out at once.")
    parked: list[dict[str, str]] = Field(description="What would be parked again.")
    entries: list[dict[str, Any]] = Field(description="Journal entries.")
    levels: list[dict[str, Any]] = Field(
        description="Stock of each row before and after; `available` is what "
        "commercetools would be told."
    )
    orders: list[dict[str, Any]] = Field(description="What orders would hear.")
    answers: list[dict[str, Any]] = Field(
        description="What the ledger would answer to requests."
    )
    foretold: list[dict[str, Any]] = Field(
        description="What each order would do: units, requests, what NewStore and "
        "commercetools would be sent, and in words what depends on answers."
    )
    said: list[str] = Field(description="What becomes of news without a number.")
    outcomes: dict[str, int] = Field(
        description="What would become of the movements, `duplicate` among them."
    )


class Accepted(Answer):
    """The command is stored; its outcome is not there yet."""

    accepted: bool
    case_id: str = ""
    group_id: str = ""


class Movements(Answer):
    """Movements to try out, as one worker asks another."""

    movements: list[Annotated[str, Field(pattern=BASE64)]] = Field(
        max_length=5_000, description="In base64, as the topic has them."
    )
    requests: list[Annotated[str, Field(pattern=BASE64)]] = Field(
        default=[], max_length=5_000, description="Reservation requests, likewise."
    )


class Heard(Answer):
    """A record that orders or their links would hear."""

    topic: str
    key: Annotated[str, Field(pattern=BASE64)]
    value: Annotated[str, Field(pattern=BASE64)]
    again: bool = Field(default=False, strict=True, description="People sent it again.")


class Hearsay(Answer):
    """News and facts to try out, as one worker asks another."""

    news: list[Heard] = Field(max_length=5_000)
    facts: list[Heard] = Field(max_length=5_000)
