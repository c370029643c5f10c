"""Measure the ledger's fold alone: no broker, no disk, one core.

Prints movements per second of CPU time. Run: `python scripts/benchmarks/ledger_fold.py
[--movements N] [--skus N] [--batch N] [--profile] [--default-gc] [--json]`. A number
to look at, never a test; on a shared machine the best batch says most.
"""

import argparse
import cProfile
import gc
import json
import pstats
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from streams.agents.ledger import LedgerStage
from streams.domain.movements import Movement, MovementKind
from streams.domain.reference import Location, Product, Reference
from streams.engine.fold import Batch, Context
from streams.mapping.stock import encode_movement
from streams.topics import STOCK_MOVEMENTS
from tests.support.memory_view import MemoryRecord, MemoryView

BEGIN = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
LOCATIONS = ("LDN01", "LDN02", "MAN01", "DC001")


def movements(number: int, skus: int, seed: int) -> Iterator[Movement]:
    """Yield a shop's day: 80% sales, 10% returns, 10% receipts, 2% sent again."""
    rng = random.Random(seed)
    last = None
    for i in range(number):
        if last is not None and rng.random() < 0.02:
            yield last
            continue
        unit = str(UUID(int=rng.getrandbits(128), version=4))
        draw = rng.random()
        kind = MovementKind.SALE
        if draw > 0.8:
            kind = MovementKind.RETURN if draw < 0.9 else MovementKind.RECEIPT
        place = rng.choice(LOCATIONS)
        last = Movement(
            movement_id=f"{kind}:{unit}",
            kind=kind,
            sku=f"SKU-{rng.randrange(skus):06d}",
            quantity=12 if kind is MovementKind.RECEIPT else 1,
            occurred_at=BEGIN + timedelta(milliseconds=10 * i),
            location_id=place,
            unit_id="" if kind is MovementKind.RECEIPT else unit,
            event_name="order.opened",
            document_type="order",
            document_id=str(UUID(int=rng.getrandbits(128), version=4)),
            origin=f"newstore-events/3/{i}",
        )
        yield last


def counts(skus: int) -> Iterator[Movement]:
    """Yield the baseline: every row counted once, as after a stock load."""
    for sku in range(skus):
        for place in LOCATIONS:
            yield Movement(
                movement_id=f"count:baseline:{sku}:{place}",
                kind=MovementKind.COUNT,
                sku=f"SKU-{sku:06d}",
                quantity=100,
                occurred_at=BEGIN - timedelta(hours=1),
                location_id=place,
            )


def reference_of(skus: int) -> Reference:
    """Return reference data that knows every name of the run."""
    reference = Reference()
    for place in LOCATIONS:
        reference.put_location(Location(location_id=place, safety_stock=1))
    for sku in range(skus):
        reference.put_product(Product(sku=f"SKU-{sku:06d}"))
    return reference


def records_of(source: Iterator[Movement], first: int) -> list[MemoryRecord]:
    return [
        MemoryRecord("stock-movements", first + i, m.sku.encode(), encode_movement(m))
        for i, m in enumerate(source)
    ]


def run(
    records: list[MemoryRecord], batch: int, view: MemoryView, skus: int
) -> list[float]:
    """Fold all records and return the seconds of CPU time each batch took."""
    stage = LedgerStage(dedupe_days=8)
    context = Context(BEGIN, reference_of(skus))
    spent = []
    for start in range(0, len(records), batch):
        piece = Batch(STOCK_MOVEMENTS, 0, records[start : start + batch])
        context = replace(context, now=context.now + timedelta(seconds=1))
        begun = time.thread_time()
        result = stage.fold(view, piece, context)
        spent.append(time.thread_time() - begun)
        view.apply(result)
    return spent


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movements", type=int, default=100_000)
    parser.add_argument("--skus", type=int, default=1_250)
    parser.add_argument("--batch", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--default-gc", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    view = MemoryView()
    baseline = records_of(counts(options.skus), 0)
    run(baseline, options.batch, view, options.skus)
    source = movements(options.movements, options.skus, options.seed)
    records = records_of(source, len(baseline))
    gc.collect()
    gc.freeze()  # The input is not the fold's garbage.
    if not options.default_gc:
        gc.set_threshold(50_000)  # Python's 700 costs a fifth: no cycles are made here.
    profile = cProfile.Profile()
    if options.profile:
        profile.enable()
    spent = run(records, options.batch, view, options.skus)
    profile.disable()
    full = spent[:-1] or spent  # The last batch may be a short one.
    fields = {
        "movements": len(records),
        "movements_per_s": round(len(records) / sum(spent)),
        "best_batch_per_s": round(min(options.batch, len(records)) / min(full)),
    }
    if options.json:
        print(json.dumps(fields))
    else:
        print(" ".join(f"{name}={number:,}" for name, number in fields.items()))
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(22)


if __name__ == "__main__":
    main()
