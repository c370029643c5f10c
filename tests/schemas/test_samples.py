"""Samples of every version of every message keep decoding, in every way we decode."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest
from pydantic import BaseModel, ValidationError

import schemas
from schemas.export import contracts, json_schema
from schemas.newstore import PAYLOADS, NewStoreEvent, parse_payload
from streams.mapping import pos_wire
from streams.mapping.pos import HANDLERS, IntakeRules, map_event
from streams.mapping.pos_wire import Envelope, decode_envelope, decode_payload
from streams.mapping.problems import Problem
from streams.mapping.reference import decode_location, decode_product
from streams.mapping.stock import decode_movement
from tests.support.newstore import shop_floor

DIRECTORY = Path(schemas.__path__[0]) / "samples"
SAMPLES = sorted(DIRECTORY.glob("*.json"))
EVENTS = [path for path in SAMPLES if path.name.startswith("NewStoreEvent.")]
CONTRACTS = {(item.name, item.version): item for item in contracts()}


def contract_of(path: Path) -> tuple[str, int]:
    name, version, _ = path.name.split(".", 2)
    return name, int(version.removeprefix("v"))


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", SAMPLES, ids=name_of)
def test_a_sample_decodes_into_its_model(path: Path) -> None:
    model = CONTRACTS[contract_of(path)].model
    message = model.model_validate_json(path.read_bytes())
    assert model.model_validate_json(message.model_dump_json(by_alias=True)) == message


@pytest.mark.parametrize("path", SAMPLES, ids=name_of)
def test_a_sample_fits_the_exported_schema(path: Path) -> None:
    schema = json_schema(CONTRACTS[contract_of(path)])
    validator = jsonschema_rs.validator_for(schema)
    errors = [
        error.message for error in validator.iter_errors(json.loads(path.read_text()))
    ]
    assert errors == []


def test_every_version_of_every_message_has_a_sample() -> None:
    assert {contract_of(path) for path in SAMPLES} == set(CONTRACTS)


def test_every_event_about_stock_has_a_sample() -> None:
    named = {
        path.name.removeprefix("NewStoreEvent.v1.")[: -len(".json")] for path in EVENTS
    }
    assert named == {*PAYLOADS, "unknown-name"}


@pytest.mark.parametrize("path", EVENTS, ids=name_of)
def test_a_sample_event_is_understood_in_full(path: Path) -> None:
    answer = map_event(path.read_bytes(), shop_floor(), IntakeRules(tenant="acme"))
    assert answer.reported() == []
    name = json.loads(path.read_text())["name"]
    assert bool(answer.movements) is (name in HANDLERS)
    assert answer.known is (name in PAYLOADS)


def test_every_event_that_moves_stock_is_documented() -> None:
    assert set(HANDLERS) <= set(PAYLOADS)


# The models say what is read; the structs read it. Both must say the same.


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_structs_and_models_have_the_same_fields(name: str) -> None:
    struct, model = HANDLERS[name].payload, PAYLOADS[name]
    compare_fields(struct, model)
    items = model.model_fields["items"].annotation
    compare_fields(pos_wire.item_type(struct), get_args(items)[0])


def compare_fields(struct: type[msgspec.Struct], model: type[BaseModel]) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    # One struct reads several payloads, and a few documented fields are not needed.
    for name, documented in model.model_fields.items():
        if name in fields:
            assert fields[name].required is documented.is_required(), name
    required = {name for name, field in fields.items() if field.required}
    assert required <= set(model.model_fields)


def test_every_field_that_is_read_is_documented() -> None:
    read: dict[type[msgspec.Struct], set[str]] = {}
    for name, handler in HANDLERS.items():
        read.setdefault(handler.payload, set()).update(PAYLOADS[name].model_fields)
    for struct, documented in read.items():
        assert set(struct.__struct_fields__) <= documented


@pytest.mark.parametrize("path", EVENTS, ids=name_of)
def test_structs_and_models_read_the_same(path: Path) -> None:
    event = NewStoreEvent.model_validate_json(path.read_bytes())
    envelope = decode_envelope(path.read_bytes())
    assert isinstance(envelope, Envelope)
    assert (envelope.tenant, envelope.name) == (event.tenant, event.name)
    same(envelope.published_at, event.published_at)
    if event.name not in HANDLERS:
        return
    decoded = decode_payload(envelope.payload, HANDLERS[event.name].payload)
    assert not isinstance(decoded, Problem)
    payload, lines = decoded
    model = parse_payload(event)
    assert model is not None
    compare(payload, model)
    documented = getattr(model, "items", [])
    assert len(lines) == len(documented)
    for line, item in zip(lines, documented, strict=True):
        compare(line, item)


def compare(struct: msgspec.Struct, model: BaseModel) -> None:
    for name in struct.__struct_fields__:
        if name in type(model).model_fields and name != "items":
            same(getattr(struct, name), getattr(model, name))


def same(one: Any, other: Any) -> None:
    """Equal; but past the microsecond msgspec rounds where pydantic cuts off."""
    if hasattr(one, "tzinfo"):
        assert abs(one - other) <= timedelta(microseconds=1)
    else:
        assert one == other


@pytest.mark.parametrize(
    ("sample", "old", "new"),
    [
        ("order.opened", '"tenant": "acme"', '"tenant": 7'),
        ("order.opened", "2025-03-01T10:15:02.345Z", "2025-03-01T10:15:02.345"),
        ("order.opened", "2025-03-01T10:14:58.000Z", "yesterday"),
        ("order.opened", '"quantity": 1', '"quantity": "1"'),
        ("order.opened", '"quantity": 1', '"quantity": 1.5'),
        ("order.opened", '"quantity": 1', '"quantity": 0'),
        ("order.opened", '"quantity": 1', '"quantity": 1001'),
        ("order.opened", '"is_historical": false', '"is_historical": "no"'),
        ("order.cancelled", '"items"', '"lines"'),
        ("return.processed", '"condition_code": 1', '"condition_code": [1]'),
        ("inventory_transaction.items_received", '"quantity": 10', '"quantity": -1'),
        ("inventory_transaction.items_received", '"quantity": 10', '"quantity": 1e7'),
        (
            "inventory_transaction.items_received",
            '"chunk_number": 1',
            '"chunk_number": -1',
        ),
        ("inventory_count.items_counted", '"count": 8', '"count": -8'),
        ("inventory_count.items_counted", '"count": 8', '"cnt": 8'),
        (
            "fulfillment_request.assigned",
            '"logical_timestamp": 175',
            '"logical_timestamp": -1',
        ),
    ],
)
def test_structs_and_models_refuse_the_same(sample: str, old: str, new: str) -> None:
    text = (DIRECTORY / f"NewStoreEvent.v1.{sample}.json").read_text()
    assert old in text
    broken = text.replace(old, new, 1)
    assert map_event(broken.encode(), shop_floor(), IntakeRules()).problems
    with pytest.raises(ValidationError):
        parse_payload(NewStoreEvent.model_validate_json(broken))


def test_a_payload_of_an_unknown_name_is_nobodys() -> None:
    event = NewStoreEvent(tenant="acme", name="moon.landed", payload={"id": 7})
    assert parse_payload(event) is None


# Our own messages decode in the hot paths' codecs too.


@pytest.mark.parametrize(
    "path", [p for p in SAMPLES if p.name.startswith("StockMovement.")], ids=name_of
)
def test_a_sample_movement_is_read_by_the_ledger(path: Path) -> None:
    movement = decode_movement(path.read_bytes())
    document = json.loads(path.read_text())
    assert (movement.movement_id, movement.kind) == (
        document["movement_id"],
        document["kind"],
    )


@pytest.mark.parametrize(
    "path", [p for p in SAMPLES if p.name.startswith("Location.")], ids=name_of
)
def test_a_sample_location_is_followed(path: Path) -> None:
    document = json.loads(path.read_text())
    assert decode_location(path.read_bytes()).location_id == document["location_id"]


@pytest.mark.parametrize(
    "path", [p for p in SAMPLES if p.name.startswith("Product.")], ids=name_of
)
def test_a_sample_product_is_followed(path: Path) -> None:
    assert decode_product(path.read_bytes()).sku == json.loads(path.read_text())["sku"]
