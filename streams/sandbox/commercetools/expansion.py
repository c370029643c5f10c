"""`expand`: references that carry what they refer to.

Source: docs "Reference Expansion": paths like `lineItems[*].supplyChannel`. A path that
leads nowhere changes nothing; a syntax error is 400 `InvalidInput` (guess).
"""

import re
from collections.abc import Callable, Sequence

from streams.sandbox.commercetools.errors import malformed

STEP = re.compile(r"([A-Za-z]+)(\[\*\])?")
# Docs, "Limits" name none; deeper paths lead nowhere in our resources.
STEPS_MAX = 8

# What stands behind a reference: type id and id to a body, None if it is not known.
Lookup = Callable[[str, str], dict[str, object] | None]


def read_paths(texts: Sequence[str]) -> list[list[str]]:
    """Read `expand` parameters into the names along their paths."""
    paths = []
    for text in texts:
        steps = [STEP.fullmatch(part) for part in text.strip().split(".")]
        names = [step[1] for step in steps if step is not None]
        if len(names) != len(steps) or len(names) > STEPS_MAX:
            raise malformed("expand", f"'{text}' is not a path.")
        paths.append(names)
    return paths


def expanded(
    body: dict[str, object], paths: Sequence[Sequence[str]], lookup: Lookup
) -> dict[str, object]:
    """Return a body whose references along the paths carry their `obj`."""
    for path in paths:
        body = _along(body, path, lookup)
    return body


def _along(
    body: dict[str, object], path: Sequence[str], lookup: Lookup
) -> dict[str, object]:
    name, *rest = path
    if name not in body:
        return body
    held = body[name]
    if isinstance(held, list):
        return {**body, name: [_at(each, rest, lookup) for each in held]}
    return {**body, name: _at(held, rest, lookup)}


def _at(value: object, rest: Sequence[str], lookup: Lookup) -> object:
    if not isinstance(value, dict):
        return value
    if rest and rest[0] in value:
        return _along(value, rest, lookup)
    if "typeId" in value and "id" in value:
        found = value.get("obj") or lookup(str(value["typeId"]), str(value["id"]))
        if isinstance(found, dict):
            obj = _along(found, rest, lookup) if rest else found
            return {**value, "obj": obj}
    return value
