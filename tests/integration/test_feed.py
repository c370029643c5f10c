"""The real feed: a bakery's sales go through everything and add up to what was sold."""

import csv
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.engine.reading import LogReader
from streams.mapping.pos_import import (
    Columns,
    ImportOptions,
    ImportReport,
    envelopes_of,
    read_export,
    reference_csv,
)
from streams.mapping.stock import decode_level
from streams.replay import Outcome
from streams.settings import Settings
from streams.stock_file import count_events, parse_stock_file
from streams.topics import STOCK_LEVELS
from tests.integration.checks import repeated_movements
from tests.integration.harness import ROOT, Shelf

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

FEED = ROOT.parent / "shared" / "data" / "breadbasket.csv"
STORE = "EDI01"
OPENING_UNITS = 10_000
COLUMNS = Columns(date="Date", time="Time", transaction="Transaction", item="Item")
OPTIONS = ImportOptions(columns=COLUMNS, store=STORE, timezone="Europe/London")

GENERATED_LINES = 21_293
GENERATED_ITEMS = ("Coffee", "Bread", "Tea", "Cake", "Pastry", "NONE", "Hot chocolate")


def feed(folder: Path) -> Path:
    """Return the real feed, or where it is absent one of the same shape and size."""
    if FEED.exists():
        return FEED
    rng = random.Random(20161030)
    path = folder / "generated.csv"
    with path.open("w", newline="") as output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["Date", "Time", "Transaction", "Item"])
        transaction = 0
        for line in range(GENERATED_LINES):
            transaction += rng.random() < 0.45 or line == 0
            day, minute = 1 + transaction // 400, transaction % 400
            at = f"{9 + minute // 60:02}:{minute % 60:02}:00"
            item = rng.choice(GENERATED_ITEMS)
            writer.writerow([f"2017-01-{day:02}", at, transaction, item])
    return path


def sold(path: Path) -> Counter[str]:
    """Count units per item with the csv module alone; NONE sells nothing.

    Some items of the real feed have a space at their end.
    """
    with path.open(newline="") as lines:
        counted = Counter(row["Item"].strip() for row in csv.DictReader(lines))
    counted.pop("NONE", None)
    return counted


async def test_the_real_feed_adds_up_to_an_independent_count(
    house: Shelf, tmp_path: Path
) -> None:
    path = feed(tmp_path)
    expected = sold(path)
    report = ImportReport()
    rows = read_export(path.read_text().splitlines(keepends=True), COLUMNS)
    events = [event.value for event in envelopes_of(rows, OPTIONS, report)]
    assert report.refused == 0
    assert report.units == expected.total()
    write_reference(report, tmp_path)
    await house.load_reference_from(tmp_path)
    await house.send(opening_stock(report))
    await house.start("w0", "w1")

    outcome = Outcome(house.settings)
    await outcome.remember()
    sent = await house.send(events)
    again = await house.send(events[:500])
    found = await house.settled()
    await outcome.count(sent)
    await outcome.count(again)

    assert {name: faults for name, faults in found.faults.items() if faults} == {}
    assert await repeated_movements(house.settings) == {}
    assert found.entries == expected.total() + len(expected)
    assert (sent.events, sent.applied, sent.parked) == (len(events), len(events), 0)
    assert (again.applied, again.duplicate) == (0, 500)
    assert await units_gone(house.settings) == expected
    assert house.commerce() == {
        (sku, STORE): OPENING_UNITS - units for sku, units in expected.items()
    }


def write_reference(report: ImportReport, folder: Path) -> None:
    """Write the reference data that the feed needs."""
    locations, products = reference_csv(report)
    (folder / "locations.csv").write_text(locations)
    (folder / "products.csv").write_text(products)


def opening_stock(report: ImportReport) -> Iterator[bytes]:
    """Return counts of more than the bakery ever sells."""
    as_of = "2016-01-01T00:00:00Z"
    lines = [f'"{sku}",{STORE},{OPENING_UNITS},{as_of}' for sku in report.skus]
    body = "\n".join(["sku,location_id,on_hand,as_of", *lines])
    return count_events(parse_stock_file(body.encode()))


async def units_gone(settings: Settings) -> Counter[str]:
    """Return the opening stock less the last published level, by SKU."""
    gone: Counter[str] = Counter()
    async with LogReader(settings) as reader:
        async for records in reader.read(STOCK_LEVELS):
            for record in records:
                if record.value is not None:
                    level = decode_level(record.value)
                    gone[level.sku] = OPENING_UNITS - level.on_hand
    return gone
