"""The exported contracts: complete, valid, and as committed."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import schemas
from schemas.export import ASYNCAPI, asyncapi, contracts, export, json_schema
from streams import topics

COMMITTED = Path(schemas.__path__[0]) / "json"


def test_the_committed_files_are_what_export_writes(tmp_path: Path) -> None:
    written = {path.name: path.read_text() for path in export(tmp_path)}
    committed = {path.name: path.read_text() for path in COMMITTED.glob("*.json")}
    assert sorted(written) == sorted(committed)
    stale = [name for name in written if written[name] != committed[name]]
    assert stale == [], "run: oneshelf schemas export schemas/json"


def test_export_makes_its_directory_and_names_its_files(tmp_path: Path) -> None:
    written = export(tmp_path / "new" / "place")
    assert [path.name for path in written] == [
        *(item.file_name for item in contracts()),
        ASYNCAPI,
    ]
    assert all(path.exists() for path in written)


@pytest.mark.parametrize("contract", contracts(), ids=lambda item: item.file_name)
def test_each_schema_is_a_valid_json_schema(contract: Any) -> None:
    schema = json_schema(contract)
    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["$id"] == contract.file_name
    assert schema["description"]


def test_no_two_messages_have_the_same_name_and_version() -> None:
    names = [item.file_name for item in contracts()]
    assert len(names) == len(set(names))


def test_every_message_says_which_version_it_is() -> None:
    for contract in contracts():
        document = contract.model.model_json_schema()
        if "schema_version" in document.get("properties", {}):
            assert document["properties"]["schema_version"]["const"] == contract.version


def test_the_asyncapi_document_has_a_channel_for_every_topic() -> None:
    document = asyncapi(contracts())
    assert document["asyncapi"] == "3.0.0"
    assert list(document["channels"]) == [topic.name for topic in topics.ALL]


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads((COMMITTED / ASYNCAPI).read_text())
    found = list(references(document))
    assert found
    for reference in found:
        file_name, _, path = reference.partition("#/")
        if file_name:
            assert (COMMITTED / file_name).exists(), reference
            continue
        place = document
        for step in path.split("/"):
            place = place[step]


def references(node: Any) -> Any:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and not value.startswith("#/$defs/"):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_each_channel_says_what_its_key_is_and_who_writes_it() -> None:
    document = asyncapi(contracts())
    for topic in topics.ALL:
        (message,) = document["channels"][topic.name]["messages"].values()
        assert message["bindings"]["kafka"]["key"]["description"] == topic.key
        operation = document["operations"][f"write-{topic.name}"]
        assert topic.writer in operation["description"]


def test_a_topic_without_a_schema_cannot_be_exported() -> None:
    without = [item for item in contracts() if item.name != "StockLevel"]
    with pytest.raises(LookupError) as told:
        asyncapi(without)
    assert str(told.value) == (
        "topic stock-levels names schema StockLevel version 1, which no model in "
        "schemas/ has"
    )


def test_the_schema_of_events_knows_each_payload() -> None:
    (event,) = (item for item in contracts() if item.name == "NewStoreEvent")
    validator = jsonschema_rs.validator_for(json_schema(event))
    sound = {"tenant": "a", "name": "order.opened", "payload": {"id": "1", "items": []}}
    assert validator.is_valid(sound)
    assert not validator.is_valid(sound | {"payload": {"id": "1"}})
    assert validator.is_valid(sound | {"name": "moon.landed", "payload": {}})
