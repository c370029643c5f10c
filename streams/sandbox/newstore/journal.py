"""What reached the sandbox and what it did: the truth that tests compare theirs with.

Bounded: the oldest records make room; their numbers go on without gaps.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar

from streams.sandbox.newstore.wire import moment

READ_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the vendor's API and how it was answered; status 0 is a dropped line.

    `faults` are those that struck it.
    """

    method: str
    path: str
    status: int
    client_id: str = ""
    error_code: str = ""
    faults: tuple[str, ...] = ()
    request: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened, by whichever way; `kind` is one of a small set."""

    kind: str
    node_id: str = ""
    product_id: str = ""
    quantity: int = 0
    order_id: str = ""
    unit_id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver an event; no status where no answer came."""

    integration_id: str
    event: int
    name: str
    entity_id: str
    attempt: int
    status: int | None
    outcome: str


R = TypeVar("R", Call, Fact, Attempt)


class Log(Generic[R]):
    """The last `records_max` records of a kind, numbered from 1."""

    def __init__(self, records_max: int) -> None:
        self._records: deque[tuple[int, datetime, R]] = deque(maxlen=records_max)
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def add(self, at: datetime, record: R) -> int:
        """Keep a record; return its number."""
        self._number += 1
        self._records.append((self._number, at, record))
        return self._number

    def records(self) -> list[R]:
        """Return the records that are kept, oldest first."""
        return [record for _, _, record in self._records]

    def read(
        self, after: int = 0, limit: int = READ_MAX
    ) -> Sequence[Mapping[str, object]]:
        """Return the records behind a number, as JSON has them."""
        skipped = max(0, after - (self._number - len(self._records)))
        return [
            {"number": number, "at": moment(at), **asdict(record)}
            for number, at, record in islice(self._records, skipped, skipped + limit)
        ]


class Journal:
    """Calls of the API, facts of the trade, and attempts to deliver."""

    def __init__(self, records_max: int) -> None:
        self.calls: Log[Call] = Log(records_max)
        self.facts: Log[Fact] = Log(records_max)
        self.attempts: Log[Attempt] = Log(records_max)
