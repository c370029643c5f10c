"""The simulated world: log, workers, commerce, clock; and how it comes to rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from streams.domain.availability import Counting, EntryScope
from streams.domain.reference import Location, Product, Reference
from streams.engine.fold import Stage
from streams.mapping.publications import AnswerWire, encode_message
from streams.mapping.reference import (
    apply_reference_record,
    encode_location,
    encode_product,
)
from streams.simulation.cluster import Cluster, Owner, Running, Seat, Worker
from streams.simulation.commerce import Commerce
from streams.simulation.courier import Courier, Errand
from streams.simulation.log import Broker, LogRecord
from streams.simulation.plants import HONEST, Plant
from streams.simulation.transactions import Answer
from streams.simulation.workload import Arrival, Changed, Event, WebOrder, moment
from streams.topics import COMMERCE_ANSWERS, LOCATIONS, NEWSTORE_EVENTS, PRODUCTS

REFERENCE_TOPICS = {topic.name: topic for topic in (LOCATIONS, PRODUCTS)}

ROUNDS_MAX = 60
"""Rounds in which everything must have come to rest."""

QUIET_ROUNDS = 4
"""A worker may look for what it missed only twice a minute."""

ROUND_MS = 11_000
"""Virtual time of a round: longer than commerce's lag and every retry's wait."""


class Restless(Exception):
    """Work goes on for ever: something repeats itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a seed's installation is set up."""

    workers: int
    partitions: int
    counting: Counting
    entries: EntryScope
    orders_raise_version: bool


@dataclass(slots=True)
class World:
    """One installation in one run."""

    shape: Shape
    stages_of: Callable[[Shape], Sequence[Stage]]
    start_ms: int
    plant: Plant = HONEST
    story: list[str] | None = None
    now_ms: int = 0
    broker: Broker = field(init=False)
    commerce: Commerce = field(init=False)
    cluster: Cluster = field(init=False)
    couriers: dict[str, Courier] = field(default_factory=dict)
    vendor: Callable[[Errand], Answer] = lambda _errand: Answer.GO
    seats: list[Seat] = field(default_factory=list)
    reference: Reference = field(default_factory=Reference)

    def __post_init__(self) -> None:
        self.broker = Broker(fencing=self.plant.fencing)
        self.commerce = Commerce(raise_version=self.shape.orders_raise_version)
        self.cluster = Cluster(
            self.broker,
            self._stages_of,
            self.clock,
            workers=self.shape.workers,
            partitions=self.shape.partitions,
            plant=self.plant,
        )
        self.seats = [
            (stage.name, partition)
            for stage in self.stages_of(self.shape)
            for partition in range(self.shape.partitions)
        ]
        self.advance_to(self.start_ms)
        self.cluster.tell = self.tell

    def tell(self, what: str) -> None:
        """Add a line to the story, if anybody wants to read it."""
        if self.story is not None:
            self.story.append(f"{self.clock():%H:%M:%S} {what}")

    def clock(self) -> datetime:
        return moment(self.now_ms)

    def advance_to(self, now_ms: int) -> None:
        """Let time go on; it never goes back."""
        self.now_ms = max(self.now_ms, now_ms)
        self.broker.now_ms = self.commerce.now_ms = self.now_ms
        self.commerce.count_orders()

    def _stages_of(self, worker: str) -> list[Running]:
        courier = Courier(
            self.plant.client(self.commerce, worker),
            counting=self.shape.counting,
            clock=self.clock,
            report=self._report,
        )
        self.couriers[worker] = courier
        return [
            Running(
                self.plant.stage(stage), courier if stage.name == "publishing" else None
            )
            for stage in self.stages_of(self.shape)
        ]

    def _report(self, answer: AnswerWire) -> None:
        key = answer.update.sku.encode()
        place = (COMMERCE_ANSWERS.name, self.cluster.partition_for(key))
        self.broker.append(place, [(key, encode_message(answer), ())])

    # The world outside

    def arrive(self, arrival: Arrival) -> None:
        """Let something happen to us."""
        self.advance_to(arrival.at_ms)
        self.tell(f"arrives: {arrival}")
        match arrival:
            case Event(key=key, body=body):
                partition = self.cluster.partition_for(key)
                self.broker.append((NEWSTORE_EVENTS.name, partition), [(key, body, ())])
            case Changed(value=value):
                self.put_reference(value)
            case WebOrder():
                channel = f"channel-{arrival.location_id[-2:].lstrip('0') or '0'}"
                if self.shape.entries is EntryScope.POOL:
                    channel = ""
                self.commerce.place_order(
                    (arrival.sku, channel), arrival.quantity, arrival.lag_ms
                )

    def put_reference(self, value: Location | Product) -> None:
        """Publish a location or product on its topic."""
        if isinstance(value, Location):
            topic, name, body = LOCATIONS, value.location_id, encode_location(value)
            self.reference.put_location(value)
        else:
            topic, name, body = PRODUCTS, value.sku, encode_product(value)
            self.reference.put_product(value)
        key = name.encode()
        place = (topic.name, self.cluster.partition_for(key))
        self.broker.append(place, [(key, body, ())])

    # Workers

    def start(self, worker: Worker) -> None:
        """Start a worker; it reads all reference data before it does anything."""
        self.cluster.start(worker)
        self.follow(worker, 1_000_000)

    def crash(self, worker: Worker) -> None:
        self.couriers[worker.name].abandon()
        self.cluster.crash(worker)

    def follow(self, worker: Worker, limit: int) -> int:
        """Let a worker take in some reference data."""
        topics = tuple(REFERENCE_TOPICS.values())
        return self.cluster.follow(worker, topics, _put, limit)

    # Rest

    def settle(self) -> None:
        """Let everything finish, until nothing is left to do; only commerce may fail.

        Raises:
            Restless: It never is.
        """
        self.revive()
        quiet = 0
        for _ in range(ROUNDS_MAX):
            self.advance_to(self.now_ms + ROUND_MS)
            self.fill_seats()
            busy = self.work() or not self.commerce.settled
            quiet = 0 if busy else quiet + 1
            if quiet == QUIET_ROUNDS:
                return
        raise Restless(f"work still goes on after {ROUNDS_MAX} rounds")

    def revive(self) -> None:
        """Let every worker run again."""
        self.tell("everything is given time to settle")
        for worker in self.cluster.workers:
            if not worker.alive:
                self.start(worker)
            worker.frozen, worker.crash_at = False, ""

    def fill_seats(self) -> None:
        """Give every seat an owner that knows of it."""
        workers = self.cluster.workers
        for number, seat in enumerate(self.seats):
            if self.cluster.owner(seat) is None:
                worker = self.cluster.assigned.get(seat, workers[number % len(workers)])
                self.cluster.open(worker, seat)

    def work(self) -> bool:
        """Do all there is to do now; say whether there was anything."""
        worked = False
        for worker in self.cluster.workers:
            worked |= self.follow(worker, 1_000_000) > 0
        for worker, owner in self.cluster.owners():
            worked |= self.finish(worker, owner) is not None
            for topic in self.cluster.pending(owner):
                self.cluster.begin_apply(owner, topic, 1_000_000)
                worked |= bool(self.finish(worker, owner))
            for _ in range(ROUNDS_MAX):
                if owner.seat not in worker.owners:
                    break
                self.cluster.begin_tick(owner)
                if not self.finish(worker, owner):
                    break
                worked = True
        for courier in self.couriers.values():
            while courier.begin():
                pass
            for errand in list(courier.errands):
                worked = True
                while courier.advance(errand, self.vendor(errand)):
                    pass
        return worked

    def finish(self, worker: Worker, owner: Owner) -> object:
        """Run what the owner has begun to its end; return the result."""
        result = None
        while owner.task is not None:
            result = self.cluster.advance(worker, owner, Answer.GO)
        return result


def _put(reference: Reference, record: LogRecord) -> None:
    topic = REFERENCE_TOPICS[record.topic]
    apply_reference_record(reference, topic, record.key, record.value)
