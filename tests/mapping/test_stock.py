"""Our stock messages on the wire, held to their documented models."""

import json
from datetime import datetime, timedelta, timezone
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.stock import LedgerEntry, StockLevel, StockMovement
from streams.domain.movements import Movement, MovementKind, Outside, Pool
from streams.domain.postings import Posting
from streams.domain.stock import new_row, post
from streams.mapping.stock import (
    EntryRecord,
    LevelRecord,
    MovementRecord,
    Undecodable,
    decode_entry,
    decode_level,
    decode_movement,
    encode_entry,
    encode_level,
    encode_movement,
    fingerprint,
    location_in,
    read_movement,
    row_key,
    split_row_key,
)
from tests.support.ledger import LATER, NOON, adjustment, minutes, sale

accounts = st.none() | st.sampled_from([*Pool, *Outside])
texts = st.text(max_size=9)
movements = st.builds(
    Movement,
    movement_id=texts.filter(bool),
    kind=st.just(MovementKind.COUNT),
    sku=st.sampled_from(["TEE", "tø:y"]),
    quantity=st.integers(0, 10**9),
    occurred_at=st.datetimes(
        min_value=datetime(1971, 1, 1),  # noqa: DTZ001  # Hypothesis adds the zone.
        timezones=st.just(timezone(timedelta(hours=2))),
    ),
    location_id=texts,
    pool=st.sampled_from(Pool),
    source=accounts,
    target=accounts,
    unit_id=texts,
    rank=st.integers(0, 2**63 - 1),
    commerce_counted=st.booleans(),
    transfer_ref=texts,
    transfer_also=st.lists(texts.filter(bool), max_size=2).map(tuple),
    corrects=texts,
    attempt=st.integers(0, 1_000_000),
    same_as=texts,
    event_name=texts,
    document_type=texts,
    document_id=texts,
    origin=texts,
)


@given(movements)
def test_a_movement_comes_back_as_it_went(movement: Movement) -> None:
    assert decode_movement(encode_movement(movement)) == movement


@given(movements)
def test_the_documented_model_reads_what_the_hot_path_writes(
    movement: Movement,
) -> None:
    model = StockMovement.model_validate_json(encode_movement(movement))
    assert {**model.model_dump(), "schema_version": 1} == {
        "schema_version": 1,
        **movement._asdict(),
    }


@given(movements)
def test_the_fold_reads_the_same_movement_as_everyone_else(movement: Movement) -> None:
    value = encode_movement(movement)
    quick, slow = read_movement(value), decode_movement(value)
    for name in Movement._fields:
        assert getattr(quick, name) == getattr(slow, name)


@pytest.mark.parametrize(
    ("record", "model"),
    [
        (MovementRecord, StockMovement),
        (EntryRecord, LedgerEntry),
        (LevelRecord, StockLevel),
    ],
)
def test_the_hot_path_has_the_documented_fields(
    record: type[msgspec.Struct], model: type[StockMovement]
) -> None:
    optional = {f.name: f.default for f in msgspec.structs.fields(record)}
    assert set(optional) == set(model.model_fields)
    for name, documented in model.model_fields.items():
        required = optional[name] is msgspec.NODEFAULT
        assert documented.is_required() == required, name
        assert required or documented.default == optional[name], name


def test_the_wire_record_stands_in_for_the_movement_field_by_field() -> None:
    wire = [f.name for f in msgspec.structs.fields(MovementRecord)]
    assert wire[0] == "schema_version"
    assert set(wire[1:]) == set(get_type_hints(Movement))


def test_defaults_are_left_out_and_times_are_utc() -> None:
    zone = timezone(timedelta(hours=2))
    told = sale("u", occurred_at=NOON.astimezone(zone))
    assert json.loads(encode_movement(told)) == {
        "schema_version": 1,
        "movement_id": "sale:u",
        "kind": "sale",
        "sku": "TEE-BLK-M",
        "quantity": 1,
        "occurred_at": "2025-03-01T12:00:00Z",
        "location_id": "LDN01",
        "unit_id": "u",
    }


GOOD = encode_movement(sale("u"))


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "$"),
        (b"", "$"),
        (b"{", "$"),
        (b"[]", "$"),
        (b"\xff\xfe", "$"),
        (GOOD.replace(b"sale:u", b"\xed\xa0\x80"), "$"),
        (GOOD.replace(b"sale:u", b"\\ud800"), "$"),
        (GOOD + b"x", "$"),
        (GOOD.replace(b'"schema_version":1,', b""), "$"),
        (
            GOOD.replace(b'"schema_version":1', b'"schema_version":2'),
            "$.schema_version",
        ),
        (GOOD.replace(b'"sale"', b'"gift"'), "$.kind"),
        (GOOD.replace(b'"quantity":1', b'"quantity":1.5'), "$.quantity"),
        (GOOD.replace(b'"quantity":1', b'"quantity":"1"'), "$.quantity"),
        (GOOD.replace(b'"quantity":1', b'"quantity":true'), "$.quantity"),
        (GOOD.replace(b'"quantity":1', b'"quantity":null'), "$.quantity"),
        (GOOD.replace(b"12:00:00Z", b"12:00:00"), "$.occurred_at"),
        (GOOD.replace(b"2025-03-01", b"yesterday"), "$.occurred_at"),
        (GOOD.replace(b'"unit_id"', b'"unit"'), "$"),
        (GOOD.replace(b'"u"}', b'"u","pool":"attic"}'), "$.pool"),
        (GOOD.replace(b'"u"}', b'"u","source":"attic"}'), "$.source"),
    ],
)
def test_what_is_not_a_movement_says_where_it_is_wrong(
    value: bytes | None, field: str
) -> None:
    with pytest.raises(Undecodable) as error:
        decode_movement(value)
    assert error.value.field == field
    assert error.value.sentence


def test_an_entry_says_what_its_posting_did() -> None:
    row = new_row(safety_stock=1, enabled=True, now=NOON)
    came = Posting("LDN01", Outside.SUPPLIER, Pool.MAIN, 5)
    post(row, came, NOON, LATER)
    cause = {
        "document_type": "adjustment",
        "document_id": "d",
        "event_name": "e",
        "origin": "t/0/1",
        "corrects": "c",
        "unit_id": "u",
        "transfer_ref": "asn:1",
    }
    told = adjustment("a", Outside.SUPPLIER, Pool.MAIN, 5, **cause)
    value = encode_entry(told, came._replace(suffix=":x"), row, 0, 0, NOON)
    entry = LedgerEntry.model_validate_json(value)
    assert entry.model_dump() == {
        "schema_version": 1,
        "entry_id": "adjustment:a:1:0:x",
        "movement_id": "adjustment:a:1:0",
        "kind": "adjustment",
        "sku": "TEE-BLK-M",
        "location_id": "LDN01",
        "quantity": 5,
        "from_account": "supplier",
        "to_account": "LDN01:main",
        "on_hand_before": 0,
        "on_hand_after": 5,
        "available_before": 0,
        "available_after": 4,
        "sequence": 1,
        "level_sequence": 1,
        "occurred_at": NOON,
        "recorded_at": LATER,
        "effect": "applied",
        "commerce_target": 4,
        "previous_at": NOON,
        **cause,
    }
    assert decode_entry(value).entry_id == entry.entry_id


def test_a_level_says_what_its_row_holds() -> None:
    row = new_row(safety_stock=1, enabled=True, now=NOON)
    for number, pool in enumerate(Pool, start=2):
        post(row, Posting("L", Outside.SUPPLIER, pool, number), minutes(number), LATER)
    value = encode_level("TEE", "L", row)
    assert StockLevel.model_validate_json(value).model_dump() == {
        "schema_version": 1,
        "sku": "TEE",
        "location_id": "L",
        "on_hand": 5,
        "reserved": 3,
        "damaged": 4,
        "held": 5,
        "in_transit": 6,
        "safety_stock": 1,
        "available": 1,
        "enabled": True,
        "commerce_target": 1,
        "sequence": 5,
        "entries": 5,
        "as_of": minutes(6),
        "recorded_at": LATER,
    }
    assert decode_level(value).on_hand == 5


def test_a_fingerprint_tells_content_from_telling() -> None:
    same = sale("u", event_name="x", origin="y", rank=9, occurred_at=LATER)
    assert fingerprint(sale("u")) == fingerprint(same)
    others = [
        sale("u", quantity=2),
        sale("u", location_id="LDN02"),
        sale("u", sku="X"),
        sale("u", pool=Pool.HELD),
        sale("u", kind=MovementKind.SHIP),
        sale("u", source=Pool.MAIN),
        sale("u", target=Pool.MAIN),
    ]
    assert len({fingerprint(m) for m in [sale("u"), *others]}) == 8
    assert location_in(fingerprint(sale("u", location_id="Zürich"))) == "Zürich"


def test_a_row_key_comes_apart_again() -> None:
    assert split_row_key(row_key("tø:y", "LDN 01")) == ("tø:y", "LDN 01")
