"""What a write may ask of the project, and where it says what happened."""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from streams.sandbox.commercetools.clock import wire_time
from streams.sandbox.commercetools.happenings import Happening, happening
from streams.sandbox.commercetools.project import Project
from streams.sandbox.commercetools.resources import new_id


@dataclass(slots=True)
class Desk:
    """One write at work: it draws ids, knows the time, and tells what it did.

    What was told counts only once the write is stored: a refused one says nothing.
    """

    project: Project
    ids: Random
    now: datetime
    told: list[Happening] = field(default_factory=list)

    @property
    def at(self) -> str:
        """Return the time of the write as it is on the wire."""
        return wire_time(self.now)

    def new_id(self) -> str:
        """Draw the id of something inside a resource."""
        return new_id(self.ids)

    def tell(self, message_type: str, **fields: object) -> None:
        """Say that something happened; fields without a value are left out."""
        self.told.append(happening(message_type, **fields))
