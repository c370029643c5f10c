"""Which place fulfils which unit: a plain decision over what is on offer.

The line's own place first; else the whole order from one place, in the order of the
rule; else, where that is allowed, as few places as a greedy choice finds.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from streams.domain.reference import Reference

Offers = Mapping[str, Mapping[str, int]]
"""Units that can be reserved, by SKU and location."""


class SourcedUnit(NamedTuple):
    """One unit to place.

    Attributes:
        unit: Its name within the order, `{line id}#{index}`.
        wish: Location of the supply channel that its line names; empty if none.
    """

    unit: str
    sku: str
    wish: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingRules:
    """How this retailer sources; `reference` is the live one.

    Attributes:
        locations: The configured order of places, and then no other ones; empty: every
            enabled place, those in the order's country first.
        splits: An order may come from several places.
        rounds_max: Plans, and repeats of a question, in one run.
    """

    reference: Reference
    locations: tuple[str, ...] = ()
    splits: bool = True
    answer_timeout_s: float = 10.0
    rounds_max: int = 8


class Way(StrEnum):
    """Which part of the rule decided."""

    WISHED = "wished"
    WHOLE = "whole"
    SPLIT = "split"
    NOWHERE = "nowhere"


class Choice(NamedTuple):
    """The place of each unit, or the units that no place can take.

    Attributes:
        places: Location by unit; empty where a unit is missing: all or nothing.
    """

    way: Way
    places: Mapping[str, str]
    missing: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What was seen of one SKU at one place."""

    CHOSEN = "chosen"
    NOT_NEEDED = "not_needed"
    TOO_FEW = "too_few"
    NONE = "none"
    TRIED = "tried"
    NOT_OFFERED = "not_offered"


class Look(NamedTuple):
    """One place looked at for one SKU, with the numbers seen."""

    location_id: str
    sku: str
    needed: int
    available: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be placed, and all that bears on it.

    Attributes:
        country: Where it is to be sent; empty if unknown.
        tried: Unit and location pairs that must not be tried again.
        preferred: Where a unit should go first: its failed place's fallback.
    """

    units: Sequence[SourcedUnit]
    offers: Offers
    rules: SourcingRules
    country: str = ""
    tried: Collection[tuple[str, str]] = ()
    preferred: Mapping[str, str] | None = None

    def first(self, unit: SourcedUnit) -> str:
        return (self.preferred or {}).get(unit.unit, unit.wish)


def choose(question: Question) -> Choice:
    """Decide where each unit is to come from; the same question, the same choice."""
    units, rules = question.units, question.rules
    if not question.preferred:
        wished = {unit.unit: unit.wish for unit in units}
        one_place = len(set(wished.values())) <= 1
        if (rules.splits or one_place) and _fits(question, wished):
            return Choice(Way.WISHED, wished)
    order = candidates(question)
    for place in order:
        whole = {unit.unit: place for unit in units}
        if _fits(question, whole):
            return Choice(Way.WHOLE, whole)
    if not rules.splits:
        return Choice(Way.NOWHERE, {}, tuple(unit.unit for unit in units))
    places = _split(question, order)
    missing = tuple(unit.unit for unit in units if unit.unit not in places)
    if missing:
        return Choice(Way.NOWHERE, {}, missing)
    return Choice(Way.SPLIT, places)


def candidates(question: Question) -> tuple[str, ...]:
    """List the places to look at, the best first."""
    own = [question.first(unit) for unit in question.units]
    wishes = [unit.wish for unit in question.units]
    named = [place for place in (*own, *wishes) if place]
    return tuple(dict.fromkeys((*named, *_by_rule(question))))


def explain(question: Question, choice: Choice) -> tuple[Look, ...]:
    """Say of every place that could be looked at what was seen there."""
    return tuple(
        _look(question, choice, place, sku, needed)
        for place in candidates(question)
        for sku, needed in _count_skus(question.units).items()
    )


def _by_rule(question: Question) -> Iterable[str]:
    rules = question.rules
    if rules.locations:
        return rules.locations
    known = rules.reference.locations
    offered = {place for offers in question.offers.values() for place in offers}

    def distance(location_id: str) -> tuple[bool, str]:
        return known[location_id].country != question.country, location_id

    return sorted((p for p in offered if p in known and known[p].enabled), key=distance)


def _fits(question: Question, places: Mapping[str, str]) -> bool:
    """Say whether each unit may come from its place, and all of them together."""
    needed: Counter[tuple[str, str]] = Counter()
    for unit in question.units:
        place = places[unit.unit]
        if not _may_come(question, unit, place):
            return False
        needed[unit.sku, place] += 1
    return all(_room(question, sku, at) >= n for (sku, at), n in needed.items())


def _may_come(question: Question, unit: SourcedUnit, place: str) -> bool:
    return (
        bool(place)
        and (unit.unit, place) not in question.tried
        and question.rules.reference.is_published(unit.sku, place)
    )


def _room(question: Question, sku: str, place: str) -> int:
    return question.offers.get(sku, {}).get(place, 0)


def _split(question: Question, order: Sequence[str]) -> dict[str, str]:
    """Place what can be placed: at its own place, then where most of the rest is."""
    taken: Counter[tuple[str, str]] = Counter()
    places: dict[str, str] = {}
    for unit in question.units:
        place = question.first(unit)
        free = _room(question, unit.sku, place) - taken[unit.sku, place]
        if free > 0 and _may_come(question, unit, place):
            places[unit.unit] = place
            taken[unit.sku, place] += 1
    while True:
        rest = [unit for unit in question.units if unit.unit not in places]
        takes = {place: list(_take(question, place, rest, taken)) for place in order}
        # `max` keeps the first of equals: the better one by the rule.
        best = max(order, key=lambda place: len(takes[place]), default="")
        if not best or not takes[best]:
            return places
        for unit in takes[best]:
            places[unit.unit] = best
            taken[unit.sku, best] += 1


def _take(
    question: Question,
    place: str,
    units: Iterable[SourcedUnit],
    taken: Counter[tuple[str, str]],
) -> Iterator[SourcedUnit]:
    here: Counter[str] = Counter()
    for unit in units:
        used = taken[unit.sku, place] + here[unit.sku]
        free = _room(question, unit.sku, place) - used
        if free > 0 and _may_come(question, unit, place):
            here[unit.sku] += 1
            yield unit


def _look(
    question: Question, choice: Choice, place: str, sku: str, needed: int
) -> Look:
    available = _room(question, sku, place)
    units = [unit for unit in question.units if unit.sku == sku]
    if any(choice.places.get(unit.unit) == place for unit in units):
        verdict = Verdict.CHOSEN
    elif not question.rules.reference.is_published(sku, place):
        verdict = Verdict.NOT_OFFERED
    elif all((unit.unit, place) in question.tried for unit in units):
        verdict = Verdict.TRIED
    elif available <= 0:
        verdict = Verdict.NONE
    elif available < needed:
        verdict = Verdict.TOO_FEW
    else:
        verdict = Verdict.NOT_NEEDED
    return Look(place, sku, needed, available, verdict)


def _count_skus(units: Iterable[SourcedUnit]) -> Counter[str]:
    return Counter(unit.sku for unit in units)
