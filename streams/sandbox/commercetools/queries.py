"""Paged queries: `where`, `var.*`, `sort`, `limit`, `offset`, `withTotal`.

Source: API spec, `traits/{query,sortable,paging}`; docs "General concepts", "Limits".
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TypeVar

from streams.sandbox.commercetools.errors import malformed
from streams.sandbox.commercetools.predicate_parser import Node
from streams.sandbox.commercetools.predicates import (
    FieldKind,
    Schema,
    matches,
    where,
)

LIMIT_DEFAULT = 20
LIMIT_MAX = 500
OFFSET_MAX = 10_000

T = TypeVar("T")
Body = dict[str, object]
Parameters = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sort:
    """One `sort` parameter."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query, read and checked. Parameters it does not know are ignored."""

    predicate: Node | None
    sorts: tuple[Sort, ...]
    limit: int
    offset: int
    with_total: bool

    def first(self) -> "Query":
        """Return the query for any one match."""
        return replace(self, sorts=(), limit=1, offset=0, with_total=False)


def read_query(parameters: Parameters, schema: Schema) -> Query:
    """Read a query's parameters; what is out of bounds is 400 `InvalidInput`."""
    variables = {
        name.removeprefix("var."): values
        for name, values in parameters.items()
        if name.startswith("var.")
    }
    total = _last(parameters, "withTotal") or "true"
    if total not in ("true", "false"):
        raise malformed("withTotal", "true or false is expected.")
    return Query(
        predicate=where(parameters.get("where", ()), variables, schema),
        sorts=tuple(_sort(text, schema) for text in parameters.get("sort", ())),
        limit=_bounded(parameters, "limit", LIMIT_DEFAULT, LIMIT_MAX),
        offset=_bounded(parameters, "offset", 0, OFFSET_MAX),
        with_total=total == "true",
    )


def run_query(
    query: Query,
    candidates: Iterable[T],
    searched_body: Callable[[T], Body],
    body_of: Callable[[T], Body] | None = None,
) -> Body:
    """Answer with one page. Candidates come by id, which is the order without `sort`.

    That default order is a guess: the docs promise none. `body_of` shows what was
    found, where predicates see more than is shown.
    """
    predicate = query.predicate
    bodies = ((searched_body(each), each) for each in candidates)
    found: Iterable[tuple[Body, T]] = (
        bodies
        if predicate is None
        else (pair for pair in bodies if matches(predicate, pair[0]))
    )
    if query.with_total or not _is_by_id(query.sorts):
        found = list(found)
        for sort in reversed(query.sorts):
            found.sort(key=partial(_rank, sort.field), reverse=sort.descending)
    pairs = list(islice(found, query.offset, query.offset + query.limit))
    shown = body_of if body_of is not None and body_of != searched_body else None
    page = [body if shown is None else shown(each) for body, each in pairs]
    answer: Body = {"limit": query.limit, "offset": query.offset, "count": len(page)}
    if query.with_total and isinstance(found, list):
        answer["total"] = len(found)
    return answer | {"results": page}


def _is_by_id(sorts: Sequence[Sort]) -> bool:
    return not sorts or sorts[0] == Sort("id", descending=False)


def _rank(path: str, found: tuple[Body, object]) -> tuple[bool, object]:
    value: object = found[0]
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value is not None, value


def _sort(text: str, schema: Schema) -> Sort:
    field, _, direction = text.strip().partition(" ")
    direction = direction.strip() or "asc"
    if direction not in ("asc", "desc"):
        raise malformed("sort", f"Unknown direction '{direction}'.")
    kind: FieldKind | Schema | None = schema
    for name in field.split("."):
        kind = kind.get(name) if isinstance(kind, Mapping) else None
    if not isinstance(kind, FieldKind) or kind in (FieldKind.ANY, FieldKind.TEXTS):
        raise malformed("sort", f"Cannot sort by '{field}'.")
    return Sort(field, descending=direction == "desc")


def _bounded(parameters: Parameters, name: str, default: int, maximum: int) -> int:
    text = _last(parameters, name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > maximum:
        raise malformed(name, f"A number from 0 to {maximum} is expected.")
    return int(text)


def _last(parameters: Parameters, name: str) -> str | None:
    values = parameters.get(name)
    return values[-1] if values else None
