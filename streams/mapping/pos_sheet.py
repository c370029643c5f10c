"""The working sheet of one event: looks names up, checks numbers, notes what is wrong.

Each line ends as movements, as open (a name is not known yet), as a problem, or idle.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from streams.domain.movements import Movement, MovementKind
from streams.domain.reference import Reference
from streams.mapping.pos_rules import NAME_MAX, IntakeRules
from streams.mapping.pos_wire import Envelope, Item
from streams.mapping.problems import (
    Problem,
    impossible_quantity,
    missing_field,
    name_too_long,
    unknown_location,
    unknown_sku,
    wrong_type,
)


class Name(NamedTuple):
    """A name that is not known yet: `kind` is `location` or `sku`."""

    kind: str
    name: str

    def is_known(self, reference: Reference) -> bool:
        """Say whether the name is known by now."""
        if self.kind == "sku":
            return reference.sku(self.name) is not None
        return reference.location(self.name) is not None


class LineProblem(NamedTuple):
    """What is wrong with one line; line None stands for the whole event."""

    line: int | None
    problem: Problem


class OpenLine(NamedTuple):
    """A line that waits: it can be mapped once one of these names is known."""

    line: int
    names: tuple[Name, ...]
    problems: tuple[Problem, ...]


class Refused(Exception):
    """The whole event cannot be mapped."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


class Place(NamedTuple):
    """A location that an event names: known, or not yet."""

    location_id: str | None
    names: tuple[Name, ...] = ()
    problem: Problem | None = None


@dataclass(slots=True)
class Sheet:
    """Everything about one event while it is mapped."""

    envelope: Envelope
    reference: Reference
    rules: IntakeRules
    origin: str
    document_type: str
    document_id: str
    items: Sequence[Any]
    only: Set[int] | None = None
    movements: list[Movement] = field(default_factory=list)
    mapped_lines: list[int] = field(default_factory=list)
    open_lines: list[OpenLine] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)
    idle_lines: list[int] = field(default_factory=list)

    def lines(self) -> Iterator[tuple[int, Any]]:
        """Walk the lines to map; those that cannot be read are noted on the way."""
        for line, item in enumerate(self.items):
            if self.only is not None and line not in self.only:
                continue
            if isinstance(item, Problem):
                self.problems.append(LineProblem(line, item))
            else:
                yield line, item

    def idle(self) -> None:
        """Note that no line of this event moves stock."""
        for line, _ in self.lines():
            self.idle_lines.append(line)

    def refuse(self, line: int, problem: Problem) -> None:
        """Note that a line cannot be mapped."""
        self.problems.append(LineProblem(line, problem))

    def moment(self, *stated: datetime | None) -> datetime:
        """Return when it happened: the first time stated, else that of publishing."""
        for time in (*stated, self.envelope.published_at):
            if time is not None:
                return time if time.tzinfo is UTC else time.astimezone(UTC)
        raise Refused(missing_field("published_at"))

    def place(self, *candidates: tuple[str, str | None]) -> Place | None:
        """Find the location by the first known of some fields; None if all are blank.

        Candidates are the payload's field names with their values.
        """
        names: list[Name] = []
        problem: Problem | None = None
        for field_name, value in candidates:
            if not value:
                continue
            location = self.reference.location(value)
            if location is not None:
                return Place(location.location_id)
            path = f"payload.{field_name}"
            if len(value) > NAME_MAX:
                raise Refused(name_too_long(path, value, NAME_MAX))
            names.append(Name("location", value))
            problem = problem or unknown_location(path, value)
        return Place(None, tuple(names), problem) if names else None

    def place_required(self, *candidates: tuple[str, str | None]) -> Place:
        """Find the location; an event that names none cannot be mapped."""
        place = self.place(*candidates)
        if place is None:
            raise Refused(missing_place(*(name for name, _ in candidates)))
        return place

    def sku_of(self, item: Item) -> str | None:
        """Find a line's SKU without noting anything; None if it is not known."""
        identifiers = item.external_identifiers
        if identifiers:
            named = identifiers.get(self.rules.sku_identifier)
            if isinstance(named, str) and named:
                sku = self.reference.sku(named)
                if sku is not None:
                    return sku
        return self.reference.sku(item.product_id) if item.product_id else None

    def resolve(self, line: int, item: Item, *places: Place) -> str | None:
        """Find a line's SKU; notes the line as open or refused, and returns None, where
        the SKU or one of the places is not known."""
        sku = self.sku_of(item)
        if sku is not None and _are_known(places):
            return sku
        names = [name for place in places for name in place.names]
        problems = [place.problem for place in places if place.problem is not None]
        if sku is None:
            sought = self._sku_names(line, item)
            if isinstance(sought, Problem):
                self.refuse(line, sought)
                return None
            names += [Name("sku", value) for _, value in sought]
            problems.append(unknown_sku(*sought[0]))
        self.open_lines.append(OpenLine(line, tuple(names), tuple(problems)))
        return None

    def _sku_names(self, line: int, item: Item) -> list[tuple[str, str]] | Problem:
        """List a line's fields that could name its SKU, with their values."""
        path = f"payload.items[{line}]"
        key = f"{path}.external_identifiers.{self.rules.sku_identifier}"
        named = (item.external_identifiers or {}).get(self.rules.sku_identifier)
        if named is not None and not isinstance(named, str):
            return wrong_type(key, named, "text")
        fields = [(key, named), (f"{path}.product_id", item.product_id)]
        sought = [(place, value) for place, value in fields if value]
        for place, value in sought:
            if len(value) > NAME_MAX:
                return name_too_long(place, value, NAME_MAX)
        return sought or missing_field(f"{path}.product_id", alternatives=(key,))

    def quantity(
        self, line: int, name: str, value: int, *, low: int, high: int
    ) -> int | None:
        """Check a line's quantity; notes the line as refused where it is impossible."""
        if low <= value <= high:
            return value
        path = f"payload.items[{line}].{name}"
        self.refuse(line, impossible_quantity(path, value, low, high))
        return None

    def text(self, line: int, name: str, value: str | None) -> str | None:
        """Check a line's id; notes the line as refused if it is blank or too long."""
        if value and len(value) <= NAME_MAX:
            return value
        path = f"payload.items[{line}].{name}"
        if value:
            self.refuse(line, name_too_long(path, value, NAME_MAX))
        else:
            self.refuse(line, missing_field(path))
        return None

    def move(self, kind: MovementKind, movement_id: str, **what: Any) -> None:
        """Note a movement of this event."""
        self.movements.append(
            Movement(
                kind=kind,
                movement_id=movement_id,
                event_name=self.envelope.name,
                document_type=self.document_type,
                document_id=self.document_id,
                origin=self.origin,
                **what,
            )
        )


def _are_known(places: Iterable[Place]) -> bool:
    # A third of what `all(...)` of a generator takes; every line passes here.
    for place in places:  # noqa: SIM110
        if place.location_id is None:
            return False
    return True


def missing_place(first: str, *others: str) -> Problem:
    """Say that an event names no location, and in which payload fields it could."""
    return missing_field(
        f"payload.{first}", alternatives=tuple(f"payload.{name}" for name in others)
    )
