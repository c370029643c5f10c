"""What to tell commerce about one inventory entry: the decision, given what it says.

Pure. How the entry is read and written is the connector's business.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, assert_never

POOLED = "*"
"""The location id of an entry without a supply channel: the sum over locations."""

SCARCE_UNITS_MAX = 20
"""Up to here fewer units go first; above, age decides, so that nothing starves."""

_SINCE_BITS = 48  # Milliseconds since 1970 need 41 bits until the year 2039.


class Counting(StrEnum):
    """Who counts web orders: commerce itself (we send deltas), or only our pool."""

    COMMERCE = "commerce"
    POOL = "pool"


class EntryScope(StrEnum):
    """Which entries are kept: one per supply channel, one pooled, or both."""

    CHANNEL = "channel"
    POOL = "pool"
    BOTH = "both"


class Wanted(NamedTuple):
    """What an entry must come to.

    `target` is the sum of all changes that commerce cannot know, `sequence` orders
    targets, `available` is the absolute quantity offered to web shops.
    """

    target: int
    available: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no entry yet."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """An entry that does not carry our fields: made by someone else.

    `typed` says that it carries a custom type of its own, which is not ours to replace.
    """

    quantity: int
    version: int
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Ours:
    """An entry that says which target and sequence it was last told."""

    target: int
    sequence: int
    quantity: int
    version: int


Entry = Absent | Foreign | Ours


@dataclass(frozen=True, slots=True)
class CreateEntry:
    """Make the entry with this quantity and our fields."""

    quantity: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take over a foreign entry: heal the difference once, and set our fields."""

    found: int
    correction: int
    version: int
    typed: bool
    absolute: bool


@dataclass(frozen=True, slots=True)
class AddQuantity:
    quantity: int
    version: int


@dataclass(frozen=True, slots=True)
class RemoveQuantity:
    quantity: int
    version: int


@dataclass(frozen=True, slots=True)
class ChangeQuantity:
    quantity: int
    version: int


@dataclass(frozen=True, slots=True)
class FieldsOnly:
    """The quantity is right; only note the new target and sequence."""

    version: int


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """An earlier request of ours got through although its answer was lost."""

    quantity: int
    version: int


@dataclass(frozen=True, slots=True)
class Superseded:
    """The entry was told something later than, or other than, what we know."""

    sequence: int


Update = (
    CreateEntry | Adopt | AddQuantity | RemoveQuantity | ChangeQuantity | FieldsOnly
)
Decision = Update | AlreadyDone | Superseded


def decide(wanted: Wanted, entry: Entry, counting: Counting) -> Decision:
    """Choose the one request that brings the entry to `wanted`, or none.

    Every update carries the entry's version and writes target and sequence together
    with the quantity, so whichever answers were lost, a delta is applied once.
    """
    match entry:
        case Absent():
            return CreateEntry(wanted.available)
        case Foreign():
            return Adopt(
                found=entry.quantity,
                correction=wanted.available - entry.quantity,
                version=entry.version,
                typed=entry.typed,
                absolute=counting is Counting.POOL,
            )
        case Ours():
            return _advance(wanted, entry, counting)
        case _:
            assert_never(entry)


def _advance(wanted: Wanted, entry: Ours, counting: Counting) -> Decision:
    if entry.sequence > wanted.sequence:
        return Superseded(entry.sequence)
    if entry.sequence == wanted.sequence and entry.target != wanted.target:
        # One sequence, two targets: another history wrote here. Not ours to mend.
        return Superseded(entry.sequence)
    done = entry.sequence == wanted.sequence
    if counting is Counting.POOL:
        if entry.quantity != wanted.available:
            return ChangeQuantity(wanted.available, entry.version)
        if done:
            return AlreadyDone(entry.quantity, entry.version)
        return FieldsOnly(entry.version)
    if done:
        return AlreadyDone(entry.quantity, entry.version)
    delta = wanted.target - entry.target
    if delta > 0:
        return AddQuantity(delta, entry.version)
    if delta < 0:
        return RemoveQuantity(-delta, entry.version)
    return FieldsOnly(entry.version)


def urgency(told_available: int | None, available: int, since_ms: int) -> int:
    """Rank an untold entry; the lowest goes first.

    First those whose availability crossed zero since commerce was last told (it sells
    what is gone, or does not sell what is there), then the scarcest, then the oldest.
    One number instead of a tuple, because a backlog holds one for each entry.
    """
    crossed = told_available is not None and (told_available > 0) != (available > 0)
    scarcity = min(max(available, 0), SCARCE_UNITS_MAX)
    rank = (0 if crossed else SCARCE_UNITS_MAX + 1) + scarcity
    return rank << _SINCE_BITS | since_ms


def urgent_since_ms(value: int) -> int:
    """Read back since when an entry of this urgency has been waiting."""
    return value & ((1 << _SINCE_BITS) - 1)
