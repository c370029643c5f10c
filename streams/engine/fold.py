"""What a stage is to the engine: a pure fold over the records of one partition.

Nothing here imports Kafka, Faust or RocksDB, so stages, tests and the simulator share
it. The engine commits a fold's result whole, or nothing of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from streams.domain.exceptions import Trouble
from streams.domain.reference import Reference
from streams.tables import Table
from streams.topics import Topic


class Record(Protocol):
    """One record of a topic, as the broker delivered it (aiokafka's record fits)."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class View(Protocol):
    """A stage's committed state in one partition, read-only, raw bytes."""

    @property
    def partition(self) -> int: ...

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that exist; absent keys are left out."""
        ...

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Walk key and value in key order, for keys that begin with `prefix`.

        Begins at `start` (inclusive) where given.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one source topic and partition, in offset order, not yet applied."""

    topic: Topic
    partition: int
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Context:
    """What a fold may know beyond its records: the time and the reference data."""

    now: datetime
    reference: Reference


class Output(NamedTuple):
    """A record to send. Without `routing_key` the key chooses the partition; with
    `same_partition` the record stays in the partition of the fold. `headers` go before
    the engine's own."""

    key: bytes | None
    value: bytes | None
    cause: Record | None
    routing_key: bytes | None = None
    same_partition: bool = False
    schema: str | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Parked(NamedTuple):
    """A record that cannot be processed, with what a person must know to mend it.

    `sentence` names the field, the value and the remedy.
    """

    record: Record
    reason: str
    field: str
    value: str
    sentence: str


class Settled(NamedTuple):
    """A record that was parked once is through; or, with a trouble, all before it."""

    record: Record
    trouble: Trouble | None = None


@dataclass(slots=True)
class Result:
    """What a fold wants done: the engine does all of it in one commit, or none."""

    writes: dict[Table, dict[bytes, bytes | None]] = field(default_factory=dict)
    outputs: dict[Topic, list[Output]] = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def put(self, table: Table, key: bytes, value: bytes | None) -> None:
        """Set a row; None deletes it."""
        self.writes.setdefault(table, {})[key] = value

    def send(self, topic: Topic, output: Output) -> None:
        self.outputs.setdefault(topic, []).append(output)

    def park(
        self, record: Record, *, reason: str, field: str, value: str, sentence: str
    ) -> None:
        self.parked.append(Parked(record, reason, field, value[:200], sentence))
        self.count("parked")

    def settle(self, record: Record, trouble: Trouble | None = None) -> None:
        """Tell the exceptions list that a parked record is through by itself.

        Records that were sent again need no telling: the engine sees them. With a
        trouble, all records are through that had it before this one.
        """
        self.settled.append(Settled(record, trouble))

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of the stage's counters; they are part of the commit, so exact."""
        self.counts[name] = self.counts.get(name, 0) + by


class Stage(Protocol):
    """One stage: its name, its source topics, its tables and its fold.

    All source topics have the same number of partitions and the same key, because the
    stage's state is one store per partition. `on_commit`, where given, hears of every
    committed result (after the store has it), and of a partition's arrival or loss.
    """

    @property
    def name(self) -> str: ...
    @property
    def sources(self) -> tuple[Topic, ...]: ...
    @property
    def tables(self) -> tuple[Table, ...]: ...
    @property
    def outputs(self) -> tuple[Topic, ...]: ...
    @property
    def tick_interval_s(self) -> float | None: ...

    def fold(self, view: View, batch: Batch, context: Context) -> Result: ...

    def tick(self, view: View, context: Context) -> Result | None:
        """Do what time or changed reference data asks for; None if nothing."""
        ...


class CommitListener(Protocol):
    """Hears what was committed; must not block and must not raise."""

    def opened(self, view: View) -> None:
        """Hear that this worker now owns the partition and its state is restored."""

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        """Hear of a committed result."""

    def closed(self, partition: int) -> None:
        """Hear that the partition is no longer ours."""


Clock = Callable[[], datetime]
