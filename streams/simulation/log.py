"""A broker in memory with Kafka's rules: offsets, transactions, epochs, compaction.

Nothing here is random and nothing waits: the scheduler decides what happens when.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.engine.commit import Fenced
from streams.engine.headers import Headers

Place = tuple[str, int]
"""A topic's name and a partition."""

Item = tuple[bytes | None, bytes | None, Headers]


class LogRecord(NamedTuple):
    """One record as a consumer gets it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(slots=True, eq=False)
class Transaction:
    """A producer's transaction: where it wrote first, and the offsets it carries."""

    transactional_id: str
    epoch: int
    state: str = "open"
    places: dict[Place, int] = field(default_factory=dict)
    offsets: dict[Place, int] = field(default_factory=dict)


@dataclass(slots=True)
class Partition:
    """The records of one partition. A control record takes an offset, holds nothing."""

    records: list[LogRecord] = field(default_factory=list)
    owners: list[Transaction | None] = field(default_factory=list)
    end: int = 0

    def index(self, offset: int) -> int:
        """Find the first record at or after the offset; compaction leaves gaps."""
        return bisect_left(self.records, offset, key=_offset)


def _offset(record: LogRecord) -> int:
    return record.offset


class Broker:
    """All topics, transactions and consumer offsets; each topic has one reader."""

    def __init__(self, *, fencing: bool = True) -> None:
        self._partitions: dict[Place, Partition] = {}
        self._epochs: dict[str, int] = {}
        self._open: list[Transaction] = []
        self._fencing = fencing
        self.group_offsets: dict[Place, int] = {}
        self.now_ms = 0
        self.refused_writes = 0

    def partition(self, place: Place) -> Partition:
        return self._partitions.setdefault(place, Partition())

    def append(self, place: Place, items: Iterable[Item]) -> int:
        """Append records that are visible at once; return the last one's offset."""
        return self._append(place, items, None)

    def _append(
        self, place: Place, items: Iterable[Item], owner: Transaction | None
    ) -> int:
        log = self.partition(place)
        for key, value, headers in items:
            log.records.append(
                LogRecord(*place, log.end, self.now_ms, key, value, tuple(headers))
            )
            log.owners.append(owner)
            log.end += 1
        return log.end - 1

    def open_producer(self, transactional_id: str) -> int:
        """Fence whoever had this id, abort what he left open, return the new epoch."""
        if self._fencing:
            for left in self._open_of(transactional_id):
                self._finish(left, "aborted")
        epoch = self._epochs.get(transactional_id, -1) + 1
        self._epochs[transactional_id] = epoch
        return epoch

    def _open_of(self, transactional_id: str) -> list[Transaction]:
        return [one for one in self._open if one.transactional_id == transactional_id]

    def send(
        self, transaction: Transaction, place: Place, items: Iterable[Item]
    ) -> int:
        """Append records to the transaction; return the last one's offset.

        Raises:
            Fenced: Another producer has opened the same transactional id since.
        """
        self._admit(transaction)
        transaction.places.setdefault(place, self.partition(place).end)
        return self._append(place, items, transaction)

    def send_offsets(self, transaction: Transaction, offsets: dict[Place, int]) -> None:
        """Let the transaction carry consumer offsets; they move when it commits."""
        self._admit(transaction)
        transaction.offsets.update(offsets)

    def commit(self, transaction: Transaction) -> None:
        """Make all of the transaction visible at once."""
        self._admit(transaction)
        self.group_offsets.update(transaction.offsets)
        self._finish(transaction, "committed")

    def _admit(self, transaction: Transaction) -> None:
        newest = self._epochs[transaction.transactional_id]
        if self._fencing and transaction.epoch != newest:
            self.refused_writes += 1
            raise Fenced(f"{transaction.transactional_id} at epoch {transaction.epoch}")
        if transaction not in self._open:
            self._open.append(transaction)

    def _finish(self, transaction: Transaction, state: str) -> None:
        transaction.state = state
        self._open.remove(transaction)
        for place in transaction.places:
            self.partition(place).end += 1  # The control record.

    def stable_end(self, place: Place) -> int:
        """Return the offset up to which a read_committed consumer may read."""
        end = self.partition(place).end
        for transaction in self._open:
            end = min(end, transaction.places.get(place, end))
        return end

    def read(
        self, place: Place, offset: int, limit: int = 1_000_000
    ) -> tuple[list[LogRecord], int]:
        """Read committed records from the offset on; return them and where to go on."""
        log = self.partition(place)
        end = self.stable_end(place)
        found: list[LogRecord] = []
        for index in range(log.index(offset), len(log.records)):
            record = log.records[index]
            if record.offset >= end:
                break
            owner = log.owners[index]
            if owner is None or owner.state == "committed":
                if len(found) == limit:
                    return found, record.offset
                found.append(record)
        return found, max(offset, end)

    def all(self, topic: str, partitions: int) -> list[LogRecord]:
        """Return every committed record of a topic, partition by partition."""
        return [
            record
            for partition in range(partitions)
            for record in self.read((topic, partition), 0)[0]
        ]

    def compact(self, place: Place) -> int:
        """Drop all but the last committed record of each key; return how many went.

        The newest record stays even if it is aborted or a repeat, as in a broker, which
        never cleans the segment it writes to.
        """
        log = self.partition(place)
        end = min(self.stable_end(place), log.end - 1)
        last: dict[bytes | None, int] = {}
        kept: list[int] = []
        for index, record in enumerate(log.records):
            owner = log.owners[index]
            if owner is None or owner.state == "committed":
                last[record.key] = index
        for index, record in enumerate(log.records):
            if record.offset >= end or last.get(record.key) == index:
                kept.append(index)
        gone = len(log.records) - len(kept)
        log.records = [log.records[index] for index in kept]
        log.owners = [log.owners[index] for index in kept]
        return gone
