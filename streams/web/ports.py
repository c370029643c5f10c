"""What the web needs of the engine room, as protocols; nothing here does any work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from streams.domain.commerce_wanted import WantedOrder
from streams.engine.fold import View
from streams.topics import Topic


@dataclass(frozen=True, slots=True)
class Local:
    """This worker owns the key and its state is complete.

    `staleness_s` is the age of the oldest movement not yet in the view; 0 if none.
    """

    view: View
    partition: int
    staleness_s: float


@dataclass(frozen=True, slots=True)
class Remote:
    """Another worker owns the key and answers at this base URL (no trailing slash)."""

    url: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No one can answer for the key now: its owner restores, or there is none."""

    retry_after_s: float
    reason: str


Owner = Local | Remote | Unavailable


class LedgerPort(Protocol):
    """Where each SKU's levels are, and how the worker is. Never blocks."""

    def owner_of(self, sku: bytes) -> Owner:
        """Say who answers for the SKU; the view is good until the next `await`."""
        ...

    def staleness(self) -> dict[int, float]:
        """Say which partitions are complete here, and their views' ages in seconds."""
        ...

    def status(self) -> dict[str, Any]:
        """Describe the worker for a person: its id, partitions, progress, lag."""
        ...

    def live(self) -> bool:
        """Say whether the process works; False asks the supervisor to restart it."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Say whether the worker can serve its partitions, and if not, why."""
        ...


class EventSink(Protocol):
    """Where received events go."""

    async def append(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> tuple[int, int]:
        """Return partition and offset once every in-sync replica has the record.

        Raises `BrokerUnavailable` (`retriable`, `retry_after_s`) when it cannot.
        """
        ...


class JournalPort(Protocol):
    """The ledger's entries, for reading."""

    async def entries(
        self, sku: str, location_id: str, limit: int
    ) -> list[dict[str, Any]]:
        """Return the newest entries of a row first, at most `limit`."""
        ...


class CasesPort(Protocol):
    """Where the parts of the exceptions list are, and how commands reach them."""

    @property
    def partitions(self) -> int: ...

    def owner_of(self, partition: int) -> Owner:
        """Say who has a partition's part; the view is good until the next `await`."""
        ...

    async def command(self, partition: int, key: bytes, value: bytes) -> int:
        """Append a command to a partition; return its offset once it is stored.

        Raises `BrokerUnavailable` (`retriable`, `retry_after_s`) when it cannot.
        """
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """A record that would be on a topic; `again` says that people sent it again."""

    topic: str
    key: bytes
    value: bytes
    again: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of records: movements, what is parked, what orders hear.

    Attributes:
        orders: News as a person reads them.
        news, facts: The same for the stages: by the vendors' ids, and by order number.
        requests: What the ledger would be asked.
    """

    movements: list[bytes]
    parked: list[dict[str, str]]
    orders: list[dict[str, Any]]
    news: list[Said] = field(default_factory=list)
    facts: list[Said] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Linked:
    """News whose orders are known, what is to be said of the others, what is parked."""

    facts: list[Said]
    said: list[str]
    parked: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Foretold:
    """What an order would do.

    Attributes:
        owed: What commercetools' order shall say, and when that is sent.
    """

    shape: dict[str, Any]
    movements: list[bytes]
    parked: list[dict[str, Any]]
    owed: list[tuple[str, WantedOrder]]


class TrialPort(Protocol):
    """Tries records out on the present state; changes nothing."""

    def take_in(
        self, topic: str, records: Sequence[tuple[bytes | None, bytes]]
    ) -> Tried:
        """Say what movements, and what news of orders, records would become."""
        ...

    def sku_of(self, movement: bytes) -> str:
        """Name the SKU a movement is about; empty where it cannot be read."""
        ...

    def sku_asked(self, request: bytes) -> str:
        """Name the SKU a request is about; empty where it cannot be read."""
        ...

    def effects(
        self, view: View, movements: Sequence[bytes], requests: Sequence[bytes] = ()
    ) -> dict[str, Any]:
        """Say what requests, then movements would do to the stock in a view."""
        ...


class OrdersTrialPort(Protocol):
    """Lets orders hear things on their present state; changes nothing."""

    def link(self, view: View, news: Sequence[Said]) -> Linked:
        """Say which orders news would go on to, by the view of the links."""
        ...

    def hear(self, view: View, said: Sequence[Said]) -> list[Foretold]:
        """Say of each order what it would do, were it told this."""
        ...


class CommerceTrialPort(Protocol):
    """Compares with commercetools' order as it is now; writes nothing."""

    async def first_update(self, wanted: WantedOrder) -> tuple[list[Any], str]:
        """Return the actions that would be sent first, and what is to be said."""
        ...


class OrdersPort(Protocol):
    """Where each order's record is. Never blocks."""

    @property
    def partitions(self) -> int: ...

    def partition_of(self, number: bytes) -> int:
        """Return the partition that an order of this number lies in."""
        ...

    def owner_of(self, partition: int) -> Owner:
        """Say who has a partition's orders; the view is good until the next `await`."""
        ...
