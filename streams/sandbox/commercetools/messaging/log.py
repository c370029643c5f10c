"""The project's messages: numbered per resource without gaps, kept for queries.

Source: API spec, `types/message/{Message,UserProvidedIdentifiers}`,
`resources/messages`.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from streams.sandbox.commercetools import errors
from streams.sandbox.commercetools.happenings import Happening
from streams.sandbox.commercetools.predicate_parser import Node
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import new_id, reference

MESSAGE_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "sequenceNumber": FieldKind.NUMBER,
    "resource": {"typeId": FieldKind.TEXT, "id": FieldKind.TEXT},
    "resourceVersion": FieldKind.NUMBER,
    "type": FieldKind.TEXT,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The resource that something is said about, as it was at that moment."""

    type_id: str
    id: str
    version: int
    created_at: str
    last_modified_at: str
    identifiers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `sequence_number` counts the messages of its resource from 1."""

    id: str
    sequence_number: int
    subject: Subject
    happening: Happening
    created_at: str

    @property
    def type(self) -> str:
        """Return the message's type."""
        return self.happening.type

    def head(self) -> dict[str, object]:
        """Write what messages of all types have; their own version is always 1."""
        head: dict[str, object] = {
            "id": self.id,
            "version": 1,
            "sequenceNumber": self.sequence_number,
            "resource": reference(self.subject.type_id, self.subject.id),
            "resourceVersion": self.subject.version,
            "type": self.type,
            "createdAt": self.created_at,
            "lastModifiedAt": self.created_at,
        }
        if self.subject.identifiers:
            head["resourceUserProvidedIdentifiers"] = dict(self.subject.identifiers)
        return head


def message_body(message: Message) -> dict[str, object]:
    """Write a message as `GET /messages` does: its own fields at the top level."""
    return {**message.head(), **message.happening.fields}


class MessageLog:
    """The last messages; how long the vendor keeps them is a setting of the project."""

    type_id = "message"

    def __init__(self, random: Random, messages_max: int) -> None:
        self._random = random
        self._max = messages_max
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._last: defaultdict[str, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, happening: Happening, subject: Subject, at: str) -> Message:
        """Keep what happened as the next message of its resource."""
        self._last[subject.id] += 1
        message = Message(
            id=new_id(self._random),
            sequence_number=self._last[subject.id],
            subject=subject,
            happening=happening,
            created_at=at,
        )
        self._messages[message.id] = message
        if len(self._messages) > self._max:
            self._messages.popitem(last=False)
        return message

    def find(self, _: str, value: str) -> Message | None:
        """Return a message by id; messages have no key."""
        return self._messages.get(value)

    def get(self, name: str, value: str) -> Message:
        """Return a message by id; 404 if there is none, or no longer."""
        message = self.find(name, value)
        if message is None:
            raise errors.not_found("ID", value)
        return message

    def walk(self) -> Iterator[Message]:
        """Go through the messages, oldest first."""
        return iter(list(self._messages.values()))

    def candidates(self, _: Node | None) -> Iterator[Message]:
        """Return, by id, the messages that a predicate can match at all."""
        return iter(sorted(self.walk(), key=lambda message: message.id))
