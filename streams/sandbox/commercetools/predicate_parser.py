"""The grammar of query predicates, read by recursive descent.

Source: commercetools docs, "Query Predicates". Keywords are lower case.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, TypeAlias

from streams.sandbox.commercetools.errors import malformed

# Deeper than any query of ours, shallow enough for Python's own stack.
DEPTH_MAX = 50
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "contains", "defined", "empty"})
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
      | (?P<variable>:[A-Za-z][A-Za-z0-9]*)
      | (?P<name>`[^`]+`|[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<operator><>|!=|<=|>=|=|<|>)
      | (?P<mark>[(),])
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Variable:
    """A value to be given by a `var.{name}` parameter."""

    name: str


Literal: TypeAlias = str | int | float | bool
Operand: TypeAlias = Literal | Variable


@dataclass(frozen=True, slots=True)
class Compare:
    """`field operator value`."""

    field: str
    operator: str
    value: Operand


@dataclass(frozen=True, slots=True)
class Within:
    """`field in (…)`, and for lists `contains any (…)` and `contains all (…)`."""

    field: str
    operator: str
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Has:
    """`field is defined` (and `is empty` for lists)."""

    field: str
    quality: str


@dataclass(frozen=True, slots=True)
class Nested:
    """`field(predicate)`."""

    field: str
    inner: "Node"


@dataclass(frozen=True, slots=True)
class Not:
    """`not(predicate)`."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class Both:
    """Several predicates joined by `and` (`every`) or by `or`."""

    parts: "tuple[Node, ...]"
    every: bool


Node: TypeAlias = Compare | Within | Has | Nested | Not | Both


class Token(NamedTuple):
    """One word of a predicate: its kind, its text, where it begins."""

    kind: str
    text: str
    position: int


def parse(text: str) -> Node:
    """Read one predicate, or refuse it with the place of the error."""
    parser = _Parser(_tokens(text))
    node = parser.either()
    parser.expect("end")
    return node


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while not tokens or tokens[-1].kind != "end":
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _syntax_error(text[position:].strip()[:1], position)
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start()))
        position = match.end()
    return tokens


def _syntax_error(found: str, position: int) -> Exception:
    what = f"'{found}'" if found else "end of input"
    return malformed(
        "where", f"Syntax error while parsing 'where'. Unexpected {what} at {position}."
    )


def _unescaped(escape: re.Match[str]) -> str:
    name = escape[1]
    return chr(int(name[1:], 16)) if len(name) == 5 else ESCAPES.get(name, name)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def either(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise malformed("where", "The predicate is nested too deeply.")
        parts = [self._every()]
        while self._word("or"):
            parts.append(self._every())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Both(tuple(parts), every=False)

    def expect(self, kind: str, text: str | None = None) -> str:
        found = self._take(kind, text)
        if found is None:
            self._refuse()
        return found

    def _every(self) -> Node:
        parts = [self._one()]
        while self._word("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Both(tuple(parts), every=True)

    def _one(self) -> Node:
        if self._word("not"):
            self.expect("mark", "(")
            return Not(self._rest_of_group())
        if self._take("mark", "("):
            return self._rest_of_group()
        return self._condition(self._field())

    def _rest_of_group(self) -> Node:
        node = self.either()
        self.expect("mark", ")")
        return node

    def _field(self) -> str:
        name = self.expect("name")
        if name in KEYWORDS:
            self._next -= 1
            self._refuse()
        return name.strip("`")

    def _condition(self, field: str) -> Node:
        if self._take("mark", "("):
            return Nested(field, self._rest_of_group())
        if operator := self._take("operator"):
            operator = "!=" if operator == "<>" else operator
            return Compare(field, operator, self._operand())
        if self._word("in"):
            return Within(field, "in", self._operands())
        if self._word("not"):
            self.expect("name", "in")
            return Within(field, "not in", self._operands())
        if self._word("contains"):
            quantity = "any" if self._word("any") else self.expect("name", "all")
            return Within(field, f"contains {quantity}", self._operands())
        self.expect("name", "is")
        negated = self._word("not")
        quality = "empty" if self._word("empty") else self.expect("name", "defined")
        return Not(Has(field, quality)) if negated else Has(field, quality)

    def _operands(self) -> tuple[Operand, ...]:
        if variable := self._take("variable"):
            return (Variable(variable[1:]),)
        self.expect("mark", "(")
        operands = [self._operand()]
        while self._take("mark", ","):
            operands.append(self._operand())
        self.expect("mark", ")")
        return tuple(operands)

    def _operand(self) -> Operand:
        if (text := self._take("text")) is not None:
            return ESCAPE.sub(_unescaped, text[1:-1])
        if number := self._take("number"):
            return float(number) if "." in number else int(number)
        if variable := self._take("variable"):
            return Variable(variable[1:])
        return self._word("true") or self.expect("name", "false") == "true"

    def _word(self, word: str) -> bool:
        return self._take("name", word) is not None

    def _take(self, kind: str, text: str | None = None) -> str | None:
        token = self._tokens[self._next]
        if token.kind != kind or (text is not None and token.text != text):
            return None
        self._next += 1
        return token.text

    def _refuse(self) -> NoReturn:
        token = self._tokens[self._next]
        raise _syntax_error(token.text, token.position)
