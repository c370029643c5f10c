"""Workers that own partitions and run the engine's own commit, one step at a time.

The cluster does what it is told and decides nothing: chance lives in the scheduler.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

from streams.domain.reference import Reference
from streams.engine.commit import (
    SEQUENCE_KEY,
    CommitUnknown,
    Environment,
    Fenced,
    PartitionRuntime,
)
from streams.engine.fold import CommitListener, Stage
from streams.engine.inbox import GoesFirst, Inbox
from streams.simulation.log import Broker, LogRecord, Place
from streams.simulation.plants import HONEST, Plant
from streams.simulation.store import MemoryStore
from streams.simulation.transactions import (
    Answer,
    SimulatedTransactions,
    changelog_topic,
)
from streams.topics import Topic

Task = Coroutine[str, Answer | None, Any]
Seat = tuple[str, int]
"""A stage's name and a partition: what one worker at a time owns."""

RESTORE_RECORDS_MAX = 7  # Small, so that restoring takes several batches.
FETCHES = 3
"""So many times what is applied at once is fetched."""


class Crashed(Exception):
    """The worker died at this step."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stage as one worker runs it, and who hears of its commits there."""

    stage: Stage
    listener: CommitListener | None = None


StagesOf = Callable[[str], Sequence[Running]]
"""Makes the stages of the worker of that name, anew at each start of it."""


@dataclass(slots=True, eq=False)
class Owner:
    """One partition of one stage as its (perhaps former) owner sees it."""

    seat: Seat
    runtime: PartitionRuntime
    listener: CommitListener | None
    positions: dict[Topic, int]
    inbox: Inbox
    task: Task | None = None
    stands_at: str = ""


@dataclass(slots=True, eq=False)
class Worker:
    """A process: its disk outlives it, everything else does not."""

    name: str
    disks: dict[Seat, MemoryStore] = field(default_factory=dict)
    owners: dict[Seat, Owner] = field(default_factory=dict)
    stages: dict[str, Running] = field(default_factory=dict)
    reference: Reference = field(default_factory=Reference)
    reference_positions: dict[Place, int] = field(default_factory=dict)
    alive: bool = False
    frozen: bool = False
    crash_at: str = ""

    @property
    def runs(self) -> bool:
        return self.alive and not self.frozen

    def crash_point(self, step: str) -> None:
        """Die here if that was decided."""
        if step == self.crash_at:
            self.crash_at = ""
            raise Crashed(step)


class Cluster:
    """Workers over one broker."""

    def __init__(
        self,
        broker: Broker,
        stages_of: StagesOf,
        clock: Callable[[], datetime],
        *,
        workers: int,
        partitions: int,
        plant: Plant = HONEST,
    ) -> None:
        self.broker = broker
        self.partitions = partitions
        self.workers = [Worker(f"worker-{number}") for number in range(workers)]
        self.assigned: dict[Seat, Worker] = {}
        self.incidents: dict[str, int] = {}
        self.tell: Callable[[str], None] = lambda _what: None
        self.goes_first: GoesFirst | None = None
        self._stages_of = stages_of
        self._clock = clock
        self._plant = plant

    def partition_for(self, key: bytes) -> int:
        return crc32(key) % self.partitions

    def note(self, incident: str, whom: object) -> None:
        """Count an incident, and tell it."""
        self.incidents[incident] = self.incidents.get(incident, 0) + 1
        self.tell(f"{incident}: {whom}")

    # Life and death

    def start(self, worker: Worker) -> None:
        """Start a dead worker's process; it owns nothing yet."""
        worker.reference = Reference()
        running = self._stages_of(worker.name)
        worker.stages = {one.stage.name: one for one in running}
        worker.reference_positions = {}
        worker.alive, worker.frozen, worker.crash_at = True, False, ""

    def crash(self, worker: Worker) -> None:
        """End a worker's process as kill -9 does: at once, with what it was doing."""
        for owner in worker.owners.values():
            if owner.task is not None:
                owner.task.close()
        worker.owners = {}
        worker.alive, worker.frozen, worker.crash_at = False, False, ""
        self.note("crash", worker.name)

    def owner(self, seat: Seat) -> Owner | None:
        """Return the seat's owner if its worker knows that it is."""
        worker = self.assigned.get(seat)
        return None if worker is None else worker.owners.get(seat)

    def owners(self) -> Iterator[tuple[Worker, Owner]]:
        """Walk all who believe to own something and can act, former owners too."""
        for worker in self.workers:
            if worker.runs:
                for owner in list(worker.owners.values()):
                    yield worker, owner

    def release(self, worker: Worker, owner: Owner) -> None:
        """Give a seat up; what is in flight is aborted."""
        if owner.task is not None:
            owner.task.close()
            owner.task = None
        if owner.listener is not None:
            owner.listener.closed(owner.runtime.partition)
        worker.owners.pop(owner.seat, None)

    def open(self, worker: Worker, seat: Seat, rewind: int = 0) -> Owner:
        """Make the worker the seat's owner: fence, restore, load, find the position.

        Args:
            rewind: Begin so many offsets before those the state names, as a poll from
                before a rebalance would.
        """
        if not worker.runs:
            raise RuntimeError(f"{worker.name} does not run and cannot open {seat}")
        self.tell(f"{worker.name} opens {seat}")
        former = worker.owners.get(seat)
        if former is not None:
            self.release(worker, former)
        self.assigned[seat] = worker
        name, partition = seat
        running = worker.stages[name]
        store = worker.disks.setdefault(seat, MemoryStore())
        log = SimulatedTransactions(self.broker, name, partition, self._plant.tampering)
        self._restore(store, (changelog_topic(name), partition))
        environment = Environment(
            clock=self._clock,
            reference=worker.reference,
            partition_for=self.partition_for,
            crash_point=worker.crash_point,
        )
        runtime = self._plant.runtime(
            running.stage, partition, store, log, environment, running.listener
        )
        runtime.load()
        if self._plant.trusts_group:
            runtime.next_offsets = self._group_offsets(running.stage, partition)
        positions = {
            topic: max(0, runtime.next_offsets.get(topic, 0) - rewind)
            for topic in running.stage.sources
        }
        inbox = Inbox(f"{name}-{partition}", self.goes_first)
        owner = Owner(seat, runtime, running.listener, positions, inbox)
        worker.owners[seat] = owner
        return owner

    def _group_offsets(self, stage: Stage, partition: int) -> dict[Topic, int]:
        committed = self.broker.group_offsets
        return {
            topic: committed.get((topic.name, partition), 0) for topic in stage.sources
        }

    def store_of(self, owner: Owner) -> MemoryStore:
        """Return the disk that the owner works on."""
        return self.assigned[owner.seat].disks[owner.seat]

    def _restore(self, store: MemoryStore, changelog: Place) -> None:
        known = store.get_many([SEQUENCE_KEY])[0]
        restoration = self._plant.restoration(store, int(known or b"0"))
        offset = store.changelog_offset() + 1
        while True:
            records, offset = self.broker.read(changelog, offset, RESTORE_RECORDS_MAX)
            if not records:
                break
            restoration.feed(records)
        if restoration.refused:
            self.note("torn_record_refused", changelog)

    # Work

    def pending(self, owner: Owner) -> list[Topic]:
        """Name the sources that hold records this owner has not begun to apply."""
        partition = owner.runtime.partition
        stable_end = self.broker.stable_end
        return [
            topic
            for topic, position in owner.positions.items()
            if owner.inbox.waiting(topic)
            or position < stable_end((topic.name, partition))
        ]

    def begin_apply(self, owner: Owner, topic: Topic, limit: int) -> bool:
        """Fetch a topic's records, and begin to apply those whose turn it is.

        Says whether there were any. More are fetched than are applied at once, so that
        there is something to overtake.
        """
        place = (topic.name, owner.runtime.partition)
        fetched, owner.positions[topic] = self.broker.read(
            place, owner.positions[topic], FETCHES * limit
        )
        # This broker leaves nothing out; what it gives follows on what it gave.
        owner.inbox.put(topic, fetched, 0)
        taken = owner.inbox.take(lambda _waiting: limit)
        if taken is None:
            return False
        topic, records, upto, urgent = taken
        if upto <= records[-1].offset:
            self.note("overtaking", owner.seat)
        applying = owner.runtime.apply(topic, records, upto=upto, urgent=urgent)
        owner.task, owner.stands_at = applying, ""
        return True

    def begin_tick(self, owner: Owner) -> None:
        owner.task, owner.stands_at = owner.runtime.tick(), ""

    def advance(self, worker: Worker, owner: Owner, answer: Answer) -> Any:
        """Let the owner's task run to its next step; return its result when it ends.

        A crash ends the worker; a fence ends the ownership; an unknown outcome makes
        the owner open its log anew and look what it holds.
        """
        task = owner.task
        if task is None:
            return None
        try:
            owner.stands_at = task.send(None if answer is Answer.GO else answer)
        except StopIteration as ended:
            owner.task = None
            return ended.value
        except Crashed:
            owner.task = None
            self.crash(worker)
        except Fenced:
            self.note("fenced", f"{worker.name} {owner.seat}")
            owner.task = None
            self.release(worker, owner)
        except CommitUnknown:
            self.note("commit_unknown", owner.seat)
            owner.task = None
            self.open(worker, owner.seat)
        return None

    # Reference data

    def follow(
        self,
        worker: Worker,
        topics: Sequence[Topic],
        put: Callable[[Reference, LogRecord], None],
        limit: int,
    ) -> int:
        """Let the worker take in reference data; return how many records it took."""
        taken = 0
        for topic in topics:
            for partition in range(self.partitions):
                place = (topic.name, partition)
                records, position = self.broker.read(
                    place, worker.reference_positions.get(place, 0), limit - taken
                )
                worker.reference_positions[place] = position
                for record in records:
                    put(worker.reference, record)
                taken += len(records)
                if taken >= limit:
                    return taken
        return taken
