"""The last items: web orders and customers in stores race for them, vendors failing.

A store may hand out what it has promised online: then its request fails, and the web
order looks for another place or ends with a case. Nothing may be sold that never was.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from streams.domain.availability import Counting, EntryScope
from streams.domain.reference import Location, Product, Reference
from streams.domain.sourcing_run import Phase
from streams.sandbox.newstore import ApiError
from streams.simulation.order_acts import ROUNDS_MAX, People
from streams.simulation.order_checks import CHECKERS
from streams.simulation.order_plants import OrderPlant
from streams.simulation.order_run import until
from streams.simulation.order_snapshot import OrderSnapshot, take_orders
from streams.simulation.order_world import OrderShape, OrderWorld, order_stages
from streams.simulation.run import FAULTS_SHOWN
from streams.simulation.scheduler import Scheduler
from streams.simulation.weather import Weather
from streams.simulation.workload import DAY_START_MS
from streams.simulation.world import Shape

WEATHER = Weather(
    interleave=0.2,
    crash=0.002,
    crash_at_step=0.002,
    freeze=0.001,
    rebalance=0.002,
    wipe=0.3,
    lose_tail=0.3,
    takeover=0.8,
    lose_answer=0.05,
    lose_request=0.05,
    rewind=0.4,
    vendor=0.25,
    touch=0.05,
)
"""Some trouble for the workers; most of it comes from the vendors."""

STORES = (40, 35, 25)
BUYERS = 200
LENGTH_MS = 80 * 60_000
STEPS = 60
ROUNDS = 12
PARTS = 10
"""Each step's time passes in so many, so that what is asked is answered meanwhile."""


@dataclass(slots=True)
class Outcome:
    """What came of a race, in units; of web orders each is for one.

    Attributes:
        most_promised: Units sold, sent or promised by stores at once, at the worst
            moment: a store may sell at its till what it has promised online.
        moved_on: Web orders that tried more than one place.
        cancelled: Web orders that their customers took back in time.
        taken_by_tills: Promised units that a till sold before they were sent; the most
            of them at one time is what was promised and not there.
        reasons: Why web orders without a place have none.
    """

    seed: int
    units: int = 0
    web_orders: int = 0
    store_customers: int = 0
    sold_in_stores: int = 0
    sent_to_web: int = 0
    left_over: int = 0
    most_promised: int = 0
    moved_on: int = 0
    without_a_place: int = 0
    cancelled: int = 0
    taken_by_tills: int = 0
    taken_by_tills_most: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    incidents: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def run_race(
    seed: int,
    buyers: int = BUYERS,
    stores: Sequence[int] = STORES,
    plant: OrderPlant | None = None,
) -> Outcome:
    """Let as many web orders as store customers race; the same seed, the same race."""
    planted = plant or OrderPlant()
    orders = OrderShape(
        seed=seed, trouble=0.25, late_ms=60_000, again=0.15, parts=planted.parts
    )
    shape = Shape(
        workers=2,
        partitions=2,
        counting=Counting.POOL,
        entries=EntryScope.CHANNEL,
        orders_raise_version=True,
    )
    outcome = Outcome(seed, sum(stores), buyers, buyers)
    world = OrderWorld(
        shape,
        lambda known: order_stages(known, orders, Reference()),
        DAY_START_MS,
        planted.spine,
        orders=orders,
    )
    try:
        snap = _run(world, stores, outcome)
    finally:
        world.close()
    _tell(snap, outcome)
    return outcome


def _run(world: OrderWorld, stores: Sequence[int], outcome: Outcome) -> OrderSnapshot:
    places = [_place(number) for number in range(len(stores))]
    product = Product(sku="LAST", newstore_product_id="product-last")
    people = People(world, places, [product])
    world.open_vendors(places, [product])
    scheduler = Scheduler(world, WEATHER, Random(f"race chance {outcome.seed}"))
    scheduler.open()
    opening = {}
    for place, units in zip(places, stores, strict=True):
        opening[place.newstore_node_id, product.newstore_product_id] = units
        world.store.receive(
            place.newstore_node_id, [(product.newstore_product_id, units)]
        )
    world.settle()
    world.set_trouble(on=True)
    rng = Random(f"race {outcome.seed}")
    queue = ["web"] * outcome.web_orders + ["store"] * outcome.store_customers
    rng.shuffle(queue)
    begin = world.now_ms
    for step in range(STEPS):
        for part in range(1, PARTS + 1):
            part_ms = LENGTH_MS * (step * PARTS + part) // (STEPS * PARTS)
            until(scheduler, begin + part_ms)
            for _ in range(ROUNDS):
                scheduler.round()
        for who in queue[step::STEPS]:
            _buy(people, who, rng, outcome)
        for _ in range(rng.randint(0, 4)):
            people.work(rng)
        world.collect()
        _watch(world, outcome)
    for _ in range(ROUNDS_MAX):
        world.settle()
        _watch(world, outcome)
        if not people.finish(rng):
            break
    world.settle()
    outcome.incidents = dict(sorted(world.cluster.incidents.items()))
    outcome.requests = dict(sorted(world.requests.items()))
    return take_orders(world, opening)


def _place(number: int) -> Location:
    return Location(
        location_id=f"LDN{number:02}",
        newstore_node_id=f"node-{number}",
        commercetools_channel_key=f"channel-{number}",
    )


def _buy(people: People, who: str, rng: Random, outcome: Outcome) -> None:
    if who == "web":
        people.buy(rng, quantity=1)
        return
    node = rng.choice(people.locations).newstore_node_id
    promises = people.world.promises
    short = promises.short()
    try:
        people.world.store.sell(node, [people.products[0].newstore_product_id])
    except ApiError:
        return  # The shelf is empty.
    outcome.sold_in_stores += 1
    promises.look(short)


def _watch(world: OrderWorld, outcome: Outcome) -> None:
    world.promises.look()
    gone = outcome.units - _left(world)
    promised = sum(row.allocated for _, row in world.store.world.stock.rows())
    outcome.most_promised = max(outcome.most_promised, gone + promised)


def _left(world: OrderWorld) -> int:
    return sum(row.shelf for _, row in world.store.world.stock.rows())


def _tell_ends(snap: OrderSnapshot, outcome: Outcome) -> None:
    """Count what became of the web orders that were not sent."""
    reasons: Counter[str] = Counter()
    for order in snap.orders.values():
        run = order.sourcing
        is_exhausted = run is not None and run.phase is Phase.EXHAUSTED
        if order.is_cancelled and not order.deliveries and not is_exhausted:
            outcome.cancelled += 1
        if run is None:
            continue
        places = {at for past in order.past_runs for _, at in past.places}
        places |= {one.location_id for one in run.tried}
        places |= set(order.places.values())
        outcome.moved_on += len(places) > 1
        if is_exhausted:
            outcome.without_a_place += 1
            reasons.update(trouble.reason for trouble in order.troubles)
    outcome.reasons = dict(sorted(reasons.items()))


def _tell(snap: OrderSnapshot, outcome: Outcome) -> None:
    outcome.left_over = _left(snap.at)
    outcome.sent_to_web = sum(
        item.quantity
        for order in snap.at.shop.orders.walk()
        for _, made in order.deliveries()
        for item in made.items
    )
    _tell_ends(snap, outcome)
    faults = [f"promised: {sentence}" for sentence in snap.at.promises.ours]
    faults += [
        f"{name}: {sentence}"
        for name, checker in CHECKERS.items()
        for sentence in checker(snap)
    ]
    promises = snap.at.promises
    outcome.taken_by_tills = promises.by_tills
    outcome.taken_by_tills_most = promises.by_tills_most
    gone = outcome.sold_in_stores + outcome.sent_to_web
    if gone + outcome.left_over != outcome.units:
        faults.append(f"{gone} units went, {outcome.left_over} are left")
    if gone > outcome.units:
        faults.append(f"{gone} units went of {outcome.units} that there were")
    ended = outcome.sent_to_web + outcome.without_a_place + outcome.cancelled
    if ended != outcome.web_orders:
        faults.append(f"{ended} of {outcome.web_orders} web orders have an end")
    outcome.faults = faults[:FAULTS_SHOWN]
