"""The messages about orders are what their codecs write and read."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest
from pydantic import BaseModel, ValidationError

import schemas
from schemas.export import contracts, json_schema
from schemas.newstore import PAYLOADS
from schemas.orders import OrderNote, ReservationRequest, type_name
from streams.mapping import order_messages
from streams.mapping.order_news_pos import HANDLERS
from streams.mapping.tagged import Tagged

DIRECTORY = Path(schemas.__path__[0]) / "samples"
CODECS: dict[str, Tagged[Any]] = {
    "OrderNote": order_messages.NOTES,
    "OrderNews": order_messages.NEWS,
    "OrderAnswer": order_messages.ANSWERS,
    "ReservationRequest": order_messages.REQUESTS,
    "ReservationAnswer": order_messages.REPLIES,
}
SAMPLES = [
    path
    for path in sorted(DIRECTORY.glob("*.json"))
    if path.name.partition(".")[0] in CODECS
]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read_and_written_again_by_its_codec(path: Path) -> None:
    codec = CODECS[path.name.partition(".")[0]]
    value = codec.decode(path.read_bytes())
    written = json.loads(codec.encode(value))
    assert written | json.loads(path.read_text()) == written


@pytest.mark.parametrize("schema", CODECS)
def test_every_type_of_a_family_has_a_sample_and_its_own_name(schema: str) -> None:
    kinds = CODECS[schema].kinds
    assert kinds == {type_name(kind): kind for kind in kinds.values()}
    sampled = {
        json.loads(path.read_text())["type"]
        for path in SAMPLES
        if path.name.startswith(f"{schema}.")
    }
    assert sampled == set(kinds)


def test_a_message_with_a_field_nobody_knows_is_refused_by_its_model() -> None:
    text = (DIRECTORY / "OrderNote.v1.order_placed.json").read_text()
    note = json.loads(text)
    note["lines"][0]["colour"] = "red"
    with pytest.raises(ValidationError):
        OrderNote.model_validate_json(json.dumps(note))


def test_a_request_keeps_its_kind_beside_its_type() -> None:
    text = (DIRECTORY / "ReservationRequest.v1.quote.json").read_text()
    request = json.loads(text)
    assert (request["type"], request["kind"]) == ("reservation_request", "quote")
    assert order_messages.REQUESTS.decode(text.encode()).kind == "quote"
    ReservationRequest.model_validate_json(text)


def test_the_schema_of_a_family_knows_each_member() -> None:
    (family,) = (item for item in contracts() if item.name == "OrderNote")
    validator = jsonschema_rs.validator_for(json_schema(family))
    sound = {
        "schema_version": 1,
        "type": "order_completed",
        "newstore_id": "5c1f",
        "occurred_at": "2025-03-01T13:00:00Z",
    }
    assert validator.is_valid(sound)
    assert not validator.is_valid(sound | {"type": "order_placed"})
    assert not validator.is_valid(sound | {"schema_version": 2})


def test_the_fields_of_a_message_are_described() -> None:
    described = OrderNote.model_json_schema()["$defs"]["OrderPlaced"]["properties"]
    assert described["country"]["description"] == (
        "Where it is to be sent, ISO 3166; empty if it names no address."
    )


# NewStore's events are read twice, for stock and for orders; both are documented.


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_every_field_that_is_read_of_an_order_is_documented(name: str) -> None:
    documented(HANDLERS[name].payload, PAYLOADS[name])


def documented(struct: type[msgspec.Struct], model: type[BaseModel]) -> None:
    for field in msgspec.structs.fields(struct):
        known = model.model_fields[field.encode_name]
        assert field.required is known.is_required() or field.name == "items"
        inner = msgspec.inspect.type_info(field.type)
        if isinstance(inner, msgspec.inspect.UnionType):
            inner = inner.types[0]
        if isinstance(inner, msgspec.inspect.ListType):
            assert isinstance(inner.item_type, msgspec.inspect.StructType)
            (part,) = parts(known.annotation)
            documented(inner.item_type.cls, part)


def parts(annotation: Any) -> set[type[BaseModel]]:
    """Find the models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {part for each in get_args(annotation) for part in parts(each)}
