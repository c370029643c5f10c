"""What a decision about a movement is made of: an outcome, and postings to make."""

from enum import StrEnum
from typing import NamedTuple

from streams.domain.movements import Account

# Suffixes that set the entries of one movement apart.
RELEASED = ":released"
COUNTED = ":counted"
RESERVED_AGAIN = ":reserved"
UNANNOUNCED = ":unannounced"
UNADDRESSED = ":unaddressed"
RECEIVED = ":received"
ARRIVED = ":arrived"
UNRECEIVED = ":unreceived"
REDIRECTED = ":redirected"
RESTORED = ":restored"


class Effect(StrEnum):
    """What a journal entry did to the row's pools.

    `absorbed`: a later count had already seen it, so the counted pool did not change.
    `superseded`: something later was known, so nothing changed.
    """

    APPLIED = "applied"
    ABSORBED = "absorbed"
    SUPERSEDED = "superseded"


class Outcome(StrEnum):
    """The one answer every movement gets. All but the duplicates are remembered."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    ABSORBED = "absorbed"
    """It occurred at or before a count that is already posted."""
    SUPERSEDED = "superseded"
    """A count older than the last one of its pool."""
    NOTED = "noted"
    """Learnt about a unit, no stock to move: a cancellation before the reservation."""
    STALE_RANK = "stale_rank"
    """Something later about the unit was already known."""
    LATE_CANCEL = "late_cancel"
    """A cancellation of a unit that has left."""
    ALREADY_GONE = "already_gone"
    """A second movement says that the unit left."""


class Posting(NamedTuple):
    """`quantity` units to move from one account to another, in one location's row.

    Attributes:
        suffix: Sets the entries of one movement apart; appended to its id.
        counted: Units by which commerce has lowered its own quantity for this.
    """

    location_id: str
    source: Account
    target: Account
    quantity: int
    suffix: str = ""
    counted: int = 0
    effect: Effect = Effect.APPLIED
