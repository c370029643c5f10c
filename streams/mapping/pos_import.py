"""Any point-of-sale export as NewStore events: rows of a CSV file to store sales.

Ids come from store, day, transaction and line, so that importing twice is harmless.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from streams.mapping.pos_rules import NAME_MAX, SALES_IMPORT, UNITS_MAX
from streams.mapping.reference_files import LOCATION_COLUMNS, PRODUCT_COLUMNS

NAMESPACE = UUID("0f6b3a52-7a0e-5d0b-9c1e-3d5a0c6e8f41")
"""Ours, fixed for ever: another one would make a second import count twice."""

EVENT_UNITS_MAX = 500
"""A longer transaction makes several events, each well within a webhook's body."""

PROBLEMS_MAX = 1_000
"""Problems kept for the report; more are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of the export holds what; empty where it has none.

    With no `time` column, `date` holds both. With no `quantity`, a line is one unit.
    """

    date: str
    transaction: str
    item: str
    time: str = ""
    quantity: str = ""
    store: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How to read the export.

    Attributes:
        store: The location of every line, where the export names none.
        date_format, time_format: As `datetime.strptime` reads them.
        timezone: The shop's; the export's times are local.
        without_item: Texts in the item column of lines that sell nothing.
    """

    columns: Columns
    store: str = ""
    tenant: str = SALES_IMPORT
    date_format: str = "%Y-%m-%d"
    time_format: str = "%H:%M:%S"
    timezone: str = "UTC"
    without_item: frozenset[str] = frozenset({"", "NONE"})


class ImportProblem(NamedTuple):
    """A line that could not be imported, and what to do."""

    line: int
    column: str
    value: str
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.sentence}"


@dataclass(slots=True)
class ImportReport:
    """What became of the export: lines = sold + without_item + refused."""

    lines: int = 0
    sold: int = 0
    units: int = 0
    without_item: int = 0
    refused: int = 0
    events: int = 0
    problems: list[ImportProblem] = field(default_factory=list)
    skus: dict[str, int] = field(default_factory=dict)
    stores: dict[str, int] = field(default_factory=dict)

    def note(self, store: str, sku: str, quantity: int) -> None:
        """Note a line that is imported."""
        self.sold += 1
        self.units += quantity
        self.skus[sku] = self.skus.get(sku, 0) + quantity
        self.stores[store] = self.stores.get(store, 0) + quantity

    def refuse(self, problem: ImportProblem) -> None:
        """Note a line that is not imported."""
        self.refused += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


class ImportedEvent(NamedTuple):
    """An envelope as bytes, with the key it has on the topic."""

    key: bytes
    value: bytes


class _Sale(NamedTuple):
    """One line of a transaction; `number` counts the transaction's lines from 1."""

    store: str
    day: str
    transaction: str
    number: int
    sold_at: datetime
    item: str
    quantity: int

    @property
    def order(self) -> str:
        return f"{self.store}|{self.day}|{self.transaction}"


class UnreadableExport(Exception):
    """The export is no CSV text; the message says where and what to do."""


class UnknownColumn(Exception):
    """The export has no column of a name given in the options."""


def envelopes_of(
    rows: Iterable[tuple[int, Mapping[str, str]]],
    options: ImportOptions,
    report: ImportReport,
) -> Iterator[ImportedEvent]:
    """Turn an export's rows, with their line numbers, into order.opened events.

    Neighbouring lines of one transaction make one event. Fills the report on the way.
    """
    reader = _Reader(options)
    sales: list[_Sale] = []
    units = 0
    for line, row in rows:
        report.lines += 1
        try:
            sale = reader.sale(row)
        except _Refused as refused:
            report.refuse(ImportProblem(line, *refused.problem))
            continue
        if sale is None:
            report.without_item += 1
            continue
        report.note(sale.store, sale.item, sale.quantity)
        units += sale.quantity
        if sales and (sale.order != sales[0].order or units > EVENT_UNITS_MAX):
            yield _event(sales, options)
            report.events += 1
            sales, units = [], sale.quantity
        sales.append(sale)
    if sales:
        yield _event(sales, options)
        report.events += 1


def read_export(
    lines: Iterable[str], columns: Columns, *, delimiter: str = ","
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Walk an export's rows with the line that each ends on.

    Raises:
        UnknownColumn: The header lacks a column of the options; says which it has.
    """
    # Strict, or a quote that is never closed swallows the lines behind it unnoticed.
    reader = csv.DictReader(lines, delimiter=delimiter, restval="", strict=True)
    try:
        present = [name.removeprefix("\ufeff") for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise _not_csv(reader.reader.line_num, error) from error
    reader.fieldnames = present
    for name in (columns.date, columns.time, columns.transaction, columns.item):
        _require(name, present)
    for name in (columns.quantity, columns.store):
        _require(name, present)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise _not_csv(reader.reader.line_num, error) from error


def lines_in(body: bytes) -> Iterable[str]:
    """Return an export's lines.

    Raises:
        UnreadableExport: It is not UTF-8 text.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise UnreadableExport(
            f"line {line} is not UTF-8; save the file as CSV UTF-8."
        ) from error
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise UnreadableExport(
            f"line {line} has a NUL character; save the file as CSV UTF-8."
        )
    return io.StringIO(text, newline="")


def _not_csv(line: int, error: csv.Error) -> UnreadableExport:
    return UnreadableExport(f"line {line} is not CSV ({error}); check its quotes.")


def _require(name: str, present: list[str]) -> None:
    if name and name not in present:
        separated = len(present) == 1 and re.search("[;\t]", present[0]) is not None
        remedy = "save it with commas" if separated else "name one of those in --map"
        raise UnknownColumn(
            f'The file has no column "{name}"; it has {", ".join(present) or "none"}; '
            f"{remedy}."
        )


class _Refused(Exception):
    """A row cannot be imported: column, value and sentence."""

    def __init__(self, column: str, value: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = (column, value[:NAME_MAX], sentence)


class _Reader:
    """Reads the rows of one export in their order, which gives lines their numbers."""

    def __init__(self, options: ImportOptions) -> None:
        self._options = options
        self._zone = ZoneInfo(options.timezone)
        self._numbers: dict[str, int] = {}

    def sale(self, row: Mapping[str, str]) -> _Sale | None:
        """Read one row; None where it sells nothing."""
        columns = self._options.columns
        store = _cell(row, columns.store) or self._options.store
        if not store:
            raise _Refused(columns.store or "store", "", "no store; name one.")
        transaction = _name(row, columns.transaction)
        if not transaction:
            raise _Refused(columns.transaction, "", "no transaction; fill it in.")
        item = _name(row, columns.item)
        sold_at = self._sold_at(row)
        day = f"{sold_at:%Y-%m-%d}"
        # Counted before anything is left out, so that a line's id stays its own.
        order = f"{store}|{day}|{transaction}"
        number = self._numbers[order] = self._numbers.get(order, 0) + 1
        if item in self._options.without_item:
            return None
        quantity = _quantity(row, columns.quantity)
        return _Sale(store, day, transaction, number, sold_at, item, quantity)

    def _sold_at(self, row: Mapping[str, str]) -> datetime:
        options = self._options
        text, form = _cell(row, options.columns.date), options.date_format
        if options.columns.time:
            text += f" {_cell(row, options.columns.time)}"
            form += f" {options.time_format}"
        try:
            return datetime.strptime(text, form).replace(tzinfo=self._zone)
        except ValueError:
            sentence = f'"{text}" is not a time in the format {form}.'
            raise _Refused(options.columns.date, text, sentence) from None


def _cell(row: Mapping[str, str], column: str) -> str:
    return (row.get(column) or "").strip() if column else ""


def _name(row: Mapping[str, str], column: str) -> str:
    value = _cell(row, column)
    if len(value) > NAME_MAX:
        raise _Refused(column, value, f"over {NAME_MAX} characters; shorten it.")
    return value


def _quantity(row: Mapping[str, str], column: str) -> int:
    text = _cell(row, column) if column else "1"
    # Exports write 2.000 as well as 2; what is not whole is not a unit.
    whole, _, rest = text.partition(".")
    if re.fullmatch("[0-9]{1,6}", whole) and not rest.strip("0"):
        quantity = int(whole)
        if 1 <= quantity <= UNITS_MAX:
            return quantity
    raise _Refused(
        column,
        text,
        f'"{text}" is not a whole number of units from 1 to {UNITS_MAX:,}; a return '
        "is not a sale.",
    )


def _number(sale: _Sale, order_id: str) -> str:
    """Return the order's public number: tills number their transactions alike."""
    number = f"{sale.store}-{sale.day}-{sale.transaction}"
    is_usable = len(number) <= NAME_MAX and "|" not in number and number.isprintable()
    return number if is_usable else order_id


def _event(sales: list[_Sale], options: ImportOptions) -> ImportedEvent:
    first = sales[0]
    order_id = str(uuid5(NAMESPACE, first.order))
    placed_at = _utc(first.sold_at)
    items = [
        {
            "id": str(uuid5(NAMESPACE, f"{first.order}|{sale.number}|{unit}")),
            "item_type": "product",
            "product_id": sale.item,
            "quantity": 1,
            "shipping_service_level": "IN_STORE_HANDOVER",
        }
        for sale in sales
        for unit in range(1, sale.quantity + 1)
    ]
    envelope = {
        "tenant": options.tenant,
        "name": "order.opened",
        "published_at": placed_at,
        "payload": {
            "id": order_id,
            "external_id": _number(first, order_id),
            "placed_at": placed_at,
            "channel_type": "store",
            "channel": first.store,
            "demand_location_id": first.store,
            "is_historical": False,
            "items": items,
        },
    }
    value = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return ImportedEvent(order_id.encode(), value.encode())


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def reference_csv(report: ImportReport, *, timezone: str = "UTC") -> tuple[str, str]:
    """Write the locations.csv and products.csv that an imported export needs."""
    locations = [
        {
            "location_id": store,
            "label": store,
            "type": "store",
            "commercetools_channel_key": _channel_key(store),
            "timezone": timezone,
            "enabled": "true",
        }
        for store in sorted(report.stores)
    ]
    products = [
        {"sku": sku, "name": sku, "enabled": "true"} for sku in sorted(report.skus)
    ]
    return _csv(LOCATION_COLUMNS, locations), _csv(PRODUCT_COLUMNS, products)


def _channel_key(store: str) -> str:
    """Make a key that commercetools accepts: 2 to 256 letters, digits, _ and -."""
    plain = "".join(
        c if (c.isascii() and c.isalnum()) or c in "_-" else "-" for c in store
    )
    same = plain == store and len(plain) >= 2
    # What had to be replaced could meet another store's key; a digest sets them apart.
    return plain if same else f"{plain}-{uuid5(NAMESPACE, store).hex[:8]}"


def _csv(columns: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
