"""Checks the whole: journal = table = levels, conservation, commercetools = target."""

import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streams.balance import unaccounted
from streams.connectors.commercetools import CommercetoolsClient
from streams.domain.availability import Counting
from streams.domain.invariants import audit_journal, check_conservation, compare_levels
from streams.domain.publications import Publication, is_owed
from streams.domain.scarcity import is_scarce
from streams.engine.commit import COUNTS_KEY
from streams.engine.reading import LogReader
from streams.mapping.commerce import SEQUENCE_FIELD, TARGET_FIELD, EntryWire
from streams.mapping.exception_rows import decode_case
from streams.mapping.publications import decode_publication
from streams.mapping.scarce_rows import ScarceRows
from streams.mapping.stock import (
    EntryRecord,
    LevelRecord,
    decode_entry,
    decode_level,
    encode_level,
    split_row_key,
)
from streams.mapping.stock_state import decode_row
from streams.settings import Settings
from streams.tables import CASES, LEVELS, ORDERS, PUBLICATIONS, UNITS
from streams.topics import (
    COMMERCE_MESSAGES,
    EXCEPTION_COMMANDS,
    EXCEPTIONS,
    LEDGER_ENTRIES,
    NEWSTORE_EVENTS,
    ORDER_NEWS,
    SCARCE_ROWS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
)
from streams.verify_orders import (
    compare_commerce_orders,
    compare_orders,
    compare_reservations,
)
from streams.wiring import STAGES

FAULTS_SHOWN_MAX = 50

TAKEN_IN = (
    ("intake", NEWSTORE_EVENTS, "in"),
    ("intake", COMMERCE_MESSAGES, "messages"),
    ("linking", ORDER_NEWS, "in"),
    ("ledger", STOCK_MOVEMENTS, "in"),
    ("exceptions", EXCEPTIONS, "in"),
    ("exceptions", EXCEPTION_COMMANDS, "commands"),
)
"""Each stage's source, and the counter that must say how many records it has."""

Progress = Callable[[str, int], None]
"""Hears which check is under way, and how much of it is done."""


@dataclass(slots=True)
class Verification:
    """What was compared, and every difference."""

    entries: int = 0
    places: int = 0
    published: int = 0
    parked: int = 0
    orders: int = 0
    cases: dict[str, int] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not any(self.faults.values())

    def note(self, check: str, faults: list[str]) -> None:
        """Keep a check's differences."""
        self.faults.setdefault(check, []).extend(faults)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, with the first differences of each check."""
        return {
            "clean": self.is_clean,
            "entries": self.entries,
            "places": self.places,
            "published": self.published,
            "parked": self.parked,
            "orders": self.orders,
            "cases": self.cases,
            "counts": self.counts,
            "checks": {
                check: {"differences": len(faults), "first": faults[:FAULTS_SHOWN_MAX]}
                for check, faults in self.faults.items()
            },
        }


async def verify(
    settings: Settings, *, progress: Progress = lambda _check, _done: None
) -> Verification:
    """Compare everything with everything; meaningful once all is settled."""
    found = Verification()
    async with LogReader(settings) as reader:
        entries = await _collect(reader, progress)
        journal = audit_journal(entries)
        rows, counts = await _state(reader, "ledger", LEVELS.prefix)
        table = {key: _level(key, value) for key, value in rows.items()}
        levels = await _latest_levels(reader, progress)
        found.note("levels = table", _different(levels, table))
        found.note("scarce rows = table", _compare_scarce(await _scarce(reader), table))
        publications_raw, published = await _state(
            reader, PUBLICATIONS.stage, PUBLICATIONS.prefix
        )
        found.counts = {"ledger": counts, "publishing": published}
        units, _ = await _state(reader, UNITS.stage, UNITS.prefix)
        orders, _ = await _state(reader, ORDERS.stage, ORDERS.prefix)
        for stage in sorted(set(STAGES) - found.counts.keys()):
            _, found.counts[stage] = await _state(reader, stage, b"-")
        found.note("every record is taken in", await _untaken(reader, found.counts))
        found.note("parked = in cases", await _unlisted(reader, found))
    found.entries, found.places, found.orders = journal.entries, len(table), len(orders)
    found.note("journal", journal.faults)
    found.note("conservation", check_conservation(journal.rows))
    found.note("table = fold(journal)", compare_levels(journal.rows, table.values()))
    found.note("reservations = units", compare_reservations(rows, units))
    found.note("orders", compare_orders(orders, units))
    found.note("in = applied + duplicate + parked", _unbalanced(found.counts))
    publications = {
        key: decode_publication(value) for key, value in publications_raw.items()
    }
    if settings.commercetools.api_url:
        found.published = len(publications)
        await _compare_commerce(settings, publications, found, progress)
        if settings.commercetools.orders:
            faults = await compare_commerce_orders(settings, orders, progress)
            found.note("commercetools' orders = wanted", faults)
    return found


async def _unlisted(reader: LogReader, found: Verification) -> list[str]:
    """Compare what the stages parked with what the exceptions list has of it."""
    faults = []
    async for records in reader.read(EXCEPTIONS):
        found.parked += len(records)
    rows, _ = await _state(reader, CASES.stage, CASES.prefix)
    cases = [decode_case(row).case for row in rows.values()]
    for case in cases:
        found.cases[case.state] = found.cases.get(case.state, 0) + 1
    parked = sum(counts.get("parked", 0) for counts in found.counts.values())
    if parked != found.parked and await reader.is_whole(EXCEPTIONS):
        faults.append(f"{parked:,} parked, {found.parked:,} on {EXCEPTIONS.name}")
    listed = found.counts["exceptions"]
    seen = sum(case.seen for case in cases)
    taken = listed.get("taken", 0) + listed.get("raised", 0)
    if seen != taken and not listed.get("forgotten"):
        faults.append(f"{taken:,} taken into cases, which hold {seen:,}")
    return faults


async def _untaken(reader: LogReader, counts: dict[str, dict[str, int]]) -> list[str]:
    """Compare what the topics hold with what the stages say came in.

    Journal, table and levels agree with each other also where a record never reached
    them. Once retention has taken records, the topics cannot tell any more.
    """
    faults = []
    for stage, topic, counter in TAKEN_IN:
        if not await reader.is_whole(topic):
            continue
        written = 0
        async for records in reader.read(topic):
            written += len(records)
        taken = counts[stage].get(counter, 0)
        if written != taken:
            faults.append(
                f"{stage}: {written:,} records on {topic.name}, {taken:,} taken in"
            )
    return faults


async def _collect(reader: LogReader, progress: Progress) -> list[EntryRecord]:
    entries: list[EntryRecord] = []
    async for records in reader.read(LEDGER_ENTRIES):
        entries += [decode_entry(r.value) for r in records if r.value is not None]
        progress("journal", len(entries))
    return entries


async def _latest_levels(
    reader: LogReader, progress: Progress
) -> dict[bytes, LevelRecord]:
    levels: dict[bytes, LevelRecord] = {}
    async for records in reader.read(STOCK_LEVELS):
        for record in records:
            if record.key is not None and record.value is not None:
                levels[record.key] = decode_level(record.value)
        progress("levels", len(levels))
    return levels


async def _scarce(reader: LogReader) -> ScarceRows:
    scarce = ScarceRows(capacity=sys.maxsize)
    async for records in reader.read(SCARCE_ROWS):
        for record in records:
            if record.key is not None:
                scarce.follow(record.key, record.value)
    return scarce


async def _state(
    reader: LogReader, stage: str, prefix: bytes
) -> tuple[dict[bytes, bytes], dict[str, int]]:
    """Read a stage's changelog: the rows under a prefix, and its counters."""
    rows: dict[bytes, bytes] = {}
    counters: dict[int, dict[str, int]] = {}
    changes: AsyncIterator[Any] = reader.read_changelog(stage)
    async for records in changes:
        for record in records:
            key, value = record.key, record.value
            if key == COUNTS_KEY and value is not None:
                counters[record.partition] = msgspec.msgpack.decode(value)
            elif key is not None and key.startswith(prefix):
                if value is None:
                    rows.pop(key[len(prefix) :], None)
                else:
                    rows[key[len(prefix) :]] = value
    total: dict[str, int] = {}
    for each in counters.values():
        for name, number in each.items():
            total[name] = total.get(name, 0) + number
    return rows, total


def _level(key: bytes, value: bytes) -> LevelRecord:
    return decode_level(encode_level(*split_row_key(key), decode_row(value)))


def _different(
    levels: dict[bytes, LevelRecord], table: dict[bytes, LevelRecord]
) -> list[str]:
    return [
        f"{key.decode()}: the topic says {levels.get(key)}, the table {table.get(key)}"
        for key in sorted(levels.keys() | table.keys())
        if levels.get(key) != table.get(key)
    ]


def _compare_scarce(scarce: ScarceRows, table: dict[bytes, LevelRecord]) -> list[str]:
    return [
        f"{key.decode()}: {level.available} available; the topic says "
        + ("few" if key in scarce else "plenty")
        for key, level in sorted(table.items())
        if is_scarce(level) != (key in scarce)
    ]


def _unbalanced(counts: dict[str, dict[str, int]]) -> list[str]:
    lost = {stage: unaccounted(stage, numbers) for stage, numbers in counts.items()}
    return [f"{stage}: {n:,} not accounted for" for stage, n in lost.items() if n]


async def _compare_commerce(
    settings: Settings,
    publications: dict[bytes, Publication],
    found: Verification,
    progress: Progress,
) -> None:
    counting = Counting(settings.commercetools.stock_counting)
    entries: dict[str, EntryWire] = {}
    async with CommercetoolsClient(settings.commercetools) as client:
        async for entry in client.scan_inventory():
            entries[entry.id] = entry
            progress("commercetools", len(entries))
    faults = []
    for key, row in sorted(publications.items()):
        faults += [
            f"{key.decode()}: {fault}"
            for fault in _entry_faults(row, entries, counting)
        ]
    found.note("commercetools = target", faults)


def _entry_faults(
    row: Publication, entries: dict[str, EntryWire], counting: Counting
) -> list[str]:
    if row.trouble is not None:
        return [f"commercetools refuses it: {row.trouble.sentence}"]
    if is_owed(row) or row.told is None:
        return ["commercetools has not been told"]
    entry = entries.get(row.told.entry_id)
    if entry is None:
        return [f"entry {row.told.entry_id} is not in commercetools"]
    faults = []
    if entry.quantity_on_stock != row.available:
        faults.append(
            f"commercetools has {entry.quantity_on_stock}, available is {row.available}"
        )
    fields = entry.custom.fields if entry.custom is not None else {}
    told = {TARGET_FIELD: row.told.target, SEQUENCE_FIELD: row.told.sequence}
    if counting is Counting.COMMERCE:
        faults += [
            f"{name} is {fields.get(name)}, told was {value}"
            for name, value in told.items()
            if fields.get(name) != value
        ]
    return faults
