"""One seed, one verdict: a day in its weather, checked at rest and against calm."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from streams.domain.availability import Counting, EntryScope
from streams.simulation.acts import ACTS
from streams.simulation.acts_stock import open_shops
from streams.simulation.checks import CHECKERS
from streams.simulation.commerce import target_of
from streams.simulation.people import work_through
from streams.simulation.plants import HONEST, PLANTS, Plant
from streams.simulation.scheduler import Scheduler
from streams.simulation.snapshot import Snapshot, take_snapshot
from streams.simulation.stages import production_stages
from streams.simulation.weather import CALM, Weather, draw
from streams.simulation.workload import DAY_START_MS, Arrival, Workload, make_workload
from streams.simulation.world import Restless, Shape, World

FAULTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not hold: which checker says so, when, and what."""

    checker: str
    when: str
    sentence: str


@dataclass(slots=True)
class Report:
    """What came of a seed."""

    seed: int
    plant: str = ""
    shape: Shape | None = None
    weather: Weather = CALM
    events: int = 0
    entries: int = 0
    incidents: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    orders: bool = False

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def caught_by(self) -> str:
        """Name the first checker that found something."""
        return self.faults[0].checker if self.faults else ""


def run(seed: int, *, plant: str | None = None, verbose: bool = False) -> Report:
    """Simulate the seed's day and check it; the same seed gives the same report.

    Args:
        plant: The name of a planted bug (see `PLANTS`).
        verbose: Keep what happened, line by line, in the report's story.
    """
    planted = HONEST if plant is None else PLANTS[plant]
    shape = _shape(Random(f"shape {seed}"))
    counted = shape.counting is Counting.COMMERCE
    workload = make_workload(Random(f"day {seed}"), ACTS, open_shops, counted=counted)
    weather = draw(Random(f"weather {seed}"))
    report = Report(seed, plant or "", shape, weather)
    report.events = len(workload.opening) + len(workload.day)
    story = report.story if verbose else None
    stormy = _live(workload, shape, weather, planted, report, story)
    if stormy is None or report.faults:
        return report
    calm = _live(workload, shape, CALM, planted, report, None)
    if calm is not None:
        report.faults += _differences(stormy, calm)
    return report


def _live(
    workload: Workload,
    shape: Shape,
    weather: Weather,
    plant: Plant,
    report: Report,
    story: list[str] | None,
) -> Snapshot | None:
    """Live through the day; check whenever it has come to rest."""
    world = World(shape, production_stages, DAY_START_MS, plant, story)
    _furnish(world, workload)
    scheduler = Scheduler(world, weather, Random(f"chance {report.seed}"))
    scheduler.open()
    snap = None
    for when, arrivals in _parts(workload):
        if when == EVENING:
            work_through(world, Random(f"people {report.seed}"))
        try:
            scheduler.live(arrivals)
            if when == LATER:
                world.advance_to(world.now_ms + LATER_MS)
            world.settle()
        except Restless as restless:
            report.faults.append(Fault("rest", when, str(restless)))
            return None
        except Exception as error:  # noqa: BLE001 - whatever stops a worker is the finding
            report.faults.append(Fault("fail-stop", when, where(error)))
            return None
        snap = take_snapshot(world, workload.truth)
        report.faults += _check(snap, when)
        if report.faults:
            return None
    if weather is not CALM:
        report.incidents = dict(sorted(world.cluster.incidents.items()))
        report.requests = {
            str(answer): n for answer, n in sorted(world.commerce.answers.items())
        }
        report.entries = len(snap.journal) if snap is not None else 0
    return snap


def _furnish(world: World, workload: Workload) -> None:
    for location in workload.locations:
        world.put_reference(location)
    for product in workload.products:
        world.put_reference(product)
    for sku, channel, quantity in workload.foreign:
        world.commerce.put_foreign((sku, channel), quantity)


def where(error: Exception) -> str:
    """Say what was raised, and where in the project."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{one.filename}:{one.lineno}" for one in reversed(frames))
    return f"{error!r} at {places}"


OPENING, NOON, EVENING, LATER = (
    "after opening",
    "at noon",
    "in the evening",
    "nine days later",
)
_FACTS = frozenset(("oracle", "transit", "journal complete", "parked"))
_ORDERS = frozenset(("commerce = available",))
_MEMORY = frozenset(("forgotten", "transfers forgotten", "delays"))
TOO_EARLY = {
    OPENING: _FACTS | _MEMORY,
    NOON: _FACTS | _ORDERS | _MEMORY,
    EVENING: _MEMORY,
    LATER: frozenset[str](),
}
"""Checkers that compare with facts or orders of which not all have been told yet, or
with memories that have not had the time to fade."""

LATER_MS = 9 * 86_400_000


def _parts(workload: Workload) -> Iterator[tuple[str, Sequence[Arrival]]]:
    noon = len(workload.day) // 2
    yield OPENING, workload.opening
    yield NOON, workload.day[:noon]
    yield EVENING, workload.day[noon:]
    yield LATER, ()


def _check(snap: Snapshot, when: str) -> list[Fault]:
    faults = []
    for name, checker in CHECKERS.items():
        if name in TOO_EARLY[when]:
            continue
        faults += [Fault(name, when, sentence) for sentence in checker(snap)]
    return faults[:FAULTS_SHOWN]


def _differences(stormy: Snapshot, calm: Snapshot) -> Iterator[Fault]:
    """Name what the storm has changed: nothing may differ."""
    for what, read in READINGS.items():
        first, second = read(stormy), read(calm)
        for key in sorted(first.keys() | second.keys()):
            if first.get(key) != second.get(key):
                sentence = f"{what} {key}: {first.get(key)}, calm {second.get(key)}"
                yield Fault("same as calm", LATER, sentence)


def _filled(snap: Snapshot) -> dict[str, object]:
    # An order that came and went leaves an empty row, or none if heard backwards.
    return {"|".join(key): row for key, row in snap.rows.items() if any(row.values())}


def _quantities(snap: Snapshot) -> dict[str, object]:
    return {
        "|".join(key): entry.quantity
        for key, entry in snap.world.commerce.entries.items()
        if entry.quantity and target_of(entry) is not None
    }


# Which of them leave a trace depends on the order in which they are heard.
PROMISES = frozenset(("announce", "reserve", "release"))


def _entries(snap: Snapshot) -> dict[str, object]:
    return {
        one["movement_id"]: one["kind"]
        for one in snap.journal
        if one["kind"] not in PROMISES
    }


READINGS: dict[str, Callable[[Snapshot], dict[str, object]]] = {
    "rows": _filled,
    "commerce": _quantities,
    "entries": _entries,
}


def _shape(rng: Random) -> Shape:
    counting = rng.choice((Counting.COMMERCE, Counting.COMMERCE, Counting.POOL))
    scopes = [EntryScope.CHANNEL, EntryScope.CHANNEL, EntryScope.POOL]
    if counting is Counting.POOL:
        # A web order lowers one entry of the two, and nobody says which.
        scopes.append(EntryScope.BOTH)
    return Shape(
        workers=rng.randint(2, 3),
        partitions=rng.randint(1, 3),
        counting=counting,
        entries=rng.choice(scopes),
        orders_raise_version=rng.random() < 0.7,
    )
