"""What can be wrong with an event, said so that a person can mend it."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

RELOAD = "run `oneshelf reference load`; the event is then applied by itself"
RESEND = "Correct it at the source and publish the event again"

SENTENCES_MAX = 5
"""More problems of one event than this are only counted."""


class Reason(StrEnum):
    """Why an event, or a line of it, could not be applied."""

    EMPTY_RECORD = "empty_record"
    BROKEN_JSON = "broken_json"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    WRONG_TENANT = "wrong_tenant"
    NAME_TOO_LONG = "name_too_long"
    IMPOSSIBLE_QUANTITY = "impossible_quantity"
    IMPOSSIBLE_AMOUNT = "impossible_amount"
    IMPOSSIBLE_NAME = "impossible_name"
    UNKNOWN_SKU = "unknown_sku"
    UNKNOWN_LOCATION = "unknown_location"
    UNKNOWN_STOCK_LOCATION = "unknown_stock_location"
    UNCLEAR_ADJUSTMENT = "unclear_adjustment"
    AMBIGUOUS_COUNT = "ambiguous_count"
    UNDECODABLE = "undecodable"
    WRONG_KEY = "wrong_key"
    UNKNOWN_ORDER = "unknown_order"
    UNLINKED_RETURN = "unlinked_return"
    ORDER_MISSING = "order_missing"
    TOO_MANY_WAITING = "too_many_waiting"


class Problem(NamedTuple):
    """One thing that is wrong: where (path from the envelope), what, and the remedy."""

    reason: Reason
    field: str
    value: str
    sentence: str


def empty_record() -> Problem:
    return Problem(
        Reason.EMPTY_RECORD,
        "",
        "",
        "The record has no body; publish the event again.",
    )


def broken_json(body: bytes) -> Problem:
    return Problem(
        Reason.BROKEN_JSON,
        "",
        body[:200].decode(errors="replace"),
        "The body is not JSON; publish the event again as NewStore wrote it.",
    )


def number_out_of_range(path: str) -> Problem:
    return Problem(
        Reason.WRONG_TYPE,
        path,
        "",
        f"{path or 'The body'} has a number of too many digits. {RESEND}.",
    )


def missing_field(path: str, *, alternatives: tuple[str, ...] = ()) -> Problem:
    other = "".join(f", and so is {name}" for name in alternatives)
    return Problem(
        Reason.MISSING_FIELD, path, "", f"{path} is missing{other}. {RESEND}."
    )


def wrong_type(path: str, value: object, expected: str) -> Problem:
    shown = shown_value(value)
    return Problem(
        Reason.WRONG_TYPE,
        path,
        shown,
        f"{path} is {shown}, but must be {expected}. {RESEND}.",
    )


def wrong_tenant(tenant: str, expected: str) -> Problem:
    return Problem(
        Reason.WRONG_TENANT,
        "tenant",
        tenant,
        f"tenant is {shown_value(tenant)}, but this ledger belongs to "
        f"{shown_value(expected)}. Point that tenant's event stream elsewhere, or "
        "correct the tenant setting.",
    )


def name_too_long(path: str, value: str, limit: int) -> Problem:
    return Problem(
        Reason.NAME_TOO_LONG,
        path,
        value[:200],
        f"{path} has {len(value)} characters, at most {limit} are possible. {RESEND}.",
    )


def impossible_quantity(path: str, value: int, low: int, high: int) -> Problem:
    return Problem(
        Reason.IMPOSSIBLE_QUANTITY,
        path,
        shown_value(value),
        f"{path} is {shown_value(value)}, but must be from {low:,} to {high:,}. "
        f"{RESEND}.",
    )


def impossible_amount(path: str, value: object, currency: str) -> Problem:
    return Problem(
        Reason.IMPOSSIBLE_AMOUNT,
        path,
        str(value)[:80],
        f"{path} is {str(value)[:80]}, which is no amount of money in "
        f"{shown_value(currency)}. {RESEND}.",
    )


def impossible_name(path: str, value: str, why: str) -> Problem:
    return Problem(
        Reason.IMPOSSIBLE_NAME,
        path,
        value[:200],
        f"{path} is {shown_value(value)}, which {why}. {RESEND}.",
    )


def unknown_sku(path: str, value: str) -> Problem:
    return Problem(
        Reason.UNKNOWN_SKU,
        path,
        value,
        f"{path} {shown_value(value)} is not a known product. Add it to products.csv "
        f"(sku or newstore_product_id) and {RELOAD}.",
    )


def unknown_location(path: str, value: str) -> Problem:
    return Problem(
        Reason.UNKNOWN_LOCATION,
        path,
        value,
        f"{path} {shown_value(value)} is not a known location. Add it to locations.csv "
        "(location_id, newstore_node_id or newstore_store_id) and "
        f"{RELOAD}.",
    )


def unknown_stock_location(path: str, value: str) -> Problem:
    return Problem(
        Reason.UNKNOWN_STOCK_LOCATION,
        path,
        value,
        f"{path} {shown_value(value)} is not tied to a pool. Name its pool in the "
        "stock location table and re-drive the event.",
    )


def unclear_adjustment(path: str, type_: str, reason: str) -> Problem:
    shown = f"{shown_value(type_)} / {shown_value(reason)}"
    return Problem(
        Reason.UNCLEAR_ADJUSTMENT,
        path,
        f"{type_} / {reason}",
        f"The adjustment {shown} names neither origin nor destination, and no rule "
        "says what it means. Add a rule for it to adjustments.csv and re-drive the "
        "event.",
    )


def ambiguous_count(path: str, sku: str, lines: int) -> Problem:
    return Problem(
        Reason.AMBIGUOUS_COUNT,
        path,
        sku,
        f"{path}: the count lists {shown_value(sku)} on {lines} lines, so its quantity "
        "is unclear. Count it again on one line.",
    )


def combined(problems: Sequence[Problem]) -> Problem:
    """Say several problems of one event as one: the first, with all their sentences."""
    sentences = list(dict.fromkeys(problem.sentence for problem in problems))
    text = " ".join(sentences[:SENTENCES_MAX])
    if len(sentences) > SENTENCES_MAX:
        text += f" And {len(sentences) - SENTENCES_MAX} more."
    return problems[0]._replace(sentence=text)


def shown_value(value: object) -> str:
    """Show a value from JSON as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
