"""locations.csv, products.csv and adjustments.csv: all their values, or all problems.

Nothing of a set of files is used as long as one problem is left.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from streams.domain.adjustments import ANY, AdjustmentRule
from streams.domain.movements import Account, Outside, Pool
from streams.domain.reference import Location, Product
from streams.mapping.csv_rows import FileProblem, Notes, Row, read_rows

LOCATION_COLUMNS = (
    "location_id",
    "label",
    "type",
    "newstore_store_id",
    "newstore_node_id",
    "commercetools_channel_key",
    "erp_location",
    "erp_damaged_location",
    "timezone",
    "currency",
    "country",
    "tax_included",
    "safety_stock",
    "fallback_location_id",
    "enabled",
)
PRODUCT_COLUMNS = ("sku", "newstore_product_id", "name", "safety_stock", "enabled")
ADJUSTMENT_COLUMNS = ("type", "reason", "from", "to", "ignored")

LOCATION_TYPES = ("store", "dc", "warehouse", "virtual")
UNITS_MAX = 1_000_000
NAME_MAX = 200

YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

# Ids become parts of row keys (`sku|location_id`).
_NAME = re.compile(r"[^|\x00-\x1f\x7f]+")
# commercetools: keys have 2 to 256 characters of this kind.
_CHANNEL_KEY = re.compile(r"[A-Za-z0-9_-]{2,256}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_UNITS = re.compile(r"[0-9]{1,9}")

# The pool `reserved` is kept by the ledger alone.
_ACCOUNTS: Mapping[str, Account] = {
    account.value: account
    for account in (*Pool, *Outside)
    if account is not Pool.RESERVED
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFiles:
    """What the files hold. With any problem, there are no values."""

    locations: tuple[Location, ...] = ()
    products: tuple[Product, ...] = ()
    adjustments: tuple[AdjustmentRule, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    warnings: tuple[FileProblem, ...] = ()


def parse_reference(
    *,
    locations: bytes,
    products: bytes,
    adjustments: bytes | None = None,
) -> ReferenceFiles:
    """Read locations.csv, products.csv and, where there is one, adjustments.csv."""
    notes = Notes()
    found = ReferenceFiles(
        locations=tuple(_locations(locations, notes)),
        products=tuple(_products(products, notes)),
        adjustments=tuple(_adjustments(adjustments, notes)) if adjustments else (),
        warnings=tuple(notes.warnings),
    )
    if notes.problems:
        return ReferenceFiles(
            problems=tuple(sorted(notes.problems, key=_place)),
            warnings=tuple(notes.warnings),
        )
    return found


def parse_adjustments(
    body: bytes,
) -> tuple[list[AdjustmentRule], list[FileProblem]]:
    """Read adjustments.csv: its rules, and every problem there is."""
    notes = Notes()
    rules = _adjustments(body, notes)
    return rules, sorted(notes.problems, key=_place)


def _place(problem: FileProblem) -> tuple[str, int]:
    return problem.file, problem.line


def _locations(body: bytes, notes: Notes) -> list[Location]:
    rows = read_rows(body, "locations.csv", LOCATION_COLUMNS, "location_id", notes)
    locations = [
        Location(
            location_id=_name(row, "location_id"),
            label=row.text("label"),
            type=_choice(row, "type", LOCATION_TYPES, "store"),
            newstore_store_id=_optional_name(row, "newstore_store_id"),
            newstore_node_id=_optional_name(row, "newstore_node_id"),
            commercetools_channel_key=_like(
                row,
                "commercetools_channel_key",
                _CHANNEL_KEY,
                "2 to 256 letters, digits, _ or -",
            ),
            erp_location=row.text("erp_location"),
            erp_damaged_location=row.text("erp_damaged_location"),
            timezone=_timezone(row, "timezone"),
            currency=_like(row, "currency", _CURRENCY, "a code such as GBP"),
            country=_like(row, "country", _COUNTRY, "a code such as GB"),
            tax_included=_yes_no(row, "tax_included", default=False),
            safety_stock=_units(row, "safety_stock") or 0,
            fallback_location_id=row.text("fallback_location_id"),
            enabled=_yes_no(row, "enabled", default=True),
        )
        for row in rows
    ]
    _unique(rows, ["location_id"], "a location_id stands for one location")
    _unique(
        rows,
        ["location_id", "newstore_store_id", "newstore_node_id"],
        "NewStore's ids must lead to one location",
        skip_first_alone=True,
    )
    _unique(
        rows, ["commercetools_channel_key"], "each location needs a channel of its own"
    )
    _check_fallbacks(rows)
    return locations


def _products(body: bytes, notes: Notes) -> list[Product]:
    rows = read_rows(body, "products.csv", PRODUCT_COLUMNS, "sku", notes)
    products = [
        Product(
            sku=_name(row, "sku"),
            newstore_product_id=_optional_name(row, "newstore_product_id"),
            name=row.text("name"),
            safety_stock=_units(row, "safety_stock"),
            enabled=_yes_no(row, "enabled", default=True),
        )
        for row in rows
    ]
    _unique(rows, ["sku"], "a sku stands for one product")
    _unique(
        rows,
        ["sku", "newstore_product_id"],
        "NewStore's product id must lead to one sku",
        skip_first_alone=True,
    )
    return products


def _adjustments(body: bytes, notes: Notes) -> list[AdjustmentRule]:
    rows = read_rows(body, "adjustments.csv", ADJUSTMENT_COLUMNS, "type", notes)
    rules = []
    for row in rows:
        rule = AdjustmentRule(
            type=_name(row, "type"),
            reason=row.text("reason") or ANY,
            source=_account(row, "from"),
            target=_account(row, "to"),
            ignored=_yes_no(row, "ignored", default=False),
        )
        if not (rule.ignored or row.text("from") or row.text("to")):
            row.refuse(
                "from", "the rule says nothing; fill from or to, or set ignored."
            )
        rules.append(rule)
    return rules


def _name(row: Row, column: str) -> str:
    if not row.text(column):
        row.refuse(column, "the cell is empty; every row needs it.")
    return _optional_name(row, column)


def _optional_name(row: Row, column: str) -> str:
    value = row.text(column)
    if len(value) > NAME_MAX:
        row.refuse(
            column, f"has {len(value)} characters, at most {NAME_MAX} are possible."
        )
    elif value and _NAME.fullmatch(value) is None:
        row.refuse(column, f'"{value}" has a | or a control character; remove it.')
    return value


def _like(row: Row, column: str, pattern: re.Pattern[str], wanted: str) -> str:
    value = row.text(column)
    if value and pattern.fullmatch(value) is None:
        row.refuse(column, f'"{value}" does not fit; write {wanted}.')
    return value


def _choice(row: Row, column: str, choices: Iterable[str], default: str) -> str:
    value = row.text(column) or default
    if value not in choices:
        row.refuse(column, f'"{value}" is not one of {", ".join(choices)}.')
    return value


def _account(row: Row, column: str) -> Account | None:
    value = row.text(column)
    if not value:
        return None
    account = _ACCOUNTS.get(value)
    if account is None:
        row.refuse(column, f'"{value}" is not one of {", ".join(_ACCOUNTS)}.')
    return account


def _yes_no(row: Row, column: str, *, default: bool) -> bool:
    value = row.text(column)
    if not value:
        return default
    answer = YES_NO.get(value.casefold())
    if answer is None:
        row.refuse(column, f'"{value}" is neither yes nor no; write true or false.')
    return bool(answer)


def _units(row: Row, column: str) -> int | None:
    value = row.text(column)
    if not value:
        return None
    if _UNITS.fullmatch(value) is None or int(value) > UNITS_MAX:
        row.refuse(
            column, f'"{value}" is not a whole number from 0 to {UNITS_MAX:,} units.'
        )
        return None
    return int(value)


def _timezone(row: Row, column: str) -> str:
    value = row.text(column) or "UTC"
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        row.refuse(
            column, f'"{value}" is not a time zone; write a name such as Europe/London.'
        )
    return value


def _unique(
    rows: list[Row], columns: list[str], why: str, *, skip_first_alone: bool = False
) -> None:
    """Refuse values of these columns that stand in more than one row.

    `skip_first_alone`: two rows with the same first column are another check's.
    """
    seen: dict[str, tuple[Row, str]] = {}
    for row in rows:
        for column in columns:
            value = row.text(column)
            if not value:
                continue
            earlier, earlier_column = seen.setdefault(value, (row, column))
            both_first = column == columns[0] == earlier_column
            if earlier is row or (skip_first_alone and both_first):
                continue
            row.refuse(
                column,
                f'"{value}" is in line {earlier.line} already (column '
                f"{earlier_column}); {why}.",
            )


def _check_fallbacks(rows: list[Row]) -> None:
    """Refuse fall-backs that lead nowhere or in a circle."""
    row_of = {row.text("location_id"): row for row in rows}
    in_circle: set[str] = set()
    for row in rows:
        start, target = row.text("location_id"), row.text("fallback_location_id")
        if not target:
            continue
        if target not in row_of:
            row.refuse(
                "fallback_location_id",
                f'"{target}" is not a location_id of this file; add it or leave the '
                "cell empty.",
            )
            continue
        path = [start]
        while target and target in row_of and target not in path:
            path.append(target)
            target = row_of[target].text("fallback_location_id")
        if target == start and start not in in_circle:
            in_circle.update(path)
            row.refuse(
                "fallback_location_id",
                f"leads in a circle ({' > '.join([*path, start])}); leave one of them "
                "empty.",
            )
