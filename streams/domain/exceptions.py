"""The one list of exceptions: a case, its records, and who may move it where.

A case is one trouble of one entity at one stage: the same order that lacks the same
name five times is one case with five records. A record belongs to the case that took
it first, by its coordinates, whatever goes wrong with it later.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from streams.domain.exception_kinds import Kind

ID_BYTES = 8
DIGESTS_REMEMBERED = 4_096
"""Of thousands of records with one cause, each asks for its group's id anew."""

_INDEX = re.compile(r"\[\d+\]")


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    FIXED = "fixed"
    RESUBMITTED = "resubmitted"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class Act(StrEnum):
    """What can happen to a case."""

    PARK = "park"
    ASSIGN = "assign"
    EDIT = "edit"
    RETRY = "retry"
    SETTLE = "settle"
    DISMISS = "dismiss"


UNFINISHED = frozenset({State.OPEN, State.ASSIGNED, State.FIXED, State.RESUBMITTED})

_BY_PEOPLE = {
    Act.ASSIGN: State.ASSIGNED,
    Act.EDIT: State.FIXED,
    Act.RETRY: State.RESUBMITTED,
    Act.DISMISS: State.DISMISSED,
}

PEOPLES_ACTS = frozenset(_BY_PEOPLE)
"""What people ask for; the rest happens by itself."""

TRANSITIONS: Mapping[State, Mapping[Act, State]] = {
    State.OPEN: {**_BY_PEOPLE, Act.PARK: State.OPEN, Act.SETTLE: State.RESOLVED},
    State.ASSIGNED: {
        **_BY_PEOPLE,
        Act.PARK: State.ASSIGNED,
        Act.SETTLE: State.RESOLVED,
    },
    State.FIXED: {
        **_BY_PEOPLE,
        Act.ASSIGN: State.FIXED,
        Act.PARK: State.FIXED,
        Act.SETTLE: State.RESOLVED,
    },
    # Under way: nothing to edit or to send once more before its answer is there.
    State.RESUBMITTED: {
        Act.ASSIGN: State.RESUBMITTED,
        Act.PARK: State.OPEN,
        Act.SETTLE: State.RESOLVED,
        Act.DISMISS: State.DISMISSED,
    },
    State.RESOLVED: {Act.PARK: State.OPEN},
    # A record that succeeds after all is resolved, whatever people thought of it; a
    # dismissal is taken back by retrying.
    State.DISMISSED: {
        Act.PARK: State.OPEN,
        Act.RETRY: State.RESUBMITTED,
        Act.SETTLE: State.RESOLVED,
    },
}
"""The only moves there are. `OPEN` means `ASSIGNED` where the case has an owner."""


class Trouble(NamedTuple):
    """What is wrong: of which topic's records, by their key, and said by which stage.

    Attributes:
        entity: The key of the record; where it has none, its coordinates, because
            nothing says that two such records are about the same thing.
    """

    stage: str
    topic: str
    entity: str
    reason: str
    field: str
    value: str


class Note(NamedTuple):
    """One line of a case's audit trail."""

    at: datetime
    who: str
    what: str
    said: str = ""


class Version(NamedTuple):
    """Which parking of a record this is: its offset then, and when.

    A record that comes back has a later offset; one that is parked anew without coming
    back has a later time.
    """

    offset: int
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A parked record: last parked as `parked`, done with up to offset `settled`."""

    parked: Version
    settled: int = -1
    retries: int = 0

    @property
    def is_waiting(self) -> bool:
        return self.parked.offset > self.settled


@dataclass(frozen=True, slots=True)
class Parking:
    """A record was parked: what is wrong with it, which time, and where it belongs.

    A stage may also raise a case without a record, of an entity it keeps itself; that
    is a parking all the same, and the stage's withdrawal is its success. Where the
    stage can be asked to try again, that is what a retry does.

    Attributes:
        done_until: What is known to have succeeded, of this record or this trouble, up
            to this offset: that news may come before the parking itself.
    """

    trouble: Trouble
    version: Version
    sentence: str
    kind: Kind
    entity_type: str
    can_retry: bool = True
    done_until: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of the list.

    Attributes:
        seen: How often its records were parked.
        attempts: How often people sent them again.
        records: How many records belong to it, `waiting` of them not done with.
        closed_at: When it was resolved or dismissed; None while it is unfinished.
    """

    case_id: str
    kind: Kind
    trouble: Trouble
    sentence: str
    entity_type: str
    can_retry: bool
    state: State
    first_seen: datetime
    last_seen: datetime
    seen: int = 0
    attempts: int = 0
    records: int = 0
    waiting: int = 0
    owner: str = ""
    closed_at: datetime | None = None
    audit: tuple[Note, ...] = ()
    audit_dropped: int = 0

    @property
    def group_id(self) -> str:
        """Identify the cause, which cases of many entities share."""
        trouble = self.trouble
        return _digest(
            self.kind, trouble.reason, without_indexes(trouble.field), trouble.value
        )


class Refused(NamedTuple):
    """A person asked for a move that the case's state does not allow."""

    sentence: str


def case_id_of(trouble: Trouble, partition: int) -> str:
    """Identify the case of a trouble: `partition-digest`.

    A record, its repeats and its retries lie in one partition, so its case does too,
    and the id says where.
    """
    field = without_indexes(trouble.field)
    return f"{partition}-{_digest(*trouble._replace(field=field))}"


def without_indexes(field: str) -> str:
    """Return a path without positions: the same line may stand elsewhere next time."""
    return _INDEX.sub("[]", field)


@lru_cache(maxsize=DIGESTS_REMEMBERED)
def _digest(*parts: str) -> str:
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=ID_BYTES).hexdigest()
