"""What the framework finds wrong with a request, said as our problems."""

import json
from collections.abc import Mapping
from typing import Any

from streams.web.replies import Problem

# By pydantic's name of the fault: what is wrong, and the remedy. pydantic's own words
# change with its versions and speak of Python's types.
_SAYINGS = {
    "json_invalid": (
        "The body is not JSON: {error}.",
        'send a JSON object, for example {{"skus": ["TEE-BLACK-M"]}}',
    ),
    "model_type": ("The body is not a JSON object.", "send a JSON object"),
    "missing": ("The field is missing.", "add the field"),
    "extra_forbidden": ("There is no such field.", "leave the field out"),
    "list_type": ("The field is not a list.", "send a list of strings"),
    "string_type": ("The field is not a string.", "send a string in double quotes"),
    "string_too_short": ("The text is empty.", "leave it out, or name a SKU"),
    "string_too_long": (
        "The text has more than {max_length} characters.",
        "check it; no SKU is that long",
    ),
    "too_short": (
        "The list has fewer than {min_length} entry.",
        "send at least {min_length}",
    ),
    "too_long": (
        "The list has more than {max_length} entries.",
        "send at most {max_length}, and the rest in another request",
    ),
    "greater_than_equal": ("The number is below {ge}.", "use {ge} or more"),
    "less_than_equal": ("The number is above {le}.", "use {le} or less"),
    "int_parsing": ("This is not a whole number.", "use a whole number"),
    "int_parsing_size": ("The number is too long.", "use a smaller whole number"),
}
_OTHERWISE = ("The field is not valid.", "see /v1/openapi.json for what is allowed")


def invalid(error: Mapping[str, Any]) -> Problem:
    """Turn pydantic's description of the first fault into a 422 problem."""
    where = [part for part in error["loc"] if part not in ("body", "query", "path")]
    field = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in where
    ).lstrip(".")
    kind = str(error["type"])
    detail, remedy = _SAYINGS.get(kind, _OTHERWISE)
    numbers = error.get("ctx", {})
    return Problem(
        422,
        "field-invalid",
        title="A field is not valid",
        detail=detail.format_map(numbers),
        field=field or "body",
        value="" if kind == "missing" else _text(error.get("input")),
        remedy=remedy.format_map(numbers),
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
