"""Malformed webhook payloads: each with the sentence a person reads."""

from dataclasses import dataclass
from typing import Any

import pytest

from streams.mapping.pos import IntakeRules, map_event
from streams.mapping.problems import (
    SENTENCES_MAX,
    Reason,
    combined,
    missing_field,
    shown_value,
)
from tests.support.newstore import (
    RULES,
    Json,
    adjusted,
    body,
    cancelled,
    count_item,
    counted,
    event,
    item,
    mapped,
    notice,
    opened,
    received,
    request,
    return_item,
    returned,
    shipped_item,
    shop_floor,
    stock_item,
    web_order,
)

RESEND = "Correct it at the source and publish the event again."
RELOAD = "run `oneshelf reference load`; the event is then applied by itself."
PRODUCTS = f"Add it to products.csv (sku or newstore_product_id) and {RELOAD}"
LOCATIONS = (
    "Add it to locations.csv (location_id, newstore_node_id or newstore_store_id) "
    f"and {RELOAD}"
)
A_TIME = "a time with an offset, such as 2025-03-01T10:15:02Z"


@dataclass(frozen=True)
class Case:
    """A malformed event, and what is said of it."""

    name: str
    event: Any
    reason: Reason
    field: str
    value: str
    sentence: str


def without(envelope: Json, *path: Any) -> Json:
    """The event without the field at that path."""
    *steps, last = path
    place: Any = envelope
    for step in steps:
        place = place[step]
    del place[last]
    return envelope


BAD_JSON = "The body is not JSON; publish the event again as NewStore wrote it."

CASES = [
    Case("nothing", b"", Reason.BROKEN_JSON, "", "", BAD_JSON),
    Case("not json", b"sold!", Reason.BROKEN_JSON, "", "sold!", BAD_JSON),
    Case("cut off", b'{"tenant":', Reason.BROKEN_JSON, "", '{"tenant":', BAD_JSON),
    Case("not UTF-8", b"\xff\xfe", Reason.BROKEN_JSON, "", "\ufffd\ufffd", BAD_JSON),
    Case(
        "two bodies",
        body(event("x")) + b"{}",
        Reason.BROKEN_JSON,
        "",
        (body(event("x")) + b"{}").decode(),
        BAD_JSON,
    ),
    Case(
        "nested too deeply",
        b"[" * 100_000,
        Reason.BROKEN_JSON,
        "",
        "[" * 200,
        BAD_JSON,
    ),
    Case(
        "a list",
        [],
        Reason.WRONG_TYPE,
        "the event",
        "[]",
        f"the event is [], but must be an object. {RESEND}",
    ),
    Case(
        "no name",
        without(opened(), "name"),
        Reason.MISSING_FIELD,
        "name",
        "",
        f"name is missing. {RESEND}",
    ),
    Case(
        "no tenant",
        without(opened(), "tenant"),
        Reason.MISSING_FIELD,
        "tenant",
        "",
        f"tenant is missing. {RESEND}",
    ),
    Case(
        "no payload",
        without(opened(), "payload"),
        Reason.MISSING_FIELD,
        "payload",
        "",
        f"payload is missing. {RESEND}",
    ),
    Case(
        "a name that is a number",
        opened() | {"name": 7},
        Reason.WRONG_TYPE,
        "name",
        "7",
        f"name is 7, but must be text. {RESEND}",
    ),
    Case(
        "published at no time",
        opened(published_at="yesterday"),
        Reason.WRONG_TYPE,
        "published_at",
        '"yesterday"',
        f'published_at is "yesterday", but must be {A_TIME}. {RESEND}',
    ),
    Case(
        "published without an offset",
        opened(published_at="2025-03-01T10:15:02"),
        Reason.WRONG_TYPE,
        "published_at",
        '"2025-03-01T10:15:02"',
        f'published_at is "2025-03-01T10:15:02", but must be {A_TIME}. {RESEND}',
    ),
    Case(
        "never published",
        without(request("assigned"), "published_at"),
        Reason.MISSING_FIELD,
        "published_at",
        "",
        f"published_at is missing. {RESEND}",
    ),
    Case(
        "placed on a day that is none",
        opened(placed_at="2025-02-30T10:00:00Z"),
        Reason.WRONG_TYPE,
        "payload.placed_at",
        '"2025-02-30T10:00:00Z"',
        f'payload.placed_at is "2025-02-30T10:00:00Z", but must be {A_TIME}. {RESEND}',
    ),
    Case(
        "a payload that is text",
        opened() | {"payload": "order-1"},
        Reason.WRONG_TYPE,
        "payload",
        '"order-1"',
        f'payload is "order-1", but must be an object. {RESEND}',
    ),
    Case(
        "a payload with a broken text",
        body(opened()).replace(b"order-1", b"\xff"),
        Reason.BROKEN_JSON,
        "",
        body(opened())
        .replace(b"order-1", b"\xff")
        .split(b'"payload": ')[1][:200]
        .decode(errors="replace"),
        BAD_JSON,
    ),
    Case(
        "another tenant's",
        opened(tenant="rival"),
        Reason.WRONG_TENANT,
        "tenant",
        "rival",
        'tenant is "rival", but this ledger belongs to "acme". Point that tenant\'s '
        "event stream elsewhere, or correct the tenant setting.",
    ),
    Case(
        "no entity id",
        without(opened(), "payload", "id"),
        Reason.MISSING_FIELD,
        "payload.id",
        "",
        f"payload.id is missing. {RESEND}",
    ),
    Case(
        "a blank entity id",
        opened(id=""),
        Reason.MISSING_FIELD,
        "payload.id",
        "",
        f"payload.id is missing. {RESEND}",
    ),
    Case(
        "an endless entity id",
        opened(id="x" * 201),
        Reason.NAME_TOO_LONG,
        "payload.id",
        "x" * 200,
        f"payload.id has 201 characters, at most 200 are possible. {RESEND}",
    ),
    Case(
        "no items",
        without(opened(), "payload", "items"),
        Reason.MISSING_FIELD,
        "payload.items",
        "",
        f"payload.items is missing. {RESEND}",
    ),
    Case(
        "items that are none",
        opened(items=None),
        Reason.WRONG_TYPE,
        "payload.items",
        "null",
        f"payload.items is null, but must be a list. {RESEND}",
    ),
    Case(
        "an item that is text",
        opened(items=["u1"]),
        Reason.WRONG_TYPE,
        "payload.items[0]",
        '"u1"',
        f'payload.items[0] is "u1", but must be an object. {RESEND}',
    ),
    Case(
        "an item without an id",
        opened(without(item(), "id")),
        Reason.MISSING_FIELD,
        "payload.items[0].id",
        "",
        f"payload.items[0].id is missing. {RESEND}",
    ),
    Case(
        "an item with a blank id",
        opened(item("")),
        Reason.MISSING_FIELD,
        "payload.items[0].id",
        "",
        f"payload.items[0].id is missing. {RESEND}",
    ),
    Case(
        "an item with an endless id",
        request("items_completed", "u" * 201),
        Reason.NAME_TOO_LONG,
        "payload.items[0].id",
        "u" * 200,
        f"payload.items[0].id has 201 characters, at most 200 are possible. {RESEND}",
    ),
    Case(
        "an item of no product",
        opened(item(product_id=None)),
        Reason.MISSING_FIELD,
        "payload.items[0].product_id",
        "",
        "payload.items[0].product_id is missing, and so is "
        f"payload.items[0].external_identifiers.sku. {RESEND}",
    ),
    Case(
        "a SKU that is a number",
        opened(item(product_id=None, external_identifiers={"sku": 17})),
        Reason.WRONG_TYPE,
        "payload.items[0].external_identifiers.sku",
        "17",
        "payload.items[0].external_identifiers.sku is 17, but must be text. " + RESEND,
    ),
    Case(
        "an endless SKU",
        opened(item(product_id="s" * 300)),
        Reason.NAME_TOO_LONG,
        "payload.items[0].product_id",
        "s" * 200,
        "payload.items[0].product_id has 300 characters, at most 200 are possible. "
        + RESEND,
    ),
    Case(
        "no units",
        opened(item(quantity=0)),
        Reason.IMPOSSIBLE_QUANTITY,
        "payload.items[0].quantity",
        "0",
        f"payload.items[0].quantity is 0, but must be from 1 to 1,000. {RESEND}",
    ),
    Case(
        "too many units for one sale",
        web_order(shipped_item(quantity=1_001)),
        Reason.IMPOSSIBLE_QUANTITY,
        "payload.items[0].quantity",
        "1001",
        f"payload.items[0].quantity is 1001, but must be from 1 to 1,000. {RESEND}",
    ),
    Case(
        "fewer than no units",
        received(stock_item(quantity=-3)),
        Reason.IMPOSSIBLE_QUANTITY,
        "payload.items[0].quantity",
        "-3",
        f"payload.items[0].quantity is -3, but must be from 1 to 1,000,000. {RESEND}",
    ),
    Case(
        "more units than there are",
        received(stock_item(quantity=1_000_001)),
        Reason.IMPOSSIBLE_QUANTITY,
        "payload.items[0].quantity",
        "1000001",
        "payload.items[0].quantity is 1000001, but must be from 1 to 1,000,000. "
        + RESEND,
    ),
    Case(
        "a quantity in words",
        received(stock_item(), stock_item(quantity="ten")),
        Reason.WRONG_TYPE,
        "payload.items[1].quantity",
        '"ten"',
        f'payload.items[1].quantity is "ten", but must be a whole number. {RESEND}',
    ),
    Case(
        "half a unit",
        notice(stock_item(quantity=0.5)),
        Reason.WRONG_TYPE,
        "payload.items[0].quantity",
        "0.5",
        f"payload.items[0].quantity is 0.5, but must be a whole number. {RESEND}",
    ),
    Case(
        "a quantity of true",
        adjusted(stock_item(quantity=True)),
        Reason.WRONG_TYPE,
        "payload.items[0].quantity",
        "true",
        f"payload.items[0].quantity is true, but must be a whole number. {RESEND}",
    ),
    Case(
        "a quantity of thousands of digits",
        body(received()).replace(b'"quantity": 10', b'"quantity": ' + b"9" * 5_000),
        Reason.WRONG_TYPE,
        "payload",
        "",
        f"payload has a number of too many digits. {RESEND}",
    ),
    Case(
        "no quantity",
        received(without(stock_item(), "quantity")),
        Reason.MISSING_FIELD,
        "payload.items[0].quantity",
        "",
        f"payload.items[0].quantity is missing. {RESEND}",
    ),
    Case(
        "a count below nothing",
        counted(count_item(count=-1)),
        Reason.IMPOSSIBLE_QUANTITY,
        "payload.items[0].count",
        "-1",
        f"payload.items[0].count is -1, but must be from 0 to 1,000,000. {RESEND}",
    ),
    Case(
        "a count without a figure",
        counted(count_item(count=None)),
        Reason.WRONG_TYPE,
        "payload.items[0].count",
        "null",
        f"payload.items[0].count is null, but must be a whole number. {RESEND}",
    ),
    Case(
        "a count that lists a product twice",
        counted(count_item(), count_item()),
        Reason.AMBIGUOUS_COUNT,
        "payload.items[0]",
        "TEE-BLK-M",
        'payload.items[0]: the count lists "TEE-BLK-M" on 2 lines, so its quantity is '
        "unclear. Count it again on one line.",
    ),
    Case(
        "a chunk before the first",
        counted(chunk_number=-1),
        Reason.IMPOSSIBLE_QUANTITY,
        "payload.chunk_number",
        "-1",
        f"payload.chunk_number is -1, but must be from 0 to 1,000,000. {RESEND}",
    ),
    Case(
        "a condition that is a list",
        returned(return_item(condition_code=[1])),
        Reason.WRONG_TYPE,
        "payload.items[0].condition_code",
        "[1]",
        "payload.items[0].condition_code is [1], but must be a whole number or text. "
        + RESEND,
    ),
    Case(
        "historical, in words",
        opened(is_historical="no"),
        Reason.WRONG_TYPE,
        "payload.is_historical",
        '"no"',
        f'payload.is_historical is "no", but must be true or false. {RESEND}',
    ),
    Case(
        "a rank below all ranks",
        request("assigned", logical_timestamp=-1),
        Reason.IMPOSSIBLE_QUANTITY,
        "payload.logical_timestamp",
        "-1",
        "payload.logical_timestamp is -1, but must be from 0 to "
        f"9,223,372,036,854,775,807. {RESEND}",
    ),
    Case(
        "a sale nowhere",
        opened(demand_location_id=None, channel=None),
        Reason.MISSING_FIELD,
        "payload.demand_location_id",
        "",
        "payload.demand_location_id is missing, and so is payload.channel. " + RESEND,
    ),
    Case(
        "a return nowhere",
        returned(return_location_id=""),
        Reason.MISSING_FIELD,
        "payload.return_location_id",
        "",
        f"payload.return_location_id is missing. {RESEND}",
    ),
    Case(
        "a receipt nowhere",
        received(fulfillment_location_id=None),
        Reason.MISSING_FIELD,
        "payload.fulfillment_location_id",
        "",
        "payload.fulfillment_location_id is missing, and so is "
        f"payload.fulfillment_node_id. {RESEND}",
    ),
    Case(
        "a shipment from nowhere",
        notice(origin_id=None),
        Reason.MISSING_FIELD,
        "payload.origin_id",
        "",
        f"payload.origin_id is missing. {RESEND}",
    ),
    Case(
        "a place with an endless name",
        received(fulfillment_location_id="L" * 500),
        Reason.NAME_TOO_LONG,
        "payload.fulfillment_location_id",
        "L" * 200,
        "payload.fulfillment_location_id has 500 characters, at most 200 are possible. "
        + RESEND,
    ),
    Case(
        "a transfer with an endless name",
        received(asn_id="A" * 201),
        Reason.NAME_TOO_LONG,
        "payload.asn_id",
        "A" * 200,
        f"payload.asn_id has 201 characters, at most 200 are possible. {RESEND}",
    ),
    Case(
        "an adjustment from an unknown stock location",
        adjusted(origin_stock_location_name="cellar"),
        Reason.UNKNOWN_STOCK_LOCATION,
        "payload.origin_stock_location_name",
        "cellar",
        'payload.origin_stock_location_name "cellar" is not tied to a pool. Name its '
        "pool in the stock location table and re-drive the event.",
    ),
    Case(
        "an adjustment to an unknown stock location",
        adjusted(destination_stock_location_name="attic"),
        Reason.UNKNOWN_STOCK_LOCATION,
        "payload.destination_stock_location_name",
        "attic",
        'payload.destination_stock_location_name "attic" is not tied to a pool. Name '
        "its pool in the stock location table and re-drive the event.",
    ),
    Case(
        "an adjustment from nowhere to nowhere",
        adjusted(origin_stock_location_name=None),
        Reason.UNCLEAR_ADJUSTMENT,
        "payload.adjustment_type",
        "Write off / Expired",
        'The adjustment "Write off" / "Expired" names neither origin nor destination, '
        "and no rule says what it means. Add a rule for it to adjustments.csv and "
        "re-drive the event.",
    ),
    Case(
        "an unknown SKU",
        opened(item(product_id="NEW")),
        Reason.UNKNOWN_SKU,
        "payload.items[0].product_id",
        "NEW",
        f'payload.items[0].product_id "NEW" is not a known product. {PRODUCTS}',
    ),
    Case(
        "an unknown SKU by its identifier",
        cancelled(item(external_identifiers={"sku": "NEW"}, product_id=None)),
        Reason.UNKNOWN_SKU,
        "payload.items[0].external_identifiers.sku",
        "NEW",
        'payload.items[0].external_identifiers.sku "NEW" is not a known product. '
        + PRODUCTS,
    ),
    Case(
        "an unknown location",
        returned(return_location_id="LDN99"),
        Reason.UNKNOWN_LOCATION,
        "payload.return_location_id",
        "LDN99",
        f'payload.return_location_id "LDN99" is not a known location. {LOCATIONS}',
    ),
    Case(
        "an unknown origin",
        notice(origin_id="DC99"),
        Reason.UNKNOWN_LOCATION,
        "payload.origin_id",
        "DC99",
        f'payload.origin_id "DC99" is not a known location. {LOCATIONS}',
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_malformed_event_is_told_with_its_remedy(case: Case) -> None:
    raw = case.event if isinstance(case.event, bytes) else body(case.event)
    answer = map_event(raw, shop_floor(), IntakeRules(tenant="acme"))
    first = answer.reported()[0]
    assert first.sentence == case.sentence
    assert (first.reason, first.field) == (case.reason, case.field)
    assert first.value == case.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_sentence_ends_and_fits_a_screen(case: Case) -> None:
    raw = case.event if isinstance(case.event, bytes) else body(case.event)
    for problem in map_event(raw, shop_floor(), RULES).reported():
        assert problem.sentence.endswith(".")
        assert len(problem.sentence) < 400


def test_a_record_without_a_body_is_told() -> None:
    answer = map_event(None, shop_floor(), RULES)
    assert answer.reported()[0].sentence == (
        "The record has no body; publish the event again."
    )


def test_a_broken_line_holds_up_no_other() -> None:
    lines = [item("u1"), {"id": 5}, item("u3", quantity="x"), "u4", item("u5")]
    answer = mapped(opened(items=lines))
    assert [movement.unit_id for movement in answer.movements] == ["u1", "u5"]
    assert [found.line for found in answer.problems] == [1, 2, 3]


def test_a_line_that_can_never_be_mapped_does_not_wait_for_a_name() -> None:
    answer = mapped(opened(item(product_id="NEW", quantity=0)))
    assert answer.open_lines == ()
    assert answer.problems[0].problem.reason is Reason.IMPOSSIBLE_QUANTITY


def test_what_is_wrong_is_reported_before_what_waits() -> None:
    answer = mapped(opened(item("u1", product_id="NEW"), item("u2", quantity=0)))
    assert [problem.reason for problem in answer.reported()] == [
        Reason.IMPOSSIBLE_QUANTITY,
        Reason.UNKNOWN_SKU,
    ]


def test_both_an_unknown_place_and_an_unknown_sku_are_reported_at_once() -> None:
    answer = mapped(received(stock_item("NEW"), fulfillment_location_id="X"))
    assert [problem.reason for problem in answer.reported()] == [
        Reason.UNKNOWN_LOCATION,
        Reason.UNKNOWN_SKU,
    ]


def test_the_problems_of_an_event_are_told_as_one() -> None:
    found = [missing_field(name) for name in ("a", "b", "a")]
    told = combined(found)
    assert told.field == "a"
    assert told.sentence == f"a is missing. {RESEND} b is missing. {RESEND}"


def test_more_problems_than_one_reads_are_counted() -> None:
    found = [missing_field(f"f{number}") for number in range(SENTENCES_MAX + 3)]
    assert combined(found).sentence.endswith(" And 3 more.")


def test_a_long_value_is_shown_in_part() -> None:
    assert shown_value("x" * 100) == '"' + "x" * 76 + "..."
