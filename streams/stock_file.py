"""Stock baselines from a file, as NewStore counts: `sku,location_id,on_hand,as_of`."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from streams.mapping.csv_rows import Notes, Row, read_rows
from streams.mapping.pos_rules import STOCK_LOAD

COLUMNS = ("sku", "location_id", "on_hand", "as_of")
LINES_PER_COUNT = 200
NAME_MAX = 200
# As many as a line of a count may have.
QUANTITY_MAX = 1_000_000

_UNITS = re.compile(r"[0-9]{1,9}")
_REFUSED = re.compile(r"[|\x00-\x1f\x7f]")


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


def parse_stock_file(body: bytes, file: str = "the file") -> list[Baseline]:
    """Read the file, whole or not at all.

    Raises:
        StockFileRefused: Something in it is wrong; all problems at once.
    """
    notes = Notes()
    rows = read_rows(body, file, COLUMNS, "sku", notes)
    missing = [name for name in COLUMNS if rows and name not in rows[0].cells]
    if missing:
        raise StockFileRefused(
            [
                f"{file} line 1, column {name}: the column is missing; the columns are "
                f"{','.join(COLUMNS)}."
                for name in missing
            ]
        )
    found: list[Baseline] = []
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        baseline = _baseline(row)
        place = row.text("sku"), row.text("location_id")
        if place in seen and all(place):
            row.refuse(
                "sku",
                f'"{place[0]}" at "{place[1]}" is on line {seen[place]} already; keep '
                "one of them.",
            )
        seen.setdefault(place, row.line)
        if baseline is not None:
            found.append(baseline)
    if notes.problems:
        # By line; within a line in the order of the columns.
        ordered = sorted(notes.problems, key=lambda problem: problem.line)
        raise StockFileRefused([str(problem) for problem in ordered])
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
                "tenant": STOCK_LOAD,
                "name": "inventory_count.items_counted",
                "published_at": as_of,
                "payload": payload,
            }
            yield json.dumps(envelope).encode()


def _baseline(row: Row) -> Baseline | None:
    cells = {name: row.text(name) for name in COLUMNS}
    before = len(row.notes.problems)
    for name in ("sku", "location_id"):
        if not cells[name]:
            row.refuse(name, "the cell is empty; fill it in.")
        elif len(cells[name]) > NAME_MAX or _REFUSED.search(cells[name]):
            row.refuse(
                name,
                f'"{cells[name][:80]}" cannot be a name; write at most {NAME_MAX} '
                "characters, none of them | or a control character.",
            )
    on_hand = cells["on_hand"]
    if not _UNITS.fullmatch(on_hand) or int(on_hand) > QUANTITY_MAX:
        row.refuse(
            "on_hand",
            f'"{on_hand}" is not a number of units; write a whole number from 0 to '
            f"{QUANTITY_MAX:,}, without separators.",
        )
    as_of = _moment(cells["as_of"])
    if as_of is None:
        row.refuse(
            "as_of",
            f'"{cells["as_of"]}" is not a time with an offset; write it like '
            "2026-03-01T06:00:00Z.",
        )
    if len(row.notes.problems) > before or as_of is None:
        return None
    return Baseline(cells["location_id"], as_of, cells["sku"], int(on_hand))


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.isoformat()
