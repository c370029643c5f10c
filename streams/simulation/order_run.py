"""One seed, one verdict, for orders: a storm, or the same events in another order."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from random import Random

from streams.domain.availability import Counting, EntryScope
from streams.domain.order_keeping import is_finished
from streams.domain.reference import Location, Product, Reference
from streams.sandbox.newstore.config import Unroutable
from streams.simulation.order_acts import ROUNDS_MAX, People
from streams.simulation.order_checks import CHECKERS
from streams.simulation.order_deeds import DEEDS, Deed, regret
from streams.simulation.order_plants import PLANTS, OrderPlant
from streams.simulation.order_readings import READINGS
from streams.simulation.order_snapshot import OrderSnapshot, take_orders
from streams.simulation.order_world import OrderShape, OrderWorld, order_stages
from streams.simulation.post import LATE_MS_MAX
from streams.simulation.run import FAULTS_SHOWN, Fault, Report, where
from streams.simulation.scheduler import Scheduler
from streams.simulation.weather import CALM, Weather, draw
from streams.simulation.workload import DAY_START_MS
from streams.simulation.world import Restless, Shape

BEGIN_MS = 60_000
DAY_MS = 25 * 60_000
EVENING, LONG_AFTER = "in the evening", "long after"
LONG_MS = 401 * 24 * 3_600_000
"""Longer than orders are kept (the default of `OrderRules.keep`)."""
NOT_KEPT = frozenset({"taken in", "cases"})
"""Checks that orders must be known for, or cases that are closed."""
DEEDS_NUMBER = (16, 24, 36, 48)
REGRETS = 0.15
REGRETTED_AFTER_MS = (50, 300, 700, 1_500, 4_000, 20_000)
"""So long after a purchase it is cancelled: before, while and after it is placed."""


@dataclass(frozen=True, slots=True)
class Day:
    """What people will do, and when; each with chance of its own."""

    locations: Sequence[Location]
    products: Sequence[Product]
    units: dict[tuple[str, str], int]
    deeds: Sequence[tuple[int, Deed]]


def run_orders(seed: int, *, plant: str | None = None, verbose: bool = False) -> Report:
    """Simulate the seed's day of orders and check it.

    Every second seed is a storm with our own sourcing under vendor faults; the others
    hold a permuted, repeated and delayed run against one in order.
    """
    planted = OrderPlant() if plant is None else PLANTS[plant]
    rng = Random(f"order shape {seed}")
    shape = _shape(rng)
    report = Report(seed, plant or "", shape, orders=True)
    orders = OrderShape(
        seed=seed,
        sources=seed % 2 == 0,
        reroutes=rng.random() < 0.7,
        trouble=rng.choice((0.05, 0.2, 0.4)) if seed % 2 == 0 else 0.2,
        late_ms=rng.choice((0, 60_000, LATE_MS_MAX)) if seed % 2 == 0 else LATE_MS_MAX,
        again=rng.choice((0.0, 0.1, 0.3)),
        omits=rng.choice((0.0, 0.0, 0.3)),
        parts=planted.parts,
        forgets=seed % 4 == 0,
    )
    if not (orders.sources and orders.reroutes):
        unroutable = rng.choice((Unroutable.HOLD, Unroutable.CANCEL))
        orders = replace(orders, unroutable=unroutable)
    weather = draw(Random(f"order weather {seed}"))
    report.weather = weather
    day = _day(Random(f"order day {seed}"))
    story = report.story if verbose else None
    stormy = live(day, shape, orders, weather, planted, report, story)
    if stormy is None or report.faults or orders.sources:
        return report
    ordered = replace(orders, trouble=0.0, late_ms=0, again=0.0, omits=0.0)
    calm = live(day, shape, ordered, CALM, planted, report, None)
    if calm is not None:
        report.faults += differences(stormy, calm)
    return report


def live(
    day: Day,
    shape: Shape,
    orders: OrderShape,
    weather: Weather,
    plant: OrderPlant,
    report: Report,
    story: list[str] | None,
) -> OrderSnapshot | None:
    """Live through the day; check when it has come to rest."""
    world = OrderWorld(
        shape,
        lambda known: order_stages(known, orders, Reference()),
        DAY_START_MS,
        plant.spine,
        story,
        orders=orders,
    )
    try:
        snap = _live(world, day, weather, report)
        report.faults += _check(snap)
        # What is wrong already may be tried again and again for all of that time.
        if orders.forgets and not report.faults:
            report.faults += _check_long_after(world, snap)
    except Restless as restless:
        report.faults.append(Fault("rest", EVENING, str(restless)))
        return None
    except Exception as error:  # noqa: BLE001 - whatever stops a worker is the finding
        report.faults.append(Fault("fail-stop", EVENING, where(error)))
        return None
    finally:
        world.close()
    if not report.incidents:
        report.incidents = dict(sorted(world.cluster.incidents.items()))
        report.requests = dict(sorted(world.requests.items()))
        report.events = len(world.store.events)
        report.entries = len(snap.journal)
    return snap


def _live(
    world: OrderWorld, day: Day, weather: Weather, report: Report
) -> OrderSnapshot:
    world.open_vendors(day.locations, day.products)
    scheduler = Scheduler(world, weather, Random(f"order chance {report.seed}"))
    scheduler.open()
    for (node, product), units in day.units.items():
        if units:
            world.store.receive(node, [(product, units)])
    world.settle()
    people = People(world, day.locations, day.products)
    begin = world.now_ms
    world.set_trouble(on=True)
    for number, (at_ms, deed) in enumerate(day.deeds):
        until(scheduler, begin + at_ms)
        world.tell(f"{deed.__name__}")
        deed(people, Random(f"deed {report.seed} {number}"))
        world.collect()
    for number in range(ROUNDS_MAX):
        until(scheduler, world.now_ms + 30_000)
        if number >= 4:  # What is late must not find an empty house.
            world.settle()
        if not people.finish(Random(f"evening {report.seed} {number}")) and number > 4:
            break
    world.settle()
    return take_orders(world, day.units)


def until(scheduler: Scheduler, at_ms: int) -> None:
    """Let time go on to then, with work and mischief in between."""
    world, rng = scheduler.world, scheduler.rng
    rounds = rng.randint(2, 8) if scheduler.weather is not CALM else 2
    start = world.now_ms
    for number in range(1, rounds + 1):
        world.advance_to(start + (at_ms - start) * number // rounds)
        if scheduler.weather is CALM:
            world.work()
        else:
            scheduler.round()


def _check(
    snap: OrderSnapshot, when: str = EVENING, without: Set[str] = frozenset()
) -> list[Fault]:
    faults = [
        Fault(name, when, sentence)
        for name, checker in CHECKERS.items()
        if name not in without
        for sentence in checker(snap)
    ]
    return faults[:FAULTS_SHOWN]


def _check_long_after(world: OrderWorld, evening: OrderSnapshot) -> list[Fault]:
    """Let years pass: what was finished is forgotten, and all still agrees."""
    world.advance_to(world.now_ms + LONG_MS)
    world.settle()
    snap = take_orders(world, evening.opening)
    finished = {
        number for number, order in evening.orders.items() if is_finished(order)
    }
    unclear = finished ^ (evening.orders.keys() - snap.orders.keys())
    faults = [
        Fault("forgotten", LONG_AFTER, f"order {number}: either that, or finished")
        for number in sorted(unclear)
    ]
    return faults + _check(snap, LONG_AFTER, NOT_KEPT)


def differences(stormy: OrderSnapshot, calm: OrderSnapshot) -> list[Fault]:
    """Name what another order of events has changed: nothing may differ."""
    faults = []
    for what, read in READINGS.items():
        first, second = read(stormy), read(calm)
        for key in sorted(first.keys() | second.keys()):
            faults += [
                Fault("confluence", EVENING, f"{what} {key} {said}")
                for said in _differ(first.get(key), second.get(key))
            ]
    return faults[:FAULTS_SHOWN]


def _differ(found: object, wanted: object) -> Iterator[str]:
    """Say where two readings differ, part by part where they have parts."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in sorted(found.keys() | wanted.keys(), key=str):
            for said in _differ(found.get(name), wanted.get(name)):
                yield f"{name} {said}"
    elif found != wanted:
        yield f"{found}, in order {wanted}"


def _shape(rng: Random) -> Shape:
    return Shape(
        workers=rng.randint(1, 3),
        partitions=rng.randint(1, 3),
        counting=rng.choice((Counting.COMMERCE, Counting.COMMERCE, Counting.POOL)),
        entries=rng.choice((EntryScope.CHANNEL, EntryScope.CHANNEL, EntryScope.POOL)),
        orders_raise_version=True,
    )


def _day(rng: Random) -> Day:
    locations = [
        Location(
            location_id=f"LDN{number:02}",
            newstore_node_id=f"node-{number}",
            commercetools_channel_key=f"channel-{number}",
            safety_stock=rng.choice((0, 0, 1)),
        )
        for number in range(rng.randint(2, 3))
    ]
    products = [
        Product(sku=f"TEE-{number}", newstore_product_id=f"product-{number}")
        for number in range(rng.randint(1, 3))
    ]
    units = {
        (place.newstore_node_id, product.newstore_product_id): rng.randint(1, 8)
        for place in locations
        for product in products
    }
    choices: list[Deed] = [deed for deed, weight in DEEDS for _ in range(weight)]
    number = rng.choice(DEEDS_NUMBER)
    times = sorted(rng.randrange(BEGIN_MS, DAY_MS) for _ in range(number))
    deeds = [People.buy, People.buy, *(rng.choice(choices) for _ in range(number - 2))]
    plan = list(zip(times, deeds, strict=True))
    for at_ms, deed in plan[:]:
        if deed is People.buy and rng.random() < REGRETS:
            plan.append((at_ms + rng.choice(REGRETTED_AFTER_MS), regret))
    return Day(locations, products, units, sorted(plan, key=lambda each: each[0]))
