"""What the framework finds wrong with a request, said as our problems."""

import json
from collections.abc import Mapping
from typing import Any

from streams.web.replies import Problem

_REMEDIES = {
    "json_invalid": 'send a JSON object, for example {"skus": ["TEE-BLACK-M"]}',
    "missing": "add the field",
    "extra_forbidden": "leave the field out",
    "greater_than_equal": "use {ge} or more",
    "less_than_equal": "use {le} or less",
    "too_short": "give at least {min_length}",
    "too_long": "give at most {max_length}; send the rest in another request",
    "string_too_short": "use at least {min_length} character",
    "string_too_long": "use at most {max_length} characters",
    "string_type": "use a string in double quotes",
    "string_unicode": "send valid UTF-8",
    "list_type": "use a list of strings",
    "model_type": "send a JSON object",
    "int_parsing": "use a whole number",
    "int_parsing_size": "use a smaller whole number",
    "int_from_float": "use a whole number",
}


def invalid(error: Mapping[str, Any]) -> Problem:
    """Turn pydantic's description of the first fault into a 422 problem."""
    where = [part for part in error["loc"] if part not in ("body", "query", "path")]
    field = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in where
    ).lstrip(".")
    kind = str(error["type"])
    remedy = _REMEDIES.get(kind, "see /v1/openapi.json for what is allowed")
    return Problem(
        422,
        "field-invalid",
        title="A field is not valid",
        detail=f"{error['msg']}.",
        field=field or "body",
        value="" if kind == "missing" else _text(error.get("input")),
        remedy=remedy.format_map(error.get("ctx", {})),
    )


def not_found(path: str) -> Problem:
    """Say that there is no such page."""
    return Problem(
        404,
        "page-unknown",
        title="There is no such page",
        detail="No route has this path.",
        field="path",
        value=path,
        remedy="see /v1/openapi.json for the routes",
    )


def method_not_allowed(method: str, allowed: str) -> Problem:
    """Say that the page is there, but not for this method."""
    return Problem(
        405,
        "method-not-allowed",
        title="The page does not take this method",
        detail=f"The page takes {allowed}.",
        field="method",
        value=method,
        remedy=f"use {allowed}",
        headers=[(b"allow", allowed.encode("latin-1"))],
    )


def internal() -> Problem:
    """Say that the fault is ours; the log has it."""
    return Problem(
        500,
        "internal",
        title="The worker failed at this request",
        detail="The fault is ours and is in the worker's log.",
        remedy="repeat the request later; report it if it stays",
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
