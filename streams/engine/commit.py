"""The commit: one fold's result becomes one transaction, then one write to the store.

Knows neither Kafka nor RocksDB: both stand behind small protocols, so that production
and the simulator run this very code, crash points included.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from streams.domain.reference import Reference
from streams.engine.errors import RecordTooLarge
from streams.engine.fold import (
    Batch,
    Clock,
    CommitListener,
    Context,
    Record,
    Result,
    Stage,
)
from streams.engine.headers import (
    URGENT,
    Headers,
    output_headers,
    parked_headers,
    schema_header,
)
from streams.engine.refusing import refused
from streams.engine.settling import settle_retried, settlements
from streams.mapping.exceptions import encode_command
from streams.tables import Table
from streams.topics import EXCEPTION_COMMANDS, EXCEPTIONS, Topic

# Keys of the engine itself inside a stage's store; tables' prefixes are letters.
META = b"\x00"
SEQUENCE_KEY = META + b"sequence"
COUNTS_KEY = META + b"counts"
SOURCE_KEY = META + b"source/"
AHEAD_KEY = META + b"ahead/"

Row = tuple[bytes, bytes | None]

_encode = msgspec.msgpack.Encoder().encode
_decode_counts = msgspec.msgpack.Decoder(dict[str, int]).decode
_decode_offsets = msgspec.msgpack.Decoder(frozenset[int]).decode
_NONE: frozenset[int] = frozenset()
_URGENT = (URGENT, b"")


class Reached(NamedTuple):
    """How far a source is applied: all below `upto`, and the offsets of `ahead`."""

    topic: Topic
    upto: int
    ahead: frozenset[int] = _NONE


class Fenced(Exception):
    """Another owner has taken this partition: do not touch it until a rebalance."""


class CommitUnknown(Exception):
    """The commit failed or nobody knows: open the log anew and look what it holds."""


class Outgoing(NamedTuple):
    """A record on its way to a partition of a topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class Commit:
    """All that one transaction carries.

    Attributes:
        sequence: Grows by one with each commit of the partition; every changelog record
            carries it, so that a fenced owner's late record is recognised and refused.
        changelog: The state's changed rows, engine rows included.
        outputs: Outgoing records by topic and partition.
        offsets: The next offset to read, by source topic; a tick moves none.
        stands: Where the partition stands, by source topic: what a tick commits, so
            that the broker can refuse it if the partition has another owner by now.
    """

    sequence: int
    changelog: list[Row]
    outputs: dict[tuple[Topic, int], list[Outgoing]] = field(default_factory=dict)
    offsets: dict[Topic, int] = field(default_factory=dict)
    stands: dict[Topic, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """How many records a transaction has to carry for it."""
        return len(self.changelog) + sum(map(len, self.outputs.values()))


class TransactionLog(Protocol):
    """Where a partition's commits go: a transactional producer or a simulated log."""

    async def commit(self, commit: Commit) -> int:
        """Commit all of it or nothing; return the last changelog offset written.

        Raises:
            Fenced: Another owner has taken over.
            CommitUnknown: It failed, or the outcome is not known.
        """
        ...


class StateStore(Protocol):
    """A partition's rows on this worker's disk."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]: ...

    def iterate(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]: ...

    def write(self, rows: Iterable[Row], changelog_offset: int) -> None:
        """Write the rows and the changelog offset they stem from, as one."""
        ...

    def changelog_offset(self) -> int:
        """Return the last changelog offset the store holds; -1 if empty."""
        ...


class StoreView:
    """A stage's read-only view of its store: tables are key prefixes."""

    __slots__ = ("_store", "partition")

    def __init__(self, store: StateStore, partition: int) -> None:
        self._store = store
        self.partition = partition

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        asked = list(keys)
        if not asked:
            return {}
        prefix = table.prefix
        values = self._store.get_many([prefix + key for key in asked])
        return {
            key: value
            for key, value in zip(asked, values, strict=True)
            if value is not None
        }

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        first = table.prefix + (prefix if start is None else start)
        for key, value in self._store.iterate(table.prefix + prefix, first):
            yield key[1:], value


def no_crash(step: str) -> None:
    """Do nothing at a crash point; fault tests put a crash here instead."""


async def at_once() -> None:
    """Do not wait for a turn: where nobody else is to be let in between."""


class Turns:
    """Lets one partition at a time take the event loop for some milliseconds.

    Batches arrive for many partitions together. Folded one after the other they would
    keep whoever asks over HTTP waiting for all of them; after each, the loop looks at
    its sockets.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __call__(self) -> None:
        async with self._lock:
            await asyncio.sleep(0)


@dataclass(slots=True, kw_only=True)
class Environment:
    """What a partition runs in; shared by all partitions of a worker."""

    clock: Clock
    reference: Reference
    partition_for: Callable[[bytes], int]
    crash_point: Callable[[str], None] = no_crash
    turn: Callable[[], Awaitable[None]] = at_once


class PartitionRuntime:
    """One stage in one partition: folds batches and ticks, and commits each result."""

    def __init__(
        self,
        stage: Stage,
        partition: int,
        store: StateStore,
        log: TransactionLog,
        environment: Environment,
        listener: CommitListener | None = None,
    ) -> None:
        self.stage = stage
        self.partition = partition
        self.view = StoreView(store, partition)
        self._store = store
        self._log = log
        self._environment = environment
        self._listener = listener
        self._lock = asyncio.Lock()
        self._schemas = {topic: schema_header(topic) for topic in stage.outputs}
        self.sequence = 0
        self.counts: dict[str, int] = {}
        self.next_offsets: dict[Topic, int] = {}
        self.ahead: dict[Topic, frozenset[int]] = {}

    def load(self) -> None:
        """Read the engine's own rows; call once the store is restored."""
        sources = self.stage.sources
        sequence, counts = self._store.get_many([SEQUENCE_KEY, COUNTS_KEY])
        offsets = self._own_rows(SOURCE_KEY)
        overtaken = self._own_rows(AHEAD_KEY)
        self.sequence = 0 if sequence is None else int(sequence)
        self.counts = {} if counts is None else _decode_counts(counts)
        self.next_offsets = {
            topic: int(offset)
            for topic, offset in zip(sources, offsets, strict=True)
            if offset is not None
        }
        self.ahead = {
            topic: _decode_offsets(row)
            for topic, row in zip(sources, overtaken, strict=True)
            if row is not None
        }
        if self._listener is not None:
            self._listener.opened(self.view)

    def _own_rows(self, prefix: bytes) -> list[bytes | None]:
        keys = [prefix + topic.name.encode() for topic in self.stage.sources]
        return self._store.get_many(keys)

    async def apply(
        self,
        topic: Topic,
        records: Sequence[Record],
        *,
        upto: int | None = None,
        urgent: Set[int] = _NONE,
    ) -> int:
        """Fold and commit the records not applied yet; return how many those were.

        Args:
            upto: With them, all below this offset is applied; those from there on have
                overtaken others. By default, they are all that there is.
            urgent: The offsets of those of which what they cause should go first.
        """
        async with self._lock:
            fresh = self._not_applied(topic, records)
            reached = self._reached(topic, fresh, records, upto)
            if not fresh:
                if reached.upto > self.next_offsets.get(topic, 0):
                    await self._commit(Result(), reached)
                return 0
            await self._environment.turn()
            batch = Batch(topic, self.partition, fresh)
            result = self.stage.fold(self.view, batch, self._context())
            settle_retried(result, fresh)
            await self._environment.turn()
            await self._commit(result, reached, urgent)
            return len(fresh)

    async def refuse(
        self,
        topic: Topic,
        record: Record,
        error: RecordTooLarge,
        *,
        upto: int | None = None,
    ) -> None:
        """Park a record whose result the log does not take; commit nothing else."""
        async with self._lock:
            fresh = self._not_applied(topic, [record])
            if fresh:
                reached = self._reached(topic, fresh, fresh, upto)
                await self._commit(refused(record, error), reached)

    async def tick(self) -> bool:
        """Give the stage its tick; return whether it wanted anything done."""
        async with self._lock:
            result = self.stage.tick(self.view, self._context())
            if result is None or not (
                result.writes
                or result.outputs
                or result.parked
                or result.settled
                or result.counts
            ):
                return False
            await self._commit(result, None)
            return True

    def _context(self) -> Context:
        return Context(self._environment.clock(), self._environment.reference)

    def _not_applied(self, topic: Topic, records: Sequence[Record]) -> Sequence[Record]:
        expected, ahead = self.next_offsets.get(topic, 0), self.ahead.get(topic)
        if ahead:
            return [
                record
                for record in records
                if record.offset >= expected and record.offset not in ahead
            ]
        if not records or records[0].offset >= expected:
            return records
        return [record for record in records if record.offset >= expected]

    def _reached(
        self,
        topic: Topic,
        fresh: Sequence[Record],
        records: Sequence[Record],
        upto: int | None,
    ) -> Reached:
        before = self.next_offsets.get(topic, 0)
        if upto is None:
            upto = records[-1].offset + 1 if records else before
        upto = max(upto, before)
        ahead = {offset for offset in self.ahead.get(topic, _NONE) if offset >= upto}
        if fresh and fresh[-1].offset >= upto:
            ahead.update(each.offset for each in fresh if each.offset >= upto)
        return Reached(topic, upto, frozenset(ahead))

    async def _commit(
        self, result: Result, reached: Reached | None, urgent: Set[int] = _NONE
    ) -> None:
        step = self._environment.crash_point
        counts = _summed(self.counts, result.counts)
        commit = Commit(
            sequence=self.sequence + 1,
            changelog=self._rows(result, reached, counts),
            outputs=self._outgoing(result, urgent),
            offsets=self._offsets(reached),
            stands=self._stands(),
        )
        step("before_transaction")
        last_offset = await self._log.commit(commit)
        step("after_commit")
        self._store.write(commit.changelog, last_offset)
        step("after_store")
        self.sequence = commit.sequence
        self.counts = counts
        if reached is not None:
            self.next_offsets[reached.topic] = reached.upto
            self.ahead[reached.topic] = reached.ahead
        if self._listener is not None:
            self._listener.committed(self.view, result.writes)

    def _offsets(self, reached: Reached | None) -> dict[Topic, int]:
        """Return the offset to commit, if the source has come any further."""
        if reached is None or reached.upto == self.next_offsets.get(reached.topic, 0):
            return {}
        return {reached.topic: reached.upto}

    def _stands(self) -> dict[Topic, int]:
        source = self.stage.sources[0]
        return {source: self.next_offsets.get(source, 0)}

    def _rows(
        self, result: Result, reached: Reached | None, counts: dict[str, int]
    ) -> list[Row]:
        rows: list[Row] = []
        for table, written in result.writes.items():
            prefix = table.prefix
            rows += [(prefix + key, value) for key, value in written.items()]
        if reached is not None:
            name, ahead = reached.topic.name.encode(), reached.ahead
            rows.append((SOURCE_KEY + name, b"%d" % reached.upto))
            if ahead != self.ahead.get(reached.topic, _NONE):
                row = _encode(sorted(ahead)) if ahead else None
                rows.append((AHEAD_KEY + name, row))
        rows.append((COUNTS_KEY, _encode(counts)))
        rows.append((SEQUENCE_KEY, b"%d" % (self.sequence + 1)))
        return rows

    def _outgoing(
        self, result: Result, urgent: Set[int]
    ) -> dict[tuple[Topic, int], list[Outgoing]]:
        outgoing: dict[tuple[Topic, int], list[Outgoing]] = {}
        partition_for = self._environment.partition_for
        here = self.partition
        for topic, outputs in result.outputs.items():
            schema = self._schemas.get(topic) or schema_header(topic)
            for output in outputs:
                if output.same_partition:
                    partition = here
                else:
                    partition = partition_for(output.routing_key or output.key or b"")
                headers = output_headers(output, schema)
                if urgent and output.cause and output.cause.offset in urgent:
                    headers.insert(0, _URGENT)
                outgoing.setdefault((topic, partition), []).append(
                    Outgoing(output.key, output.value, headers)
                )
        if result.parked:
            now = self._environment.clock()
            outgoing[EXCEPTIONS, here] = [
                Outgoing(
                    parked.record.key,
                    parked.record.value,
                    parked_headers(parked, self.stage.name, now),
                )
                for parked in result.parked
            ]
        if result.settled:
            now = self._environment.clock()
            schema = schema_header(EXCEPTION_COMMANDS)
            outgoing.setdefault((EXCEPTION_COMMANDS, here), []).extend(
                Outgoing(*encode_command(command), [schema])
                for command in settlements(result, self.stage.name, now)
            )
        return outgoing


def _summed(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {
        name: first.get(name, 0) + second.get(name, 0)
        for name in first.keys() | second.keys()
    }
