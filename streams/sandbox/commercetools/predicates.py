"""Query predicates (`where`): parsed once, bound to variables, checked, evaluated.

Source: commercetools docs, "Query Predicates" and its "Input variables". Syntax errors,
unknown fields and values of the wrong type are 400 `InvalidInput`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import TypeAlias, cast

from streams.sandbox.commercetools.errors import malformed
from streams.sandbox.commercetools.predicate_parser import (
    Both,
    Compare,
    Has,
    Literal,
    Nested,
    Node,
    Not,
    Operand,
    Variable,
    Within,
    parse,
)


class FieldKind(Enum):
    """What a field of a resource holds."""

    TEXT = "a text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    MOMENT = "a date and time"
    TEXTS = "a list of texts"
    ANY = "any value"


Schema: TypeAlias = "Mapping[str, FieldKind | Schema]"
# An open object, like the fields of a custom type, has this one name.
ANY_NAME = "*"


Variables: TypeAlias = Mapping[str, Sequence[str]]


def where(texts: Sequence[str], variables: Variables, schema: Schema) -> Node | None:
    """Read the `where` parameters of a query; several must all hold."""
    nodes = tuple(_bind(_parsed(text), variables, schema) for text in texts)
    if not nodes:
        return None
    return nodes[0] if len(nodes) == 1 else Both(nodes, every=True)


@lru_cache(maxsize=512)
def _parsed(text: str) -> Node:
    return parse(text)


def _bind(node: Node, variables: Variables, schema: Schema) -> Node:
    match node:
        case Not(inner):
            return Not(_bind(inner, variables, schema))
        case Both(parts, every):
            bound = tuple(_bind(part, variables, schema) for part in parts)
            return Both(bound, every)
        case Nested(field, inner):
            kind = _kind(schema, field)
            if isinstance(kind, FieldKind):
                raise malformed("where", f"The field '{field}' has no fields.")
            return Nested(field, _bind(inner, variables, kind))
        case Has(field, _):
            _kind(schema, field)
            return node
        case Compare(field, operator, value):
            kind = _value_kind(schema, field)
            (bound_value,) = _values(value, variables, field, kind, one=True)
            return Compare(field, operator, bound_value)
        case Within(field, operator, values):
            kind = _value_kind(schema, field)
            found = [
                bound
                for value in values
                for bound in _values(value, variables, field, kind, one=False)
            ]
            return Within(field, operator, tuple(found))


def _kind(schema: Schema, field: str) -> "FieldKind | Schema":
    kind = schema.get(field, schema.get(ANY_NAME))
    if kind is None:
        raise malformed("where", f"The field '{field}' does not exist.")
    return kind


def _value_kind(schema: Schema, field: str) -> FieldKind:
    kind = _kind(schema, field)
    if not isinstance(kind, FieldKind):
        raise malformed("where", f"The field '{field}' is an object.")
    return kind


def _values(
    operand: Operand, variables: Variables, field: str, kind: FieldKind, *, one: bool
) -> Iterator[Literal]:
    if not isinstance(operand, Variable):
        yield _fitting(operand, field, kind)
        return
    given = variables.get(operand.name)
    if not given or (one and len(given) != 1):
        raise malformed("where", f"Missing value for variable '{operand.name}'.")
    for text in given:
        yield _fitting(_from_text(text, kind), field, kind)


def _from_text(text: str, kind: FieldKind) -> Literal:
    """A variable arrives as text; the field says what it means."""
    if kind in (FieldKind.BOOLEAN, FieldKind.ANY) and text in ("true", "false"):
        return text == "true"
    if kind in (FieldKind.NUMBER, FieldKind.ANY):
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    return text


def _fitting(value: Literal, field: str, kind: FieldKind) -> Literal:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        FieldKind.TEXT: isinstance(value, str),
        FieldKind.TEXTS: isinstance(value, str),
        FieldKind.NUMBER: is_number,
        FieldKind.BOOLEAN: isinstance(value, bool),
        FieldKind.MOMENT: isinstance(value, str) and _instant(value) is not None,
        FieldKind.ANY: True,
    }[kind]
    if not fits:
        raise malformed("where", f"The field '{field}' holds {kind.value}.")
    if kind is FieldKind.MOMENT:
        return cast(datetime, _instant(cast(str, value))).timestamp()
    return value


def _instant(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None


def matches(node: Node, body: Mapping[str, object]) -> bool:
    """Tell whether a resource, as it is on the wire, fits the predicate.

    A comparison with an absent field is false; `!=` and `not in` of one are true.
    The latter is a guess: the docs do not say. Of a list of objects one that fits is
    enough (docs, "Query Predicates", `lineItems(variant(sku="…"))`).
    """
    match node:
        case Both(parts, every):
            joined = all if every else any
            return joined(matches(part, body) for part in parts)
        case Not(inner):
            return not matches(inner, body)
        case Nested(field, inner):
            return any(matches(inner, item) for item in _objects(body.get(field)))
        case Has(field, quality):
            value = body.get(field)
            return value == [] if quality == "empty" else value is not None
        case Compare(field, operator, value):
            return _compare(body.get(field), operator, cast(Literal, value))
        case Within(field, operator, values):
            return _within(body.get(field), operator, cast("tuple[Literal]", values))


def _objects(value: object) -> list[Mapping[str, object]]:
    """Return the objects to look into: of a list, one that fits is enough."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]


def _compare(actual: object, operator: str, value: Literal) -> bool:
    if actual is None:
        return operator == "!="
    if isinstance(value, float) and isinstance(actual, str):
        instant = _instant(actual)
        if instant is None:
            return operator == "!="
        actual = instant.timestamp()
    if isinstance(actual, bool) or isinstance(value, bool):
        same = actual is value
        return same if operator == "=" else operator == "!=" and not same
    if operator in ("=", "!="):
        return (actual == value) == (operator == "=")
    texts = isinstance(actual, str) and isinstance(value, str)
    numbers = isinstance(actual, int | float) and not isinstance(value, str)
    if not (texts or numbers):
        return False
    return _ordered(cast(float, actual), operator, cast(float, value))


def _ordered(actual: float, operator: str, value: float) -> bool:
    if operator == "<":
        return actual < value
    if operator == "<=":
        return actual <= value
    return actual > value if operator == ">" else actual >= value


def _within(actual: object, operator: str, values: Sequence[Literal]) -> bool:
    if operator in ("in", "not in"):
        found = any(_compare(actual, "=", value) for value in values)
        return found == (operator == "in")
    held = actual if isinstance(actual, list) else []
    joined = all if operator == "contains all" else any
    return joined(value in held for value in values)


def equal_to(node: Node | None, field: str) -> frozenset[str] | None:
    """Return the only values of a text field that can match, or None for all.

    An index may be asked for these instead of looking at every resource.
    """
    match node:
        case Compare(name, "=", str(value)) if name == field:
            return frozenset((value,))
        case Within(name, "in", values) if name == field:
            return frozenset(value for value in values if isinstance(value, str))
        case Both(parts, True):
            found = [equal_to(part, field) for part in parts]
            known = [values for values in found if values is not None]
            return frozenset.intersection(*known) if known else None
    return None


def greater_than(node: Node | None, field: str) -> str | None:
    """Return a text up to which nothing can match, if there is one."""
    match node:
        case Compare(name, ">", str(value)) if name == field:
            return value
        case Both(parts, True):
            found = [greater_than(part, field) for part in parts]
            return max((value for value in found if value is not None), default=None)
    return None
