"""Stock baselines from a file, as NewStore counts: `sku,location_id,on_hand,as_of`."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

COLUMNS = ("sku", "location_id", "on_hand", "as_of")
LINES_PER_COUNT = 200
QUANTITY_MAX = 1_000_000_000


class StockFileRefused(Exception):
    """Lines that cannot be loaded; every problem names line, column, value, remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, order=True)
class Baseline:
    """What was on hand of one SKU at one location at one time."""

    location_id: str
    as_of: str
    sku: str
    on_hand: int


def parse_stock_file(body: bytes) -> list[Baseline]:
    """Read the file, whole or not at all.

    Raises:
        StockFileRefused: Something in it is wrong; all problems at once.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StockFileRefused(
            [f"byte {error.start}: the file is not UTF-8; save it as UTF-8"]
        ) from error
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise StockFileRefused(
            [
                f"line 1: column {name} is missing; the columns are {','.join(COLUMNS)}"
                for name in missing
            ]
        )
    found: list[Baseline] = []
    problems: list[str] = []
    seen: dict[tuple[str, str], int] = {}
    for row in reader:
        line = reader.line_num
        baseline = _baseline(row, line, problems)
        if baseline is None:
            continue
        place = baseline.sku, baseline.location_id
        if place in seen:
            problems.append(
                f"line {line}: {baseline.sku} at {baseline.location_id} is on line "
                f"{seen[place]} already; keep one of them"
            )
        seen[place] = line
        found.append(baseline)
    if problems:
        raise StockFileRefused(problems)
    return found


def count_events(baselines: list[Baseline]) -> Iterator[bytes]:
    """Turn baselines into NewStore count events; the same file gives the same ids."""
    ordered = sorted(baselines)
    for (location_id, as_of), group in groupby(
        ordered, key=lambda each: (each.location_id, each.as_of)
    ):
        lines = list(group)
        digest = hashlib.sha256(repr(lines).encode()).hexdigest()[:16]
        chunks = [
            lines[start : start + LINES_PER_COUNT]
            for start in range(0, len(lines), LINES_PER_COUNT)
        ]
        for number, chunk in enumerate(chunks, 1):
            payload = {
                "id": f"baseline-{digest}",
                "count_type": "baseline",
                "fulfillment_location_id": location_id,
                "completed_at": as_of,
                "chunk_number": number,
                "total_chunks": len(chunks),
                "items": [
                    {"product_id": each.sku, "count": each.on_hand} for each in chunk
                ],
            }
            envelope = {
                "tenant": "stock-load",
                "name": "inventory_count.items_counted",
                "published_at": as_of,
                "payload": payload,
            }
            yield json.dumps(envelope).encode()


def _baseline(
    row: dict[str, str | None], line: int, problems: list[str]
) -> Baseline | None:
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    before = len(problems)
    problems += [
        f"line {line}: {name} is empty; fill it in"
        for name in ("sku", "location_id")
        if not cells[name]
    ]
    on_hand = cells["on_hand"]
    if not on_hand.isdecimal() or int(on_hand) > QUANTITY_MAX:
        problems.append(
            f"line {line}: on_hand is {on_hand!r}; write whole units from 0 to "
            f"{QUANTITY_MAX:,}, without separators"
        )
    as_of = _moment(cells["as_of"])
    if as_of is None:
        problems.append(
            f"line {line}: as_of is {cells['as_of']!r}; write a time with its offset, "
            "like 2026-03-01T06:00:00Z"
        )
    if len(problems) > before or as_of is None:
        return None
    return Baseline(cells["location_id"], as_of, cells["sku"], int(on_hand))


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.isoformat()
