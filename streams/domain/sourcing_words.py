"""What a person reads when an order finds no place, or waits for too long."""

from collections.abc import Iterable

from streams.domain.sourcing_choice import Choice, Question, Verdict, explain
from streams.domain.sourcing_run import (
    Injection,
    Phase,
    Sourcing,
    SourcingTrouble,
    Tried,
)

PLACES_MAX = 12
"""More places in one sentence are not read."""

CANCELLED_LATE = "cancelled_after_injection"
"""The reason of a trouble that is over once NewStore has cancelled the units, too."""

_TRIED = {
    "declined": "the ledger declined",
    "checked": "NewStore has fewer",
    "unknown": "NewStore gave no number",
    "failed": "it failed there",
    "moved": "given up for another place",
}
_SEEN = {
    Verdict.TOO_FEW: "too few",
    Verdict.NONE: "none",
    Verdict.NOT_OFFERED: "not offered",
    Verdict.NOT_NEEDED: "enough, but not with the rest",
}


def nowhere(sourcing: Sourcing, question: Question, choice: Choice) -> SourcingTrouble:
    """Name what was looked for, what was tried, and the numbers seen."""
    missing = frozenset(choice.missing)
    skus = sorted({u.sku for u in sourcing.units if u.unit in missing})
    looks = [
        f"{look.location_id} has {look.available} of {look.sku} ({_SEEN[look.verdict]})"
        for look in explain(question, choice)
        if look.sku in skus and look.verdict in _SEEN
    ]
    tried = [_tried(t) for t in sourcing.tried if t.unit in missing]
    seen = "; ".join(_some([*dict.fromkeys(tried), *looks])) or "no place has any"
    return SourcingTrouble(
        "sourcing_exhausted",
        f"No place is left for {_named(skus, sourcing)} of order "
        f"{sourcing.order_number}: {seen}. Find the goods and try again, or cancel.",
    )


def too_many_rounds(sourcing: Sourcing) -> SourcingTrouble:
    tried = "; ".join(_some(dict.fromkeys(_tried(t) for t in sourcing.tried)))
    return SourcingTrouble(
        "sourcing_rounds",
        f"Order {sourcing.order_number} found no place in {sourcing.round} rounds: "
        f"{tried or 'every plan came to nothing'}. Try again, or raise "
        "ONESHELF_SOURCING__ROUNDS_MAX.",
    )


def no_answer(sourcing: Sourcing) -> SourcingTrouble:
    skus = sorted({a.sku for a in sourcing.asked if a.attempt == sourcing.attempt})
    return SourcingTrouble(
        "ledger_silent",
        f"The ledger did not answer order {sourcing.order_number} about "
        f"{', '.join(_some(skus))} although asked {sourcing.repeats + 1} times. See "
        "that all workers run, then try again.",
    )


def silent(sourcing: Sourcing) -> SourcingTrouble:
    what = "its final check" if sourcing.phase == Phase.CHECKING else "its injection"
    return SourcingTrouble(
        "newstore_silent",
        f"Order {sourcing.order_number} still waits for {what}: NewStore has not "
        "answered. It goes on by itself when it does; check "
        "ONESHELF_NEWSTORE__API_URL and the credentials.",
    )


def cancelled_late(sourcing: Sourcing, injection: Injection) -> SourcingTrouble:
    units = ", ".join(_some(sourcing.dropped))
    return SourcingTrouble(
        CANCELLED_LATE,
        f"{units} of order {sourcing.order_number} were cancelled while NewStore was "
        f"taking the order {injection.external_id}: cancel them in NewStore.",
    )


def _tried(tried: Tried) -> str:
    number = "" if tried.available is None else f", saw {tried.available}"
    why = _TRIED.get(tried.why, tried.why)
    return f"{tried.location_id} was tried for {tried.sku} ({why}{number})"


def _named(skus: list[str], sourcing: Sourcing) -> str:
    counts = [sum(unit.sku == sku for unit in sourcing.units) for sku in skus]
    pairs = zip(skus, counts, strict=True)
    return ", ".join(_some(f"{count} {sku}" for sku, count in pairs)) or "the units"


def _some(texts: Iterable[str]) -> list[str]:
    every = list(texts)
    if len(every) <= PLACES_MAX:
        return every
    return [*every[:PLACES_MAX], f"and {len(every) - PLACES_MAX} more"]
