"""Events that touch scarce stock are told from others at a glance."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from streams.mapping.pos import map_event
from streams.mapping.scarce_events import touches
from streams.mapping.scarce_rows import ScarceRows
from streams.mapping.stock import row_key
from tests.support.newstore import RULES, body, item, opened, shop_floor

SAMPLES = Path(__file__).parents[2] / "schemas" / "samples"
EVENTS = sorted(SAMPLES.glob("NewStoreEvent.v1.*.json"))
RETURNS = [path for path in EVENTS if "return.processed" in path.name]


def scarce(*keys: bytes) -> ScarceRows:
    rows = ScarceRows()
    for key in keys:
        rows.follow(key, b"{}")
    return rows


def rows_of(event: bytes) -> list[bytes]:
    """Return the rows that an event moves stock in."""
    movements = map_event(event, shop_floor(), RULES).movements
    return [
        row_key(each.sku, each.location_id) for each in movements if each.location_id
    ]


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.name)
def test_every_event_is_urgent_for_each_row_it_moves_stock_in(path: Path) -> None:
    event = path.read_bytes()

    for key in rows_of(event) if path not in RETURNS else ():
        assert touches(event, scarce(b"other|LDN01", key), shop_floor(), RULES)
    assert not touches(event, scarce(b"other|LDN01"), shop_floor(), RULES)
    assert not touches(event, scarce(), shop_floor(), RULES)


@pytest.mark.parametrize("path", RETURNS, ids=lambda path: path.name)
def test_a_return_overtakes_nothing_because_the_first_told_stands(path: Path) -> None:
    event = path.read_bytes()
    renamed = event.replace(b'"return.processed"', b'"our.return"')
    rules = replace(RULES, aliases={"our.return": "return.processed"})
    rows = scarce(*rows_of(event))

    assert len(rows)
    assert not touches(event, rows, shop_floor(), RULES)
    assert not touches(renamed, rows, shop_floor(), rules)


def test_the_samples_move_stock() -> None:
    assert sum(bool(rows_of(path.read_bytes())) for path in EVENTS) >= 5


def test_only_the_place_where_it_happens_counts() -> None:
    sale = body(opened(item("u1")))
    (key,) = rows_of(sale)
    sku = key.decode().partition("|")[0]

    assert touches(sale, scarce(key), shop_floor(), RULES)
    assert not touches(sale, scarce(row_key(sku, "elsewhere")), shop_floor(), RULES)


@pytest.mark.parametrize(
    "event",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"payload": {"items": [7]}}',
        b'{"payload": {"items": [{"product_id": 7}], "channel": "LDN01"}}',
        b'{"payload": {"items": [{"product_id": "nobody"}], "channel": "LDN01"}}',
        b'{"payload": {"items": [{"product_id": null}], "channel": "nowhere"}}',
        b"\xff",
        b'{"payload": ' + b"[" * 100_000,
    ],
)
def test_what_it_cannot_read_waits_for_its_turn(event: bytes | None) -> None:
    assert not touches(event, scarce(b"TEE|LDN01"), shop_floor(), RULES)


def test_a_line_may_name_its_sku_in_another_field() -> None:
    named = item("u1", product_id="unheard-of", external_identifiers={"sku": "MUG"})
    other = item("u1", product_id="unheard-of", external_identifiers={"sku": 7})

    assert touches(body(opened(named)), scarce(b"MUG|LDN01"), shop_floor(), RULES)
    assert not touches(body(opened(other)), scarce(b"MUG|LDN01"), shop_floor(), RULES)


def test_a_row_is_forgotten_when_it_is_scarce_no_more() -> None:
    rows = scarce(b"a|1", b"b|1")
    rows.follow(b"a|1", None)
    rows.follow(b"never|1", None)

    assert (len(rows), b"a|1" in rows, b"b|1" in rows) == (1, False, True)


def test_no_more_rows_are_remembered_than_it_has_room_for() -> None:
    rows = ScarceRows(capacity=2)
    for key in (b"a|1", b"b|1", b"c|1"):
        rows.follow(key, b"{}")

    assert (len(rows), b"c|1" in rows) == (2, False)
    rows.follow(b"a|1", None)
    rows.follow(b"c|1", b"{}")
    assert b"c|1" in rows


def test_an_event_larger_than_any_is_still_read() -> None:
    event = opened(*[item(f"u{number}") for number in range(2_000)])

    told = msgspec.json.encode(event)

    assert touches(body(event), scarce(*rows_of(body(event))[:1]), shop_floor(), RULES)
    assert len(told) > 100_000
