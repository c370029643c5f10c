"""The message contracts as files: JSON Schema by schema and version, and AsyncAPI 3."""

import inspect
import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, RootModel

import schemas
from schemas.exceptions import ExceptionHeaders
from streams import topics
from streams.topics import Topic

ASYNCAPI = "asyncapi.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Contract(NamedTuple):
    """One version of a message's schema."""

    name: str
    version: int
    model: type[BaseModel]

    @property
    def file_name(self) -> str:
        return f"{self.name}.v{self.version}.json"


def contracts() -> list[Contract]:
    """List every message model of this package that has a version, by name.

    A model is a message if it has a field `schema_version`, or, where the wire is not
    ours to change, `wire_version`. A model of a later version is named with a suffix
    (`StockLevelV2`), which its schema drops.
    """
    found = set()
    for module in pkgutil.walk_packages(schemas.__path__, "schemas."):
        if module.name.endswith(".export"):
            continue
        for _, model in inspect.getmembers(import_module(module.name), _is_message):
            version = _version(model)
            name = model.__name__.removesuffix(f"V{version}")
            found.add(Contract(name, version, model))
    return sorted(found, key=lambda contract: (contract.name, contract.version))


def export(directory: Path) -> list[Path]:
    """Write every schema and the AsyncAPI document; return the files written."""
    directory.mkdir(parents=True, exist_ok=True)
    known = contracts()
    return [
        *(_write(directory / item.file_name, json_schema(item)) for item in known),
        _write(directory / ASYNCAPI, asyncapi(known)),
    ]


def json_schema(contract: Contract) -> dict[str, Any]:
    """Return a message's JSON Schema (draft 2020-12)."""
    return {
        "$schema": DIALECT,
        "$id": contract.file_name,
        **contract.model.model_json_schema(),
    }


def asyncapi(known: list[Contract]) -> dict[str, Any]:
    """Return the AsyncAPI 3.0.0 document: one channel per topic of the catalogue."""
    files = {(item.name, item.version): item.file_name for item in known}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OneShelf",
            "version": "1",
            "description": "One exact stock table per SKU and location, kept from "
            "Kafka. Topic names carry the configured prefix.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, files) for topic in topics.ALL},
        "operations": {
            f"write-{topic.name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "description": f"Written by: {topic.writer}.",
            }
            for topic in topics.ALL
        },
    }


def _channel(topic: Topic, files: dict[tuple[str, int], str]) -> dict[str, Any]:
    kept = "the last value of each key" if topic.compacted else _kept(topic)
    message: dict[str, Any] = {
        "name": topic.schema,
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}}},
    }
    file_name = files.get((topic.schema, topic.schema_version))
    if file_name is not None:
        message["payload"] = {"$ref": f"./{file_name}"}
    elif topic is topics.EXCEPTIONS:
        message |= {
            "name": "ParkedRecord",
            "contentType": "application/octet-stream",
            "headers": ExceptionHeaders.model_json_schema(),
            "description": "The original key, bytes and headers, and why; "
            "ExceptionRecord.v1.json is how tools show it.",
        }
    else:
        raise LookupError(
            f"topic {topic.name} names schema {topic.schema} version "
            f"{topic.schema_version}, which no model in schemas/ has"
        )
    return {
        "address": topic.name,
        "description": f"Keeps {kept}.",
        "messages": {message["name"]: message},
        "bindings": {
            "kafka": {
                "topicConfiguration": {
                    "cleanup.policy": ["compact" if topic.compacted else "delete"]
                }
            }
        },
    }


def _kept(topic: Topic) -> str:
    if topic.retention_days < 0:
        return "everything"
    return f"{topic.retention_days} days"


def _is_message(value: object) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, BaseModel)
        and not value.__name__.startswith("_")
        # A base class of messages has nothing but its version.
        and (len(value.model_fields) > 1 or issubclass(value, RootModel))
        and _version(value) > 0
    )


def _version(model: type[BaseModel]) -> int:
    """Return a message model's version; 0 for a model that is no message."""
    declared = model.model_fields.get("schema_version")
    if declared is not None and not declared.is_required():
        return int(declared.default)
    if declared is not None:
        values = get_args(declared.annotation)
        return int(values[0]) if len(values) == 1 else 0
    return int(getattr(model, "wire_version", 0))


def _write(path: Path, document: dict[str, Any]) -> Path:
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path
