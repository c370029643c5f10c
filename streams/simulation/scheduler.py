"""Chance: who works next, how far, and what goes wrong. Every draw is the seed's."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

from streams.engine.fold import Record
from streams.engine.inbox import GoesFirst
from streams.engine.recovery import sequence_of
from streams.mapping.scarce_events import IN_THEIR_ORDER
from streams.simulation.cluster import Owner, Seat, Worker
from streams.simulation.courier import Errand
from streams.simulation.log import Place
from streams.simulation.store import UNSYNCED_WRITES_MAX
from streams.simulation.transactions import Answer, changelog_topic
from streams.simulation.weather import Weather
from streams.simulation.workload import Arrival
from streams.simulation.world import World
from streams.topics import NEWSTORE_EVENTS, Topic

BATCH_SIZES = (1, 2, 5, 20, 100)
CRASH_POINTS = ("before_transaction", "after_commit", "after_store")
VENDOR_FAULTS = (
    Answer.LOSE_REQUEST,
    Answer.LOSE_ANSWER,
    Answer.LOSE_ANSWER,
    Answer.THROTTLE,
    Answer.UNAVAILABLE,
)
ABSENCE_ROUNDS_MAX = 30
ERRANDS_MAX = 3
ROUNDS_BETWEEN_MAX = 10
WORK_PER_ROUND_MAX = 4


def _keeps_its_turn(record: Record) -> bool:
    value = record.value or b""
    return any(b'"%b"' % name.encode() in value for name in IN_THEIR_ORDER)


@dataclass(slots=True)
class Scheduler:
    """Drives a world through its arrivals in the given weather."""

    world: World
    weather: Weather
    rng: Random
    _away: dict[str, int] = field(default_factory=dict)
    _torn: set[Place] = field(default_factory=set)

    def open(self) -> None:
        """Start all workers and give out the seats."""
        self.world.vendor = self._vendor_answer
        self.world.cluster.goes_first = self._precedence()
        for worker in self.world.cluster.workers:
            self.world.start(worker)
        for seat in self.world.seats:
            self._open(self.rng.choice(self.world.cluster.workers), seat)

    def _precedence(self) -> GoesFirst | None:
        """Choose records that overtake; the same again whenever they are fetched."""
        chance = self.weather.overtake
        if not chance:
            return None
        salt = self.rng.getrandbits(32)

        def goes_first(topic: Topic, record: Record) -> bool:
            if topic is NEWSTORE_EVENTS and _keeps_its_turn(record):
                return False
            place = f"{salt}/{record.topic}/{record.partition}/{record.offset}"
            return crc32(place.encode()) < chance * 2**32

        return goes_first

    def live(self, arrivals: Sequence[Arrival]) -> None:
        """Let everything arrive, in order, and work and mischief in between."""
        queue = deque(arrivals)
        while queue:
            for _ in range(min(self.rng.randint(1, 5), len(queue))):
                self.world.arrive(queue.popleft())
            for _ in range(self.rng.randint(0, ROUNDS_BETWEEN_MAX)):
                self.round()

    def round(self) -> None:
        """Let some mischief and some work happen."""
        self._return_of_the_absent()
        self._mischief()
        for _ in range(self.rng.randint(1, WORK_PER_ROUND_MAX)):
            self._work()

    # Work

    def _work(self) -> None:
        running = [one for one in self.world.cluster.workers if one.runs]
        if not running:
            return
        worker = self.rng.choice(running)
        kind = self.rng.random()
        if kind < 0.1:
            self.world.follow(worker, self.rng.randint(1, 3))
        elif kind < 0.4:
            self._deliver(worker)
        elif worker.owners:
            self._process(worker, self._choose(worker))

    def _choose(self, worker: Worker) -> Owner:
        """Choose a seat of the worker, one with something to do if there is any."""
        owners = [worker.owners[seat] for seat in sorted(worker.owners)]
        pending = self.world.cluster.pending
        busy = [one for one in owners if one.task is not None or pending(one)]
        return self.rng.choice(busy if busy and self._chance(0.9) else owners)

    def _process(self, worker: Worker, owner: Owner) -> None:
        cluster = self.world.cluster
        if owner.task is None:
            pending = cluster.pending(owner)
            if pending and self.rng.random() < 0.85:
                limit = self.rng.choice(BATCH_SIZES)
                cluster.begin_apply(owner, self.rng.choice(pending), limit)
            else:
                cluster.begin_tick(owner)
            if self._chance(self.weather.crash_at_step):
                worker.crash_at = self.rng.choice(CRASH_POINTS)
        while owner.task is not None:
            cluster.advance(worker, owner, self._commit_answer(owner))
            if not worker.alive:
                self.world.couriers[worker.name].abandon()
                self._lose_disks(worker)
                self._leave(worker)
                return
            if self._stops_here(worker):
                return

    def _stops_here(self, worker: Worker) -> bool:
        """Decide whether what is under way stands still now, perhaps for long."""
        if self._chance(self.weather.freeze):
            self._freeze(worker)
        return worker.frozen or self._chance(self.weather.interleave)

    def _freeze(self, worker: Worker) -> None:
        worker.frozen = True
        self.world.cluster.note("freeze", worker.name)
        self._leave(worker)

    def _commit_answer(self, owner: Owner) -> Answer:
        if owner.stands_at != "before_commit":
            return Answer.GO
        if self._chance(self.weather.lose_answer):
            return Answer.LOSE_ANSWER
        if self._chance(self.weather.lose_request):
            return Answer.LOSE_REQUEST
        return Answer.GO

    def _deliver(self, worker: Worker) -> None:
        courier = self.world.couriers[worker.name]
        if len(courier.errands) < ERRANDS_MAX and self.rng.random() < 0.5:
            courier.begin()
        if not courier.errands:
            return
        errand = self.rng.choice(courier.errands)
        while courier.advance(errand, self._vendor_answer(errand)):
            if self._stops_here(worker):
                return

    def _vendor_answer(self, errand: Errand) -> Answer:
        if errand.stands_at.startswith("request_") and self._chance(
            self.weather.vendor
        ):
            return self.rng.choice(VENDOR_FAULTS)
        return Answer.GO

    # Mischief

    def _mischief(self) -> None:
        weather, cluster = self.weather, self.world.cluster
        running = [one for one in cluster.workers if one.runs]
        if running and self._chance(weather.crash):
            worker = self.rng.choice(running)
            self.world.crash(worker)
            self._lose_disks(worker)
            self._leave(worker)
        elif running and self._chance(weather.freeze):
            self._freeze(self.rng.choice(running))
        elif len(running) > 1 and self._chance(weather.rebalance):
            self._rebalance(running)
        if self._chance(weather.torn):
            self._tear()
        if self._chance(weather.compact):
            stage, partition = self.rng.choice(self.world.seats)
            place = (changelog_topic(stage), partition)
            if place not in self._torn:
                self.world.broker.compact(place)
                cluster.note("compaction", place)
        if self.world.commerce.entries and self._chance(weather.touch):
            entries = sorted(self.world.commerce.entries)
            self.world.commerce.touch(self.rng.choice(entries))

    def _lose_disks(self, worker: Worker) -> None:
        for seat in sorted(worker.disks):
            if self._chance(self.weather.wipe):
                del worker.disks[seat]
                self.world.cluster.note("disk_wiped", f"{worker.name} {seat}")
            elif self._chance(self.weather.lose_tail):
                worker.disks[seat].lose_writes(self.rng.randint(1, UNSYNCED_WRITES_MAX))
                self.world.cluster.note("disk_tail_lost", f"{worker.name} {seat}")

    def _leave(self, worker: Worker) -> None:
        """Decide how long a worker is away, and whether others take over meanwhile."""
        self._away[worker.name] = self.rng.randint(1, ABSENCE_ROUNDS_MAX)
        cluster = self.world.cluster
        others = [one for one in cluster.workers if one.runs]
        if not others or not self._chance(self.weather.takeover):
            return
        for seat in self.world.seats:
            if cluster.assigned.get(seat) is worker:
                self._open(self.rng.choice(others), seat)

    def _return_of_the_absent(self) -> None:
        cluster = self.world.cluster
        for worker in cluster.workers:
            rounds = self._away.get(worker.name)
            if rounds is None:
                continue
            self._away[worker.name] = rounds - 1
            if rounds > 0:
                continue
            del self._away[worker.name]
            if worker.alive:
                worker.frozen = False  # It goes on where it was, none the wiser.
                continue
            self.world.start(worker)
            for seat in self.world.seats:
                if cluster.assigned.get(seat) is worker:
                    self._open(worker, seat)

    def _rebalance(self, running: Sequence[Worker]) -> None:
        """Move a few seats; what their owners had begun is finished or aborted."""
        cluster = self.world.cluster
        moving = self.rng.sample(self.world.seats, min(2, len(self.world.seats)))
        cluster.note("rebalance", moving)
        for seat in moving:
            former = cluster.assigned.get(seat)
            owner = cluster.owner(seat)
            if former is not None and former.runs and owner is not None:
                former.crash_at = ""
                if self._chance(0.5):
                    self.world.finish(former, owner)
                cluster.release(former, owner)
            self._open(self.rng.choice(running), seat)

    def _tear(self) -> None:
        """Let a record of a former owner reach a changelog after all."""
        stage, partition = self.rng.choice(self.world.seats)
        place = (changelog_topic(stage), partition)
        records, _ = self.world.broker.read(place, 0)
        if not records:
            return
        newest = sequence_of(records[-1].headers)
        stale = [one for one in records if sequence_of(one.headers) < newest]
        if stale:
            old = self.rng.choice(stale)
            self.world.broker.append(place, [(old.key, old.value, old.headers)])
            self._torn.add(place)
            self.world.cluster.note("torn_record", place)

    def _open(self, worker: Worker, seat: Seat) -> None:
        rewind = self.rng.randint(1, 9) if self._chance(self.weather.rewind) else 0
        self.world.cluster.open(worker, seat, rewind)

    def _chance(self, chance: float) -> bool:
        return chance > 0 and self.rng.random() < chance
