"""What a row of the bad-input table says."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Surface(StrEnum):
    """Where the input comes in."""

    WEBHOOK = "webhook"
    MESSAGES = "commercetools message"
    FACTS = "news of one order"
    MOVEMENTS = "stock-movements"
    STOCK = "stock load"
    REFERENCE = "reference load"
    EXPORT = "import-sales"
    SETTING = "setting"


class Kept(StrEnum):
    """What became of it: never lost."""

    PARKED = "parked with its bytes"
    CASE = "taken, and a case of the list"
    NOT_TAKEN = "refused, so that the sender keeps it"
    NOT_SENT = "refused before anything was sent"
    OTHERS_KEPT = "listed; the other lines are kept"
    NOT_STARTED = "not started"


class Why(NamedTuple):
    """A parked record's reason, field and value, beside the sentence."""

    reason: str
    field: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One malformed input, what a person reads, the status, and what became of it.

    Attributes:
        given: The body, file contents or settings.
        status: The HTTP status or exit code; 200 for an event that is taken and parked.
        why: How it is parked, where it is.
        options: What the surface needs beside: headers, words of the command.
    """

    name: str
    surface: Surface
    given: Any
    says: str
    status: int
    kept: Kept
    why: Why | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.surface}: {self.name}"
