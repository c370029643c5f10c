"""Measure an order's way through intake, linking and orders: no broker, one core.

Prints microseconds of CPU time for each record that a stage takes in. Run:
`python scripts/benchmarks/orders.py [--sales N] [--orders N] [--large N] [--batch N]
[--repeats N] [--profile STORY] [--json]`. A number to look at, never a test; of several
repeats the least says most, as others may be at work on the machine.
"""

import argparse
import cProfile
import gc
import json
import pstats
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from _order_events import (
    Json,
    Pair,
    event,
    fulfilment,
    item_id,
    newstore_id,
    order_created,
    order_opened,
    returned,
)

from streams.agents.intake import IntakeStage
from streams.agents.linking import LinkingStage
from streams.agents.orders import OrdersStage
from streams.domain.order_answers import CommerceTold, OrderAnswer, OrderInjected
from streams.domain.order_debts import owed_sequence
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.reference import Location, Product, Reference
from streams.domain.sourcing_choice import SourcingRules
from streams.domain.sourcing_run import Injection
from streams.engine.fold import Batch, Context, Output, Result, Stage
from streams.mapping.order_messages import ANSWERS, REPLIES, REQUESTS
from streams.mapping.orders_state import decode_order
from streams.mapping.pos_rules import IntakeRules
from streams.tables import ORDERS
from streams.topics import (
    COMMERCE_MESSAGES,
    NEWSTORE_EVENTS,
    ORDER_ANSWERS,
    ORDER_FACTS,
    ORDER_NEWS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    Topic,
)
from tests.support.memory_view import MemoryRecord, MemoryView
from tests.support.sourcing import Ledger, checked

BEGIN = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
PAUSE = timedelta(seconds=20)
LOCATIONS = ("LDN01", "LDN02", "MAN01", "DC001")
SKUS = tuple(f"SKU-{number:06d}" for number in range(1_250))
STAGES = ("intake", "linking", "orders")


@dataclass(slots=True)
class Spent:
    """CPU seconds and records taken in, by stage."""

    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(STAGES, 0.0)
    )
    records: Counter[str] = field(default_factory=Counter)

    def per_record_us(self, stage: str) -> float:
        """Return the microseconds that the stage took for each of its records."""
        return 1e6 * self.seconds[stage] / max(1, self.records[stage])


class Line:
    """The three stages in a row, each with its state; what one sends, the next hears.

    The ledger and the vendors answer at once.
    """

    def __init__(self, reference: Reference) -> None:
        sourcing = SourcingRules(reference=reference, locations=LOCATIONS)
        self.reference = reference
        self.now = BEGIN
        self.spent = Spent()
        self.ledger = Ledger(Counter({(s, p): 10**6 for s in SKUS for p in LOCATIONS}))
        self._intake = IntakeStage(IntakeRules(commerce_orders=True))
        self._linking = LinkingStage(wait_s=900)
        self._orders = OrdersStage(OrderRules(sourcing=sourcing))
        self._views = {name: MemoryView() for name in STAGES}
        self._offset = 0

    def tell(self, topic: Topic, pairs: Iterable[Pair]) -> None:
        """Let one batch of a vendor's events go all the way."""
        result = self._fold(self._intake, topic, pairs)
        news = self._fold(self._linking, ORDER_NEWS, sent(result, ORDER_NEWS))
        self._take(ORDER_FACTS, sent(news, ORDER_FACTS))

    def wait(self, pause: timedelta = PAUSE) -> None:
        """Let time pass: windows close, and what is owed to the vendors is answered."""
        self.now += pause
        self._reply(self._timed("orders", lambda: self._tick()))
        rows = self._views["orders"].tables.get(ORDERS, {}).values()
        orders = [decode_order(row) for row in rows]
        pairs = [
            (order.number, ANSWERS.encode(answer))
            for order in orders
            for answer in answers_to(order, self.now)
        ]
        if pairs:
            self._take(ORDER_ANSWERS, pairs)

    def _take(self, topic: Topic, pairs: Iterable[Pair]) -> None:
        self._reply(self._fold(self._orders, topic, pairs))

    def _reply(self, result: Result | None) -> None:
        asked = sent(result, RESERVATION_REQUESTS) if result is not None else []
        replies = [self.ledger.ask(REQUESTS.decode(value)) for _, value in asked]
        if replies:
            pairs = [(each.order_number, REPLIES.encode(each)) for each in replies]
            self._take(RESERVATION_ANSWERS, pairs)

    def _tick(self) -> Result | None:
        context = Context(self.now, self.reference)
        return self._orders.tick(self._views["orders"], context)

    def _fold(self, stage: Stage, topic: Topic, pairs: Iterable[Pair]) -> Result:
        records = []
        for key, value in pairs:
            records.append(MemoryRecord(topic.name, self._offset, key.encode(), value))
            self._offset += 1
        batch, view = Batch(topic, 0, records), self._views[stage.name]
        context = Context(self.now, self.reference)
        self.spent.records[stage.name] += len(records)
        result = self._timed(stage.name, lambda: stage.fold(view, batch, context))
        if result is None or result.parked:
            raise RuntimeError(f"{stage.name} did not take all: {result}")
        return result

    def _timed(self, stage: str, act: Callable[[], Result | None]) -> Result | None:
        begun = time.thread_time()
        result = act()
        self.spent.seconds[stage] += time.thread_time() - begun
        self._views[stage].apply(result)
        return result


def sent(result: Result, topic: Topic) -> list[Pair]:
    """Return what a fold sends to a topic, in its order."""
    outputs: Sequence[Output] = result.outputs.get(topic, ())
    return [((each.key or b"").decode(), each.value or b"") for each in outputs]


def answers_to(order: Order, now: datetime) -> Iterator[OrderAnswer]:
    """Yield what the vendors say to what the order owes them."""
    run = order.sourcing
    if run is not None and run.owed_check() is not None:
        yield checked(run.owed_check(), now)
    owed = None if run is None else run.owed_injection()
    if owed is not None:
        yield _injected(owed)
    sequence = owed_sequence(order)
    if sequence is not None:
        yield CommerceTold(
            order_number=order.number,
            wanted_sequence=sequence,
            version=sequence + 1,
            told_at=now,
            calls=1,
        )


def _injected(owed: Injection) -> OrderInjected:
    return OrderInjected(
        order_number=owed.order_number,
        run=owed.run,
        external_id=owed.external_id,
        newstore_id=newstore_id(owed.order_number),
        items=tuple(
            (p.unit, item_id(owed.order_number, p.unit)) for p in owed.placements
        ),
    )


def store_sales(line: Line, sales: int, batch: int, seed: int) -> None:
    """Tell of plain store sales: one unit each, carried out."""
    rng = random.Random(seed)
    events = [
        order_opened(f"LDN{number:08d}", "store", [("u", rng.choice(SKUS))])
        for number in range(sales)
    ]
    _settle()
    for start in range(0, sales, batch):
        line.tell(NEWSTORE_EVENTS, events[start : start + batch])


def web_lives(line: Line, orders: int, quantities: Sequence[int], seed: int) -> None:
    """Tell orders' lives side by side: bought, placed, sent unit by unit, one back."""
    rng = random.Random(seed)
    lines = {
        f"W-{number}": [
            (f"li-{index}", rng.choice(SKUS), quantity)
            for index, quantity in enumerate(quantities)
        ]
        for number in range(orders)
    }
    steps = list(zip(*(_life(number, lines[number]) for number in lines), strict=True))
    created = [order_created(number, lines[number]) for number in lines]
    _settle()
    line.tell(COMMERCE_MESSAGES, created)
    for _ in range(3):  # The check, the injection, and commercetools hears of it.
        line.wait()
    for events in steps:
        line.tell(NEWSTORE_EVENTS, events)
        line.wait()
    for _ in range(3):
        line.wait(timedelta(minutes=6))


def _life(number: str, lines: Sequence[tuple[str, str, int]]) -> list[Pair]:
    units = [
        (f"{line_id}#{index}", sku)
        for line_id, sku, quantity in lines
        for index in range(1, quantity + 1)
    ]
    sending = [
        fulfilment(step, number, 200 + 2 * index + rank, unit)
        for index, unit in enumerate(units)
        for rank, step in enumerate(("items_ready_for_handover", "items_completed"))
    ]
    return [
        order_opened(number, "web", units),
        fulfilment("assigned", number, 100, *units),
        *sending,
        event("order.completed", {"id": newstore_id(number)}),
        returned(number, *units[0]),
    ]


def _settle() -> None:
    gc.collect()
    gc.freeze()  # The input is not the stages' garbage.


def reference() -> Reference:
    """Return reference data that knows every name of the run."""
    known = Reference()
    for place in LOCATIONS:
        known.put_location(Location(location_id=place, safety_stock=1))
    for sku in SKUS:
        known.put_product(Product(sku=sku))
    return known


def measure(
    story: Callable[[Line], None], repeats: int, profile: cProfile.Profile | None
) -> Json:
    """Tell a story several times; keep each stage's best."""
    best: dict[str, float] = {}
    line = Line(reference())
    for _ in range(repeats):
        line = Line(reference())
        if profile is not None:
            profile.enable()
        story(line)
        if profile is not None:
            profile.disable()
        for stage in STAGES:
            spent = line.spent.per_record_us(stage)
            best[stage] = min(best.get(stage, spent), spent)
    return {
        **{f"{stage}_us": round(best[stage], 1) for stage in STAGES},
        "records": {stage: line.spent.records[stage] for stage in STAGES},
    }


def stories_of(options: argparse.Namespace) -> dict[str, Callable[[Line], None]]:
    """Return what is measured, by name."""
    sales, batch, seed = options.sales, options.batch, options.seed
    return {
        "store_sale": lambda line: store_sales(line, sales, batch, seed),
        "web_order": lambda line: web_lives(line, options.orders, (2, 1), seed),
        "large_order": lambda line: web_lives(line, options.large, (5,) * 8, seed),
    }


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=4_000)
    parser.add_argument("--orders", type=int, default=50)
    parser.add_argument("--large", type=int, default=3)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=("store_sale", "web_order", "large_order"))
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Run the measurement and print it."""
    options = arguments()
    # As a worker has it: Python's 700 costs a fifth, and no cycles are made here.
    gc.set_threshold(50_000)
    stories = stories_of(options)
    profile = cProfile.Profile() if options.profile else None
    wanted = [options.profile] if options.profile else list(stories)
    fields = {name: measure(stories[name], options.repeats, profile) for name in wanted}
    if options.json:
        print(json.dumps(fields))
    else:
        for name, found in fields.items():
            taken = " ".join(f"{stage}={found[f'{stage}_us']:,}us" for stage in STAGES)
            print(f"{name:12} {taken} records={found['records']}")
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
