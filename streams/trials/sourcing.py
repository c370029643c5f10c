"""Where an order would be fulfilled as things are: a decision nobody acts on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from streams.domain.order_units import DONE
from streams.domain.sourcing_choice import (
    Choice,
    Look,
    Question,
    SourcedUnit,
    SourcingRules,
    choose,
    explain,
)

Answer = Mapping[str, Any]
"""What a worker answers over HTTP."""


def units_to_place(order: Answer) -> list[SourcedUnit]:
    """List the units of an order that are not done, with what their lines wish for."""
    wishes = {line["line_id"]: line["location_id"] for line in order["lines"]}
    return [
        SourcedUnit(unit["unit"], unit["sku"], wishes.get(unit["line_id"], ""))
        for unit in order["units"]
        if unit["state"] not in DONE and not unit["is_withdrawn"]
    ]


def question_of(
    order: Answer, stock: Iterable[Answer], rules: SourcingRules
) -> Question:
    """Put the question that a new run would put, with the numbers of now.

    Args:
        order: `GET /v1/orders/{order_number}`.
        stock: `GET /v1/availability/{sku}` of each SKU.
    """
    units = units_to_place(order)
    run = order["sourcing"] or {"tried": ()}
    commerce = order["commerce"] or {}
    return Question(
        units=units,
        offers=_offers(stock, _reserved(order, units)),
        rules=rules,
        country=commerce.get("country", ""),
        tried=frozenset((t["unit"], t["location_id"]) for t in run["tried"]),
    )


def trial_of(question: Question, order: Answer) -> dict[str, Any]:
    """Decide, and say with the numbers why."""
    choice = choose(question)
    return {
        "order_number": order["order_number"],
        "units": [unit._asdict() for unit in question.units],
        "way": choice.way,
        "places": choice.places,
        "missing": choice.missing,
        "looks": [_shape(look) for look in explain(question, choice)],
        "said": sentence_of(question, choice),
        "sourcing": order["sourcing"],
    }


def sentence_of(question: Question, choice: Choice) -> str:
    """Say the decision in a sentence."""
    if not question.units:
        return "No unit of the order needs a place."
    if choice.missing:
        return f"No place for {', '.join(choice.missing)}: the order would be excepted."
    counts = Counter(choice.places.values())
    places = ", ".join(f"{count} from {place}" for place, count in counts.items())
    return f"{places}, {_REASONS[choice.way]}; then NewStore is asked."


_REASONS = {
    "wished": "as the lines' supply channels say",
    "whole": "the first place that has the whole order",
    "split": "because no place has the whole order",
}


def _reserved(order: Answer, units: Iterable[SourcedUnit]) -> Counter[tuple[str, str]]:
    """Count the order's own units where they stand reserved: they count as there."""
    by_name = {unit["unit"]: unit for unit in order["units"]}
    run = order["sourcing"] or {"places": {}}
    counts: Counter[tuple[str, str]] = Counter()
    for unit in units:
        shape = by_name[unit.unit]
        named = (shape["location_id"], shape["placed_at"], run["places"].get(unit.unit))
        counts[unit.sku, next(filter(None, named), unit.wish)] += 1
    return counts


def _offers(
    stock: Iterable[Answer], reserved: Counter[tuple[str, str]]
) -> dict[str, dict[str, int]]:
    return {
        answer["sku"]: {
            at["location_id"]: at["on_hand"]
            - at["reserved"]
            - at["safety_stock"]
            + reserved[answer["sku"], at["location_id"]]
            for at in answer["locations"]
        }
        for answer in stock
    }


def _shape(look: Look) -> dict[str, Any]:
    return look._asdict()
