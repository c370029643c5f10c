"""What must be true in the end, by plain arithmetic over what happened in the shops.

It knows nothing of events, mapping, folds or tables; it shares no code with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

Place = tuple[str, str]
"""A SKU and a location."""

SHELF = "shelf"
DAMAGED = "damaged"
ON_THE_WAY = "on the way"


@dataclass(frozen=True, slots=True)
class Moved:
    """Units that came to a place (or left it, below zero)."""

    place: Place
    where: str
    units: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be told of a SKU at a location."""

    on_hand: int
    reserved: int
    damaged: int
    in_transit: int
    available: int


@dataclass(slots=True)
class Book:
    """Everything that really happened, each thing once."""

    moves: list[Moved] = field(default_factory=list)
    counts: dict[Place, tuple[datetime, int]] = field(default_factory=dict)
    promised: dict[str, Place] = field(default_factory=dict)

    def move(self, place: Place, units: int, at: datetime, where: str = SHELF) -> None:
        """Note units that came or left."""
        self.moves.append(Moved(place, where, units, at))

    def count(self, place: Place, found: int, at: datetime) -> None:
        """Note what somebody counted on the shelf; the latest count stands."""
        self.counts[place] = max(self.counts.get(place, (at, found)), (at, found))

    def promise(self, unit: str, place: Place) -> None:
        """Note where a web order's unit is set aside now."""
        self.promised[unit] = place

    def free(self, unit: str) -> None:
        """Note that a unit is no longer set aside: it left, or was cancelled."""
        self.promised.pop(unit, None)

    def on_shelf(self, place: Place) -> int:
        """Return the units on the shelf: the last count and all that came after it."""
        counted_at, units = self.counts.get(place, (None, 0))
        for moved in self.moves:
            if moved.place == place and moved.where == SHELF:
                late = counted_at is not None and moved.at <= counted_at
                units += 0 if late else moved.units
        return units

    def set_aside(self, place: Place) -> int:
        """Return the units on the shelf that are promised to web orders."""
        return sum(promised == place for promised in self.promised.values())

    def expected(self, safety_stock: Mapping[str, int]) -> dict[Place, Expected]:
        """Return what must be told of every place that was ever touched."""
        places = {*self.counts, *(m.place for m in self.moves), *self.promised.values()}
        return {
            place: self._expected(place, safety_stock.get(place[0], 0))
            for place in sorted(places)
        }

    def _expected(self, place: Place, safety_stock: int) -> Expected:
        on_hand, reserved = self.on_shelf(place), self.set_aside(place)
        elsewhere = {DAMAGED: 0, ON_THE_WAY: 0}
        for moved in self.moves:
            if moved.place == place and moved.where in elsewhere:
                elsewhere[moved.where] += moved.units
        return Expected(
            on_hand,
            reserved,
            elsewhere[DAMAGED],
            elsewhere[ON_THE_WAY],
            max(0, on_hand - reserved - safety_stock),
        )


def differences(
    expected: Mapping[Place, Expected], told: Mapping[Place, Expected]
) -> list[str]:
    """Say where what is told is not what happened."""
    nothing = Expected(0, 0, 0, 0, 0)
    return [
        f"{sku} at {location}: {told.get((sku, location))} is told, "
        f"{expected.get((sku, location))} happened"
        for sku, location in sorted(expected.keys() | told.keys())
        if told.get((sku, location), nothing) != expected.get((sku, location), nothing)
    ]


def commerce_differences(
    expected: Mapping[Place, Expected], told: Mapping[Place, int]
) -> list[str]:
    """Say where the web shop offers other units than there are to sell."""
    return [
        f"{place[0]} at {place[1]}: commercetools has {told.get(place, 0)}, "
        f"{expected[place].available if place in expected else 0} are there to sell"
        for place in sorted(expected.keys() | told.keys())
        if told.get(place, 0) != (expected[place].available if place in expected else 0)
    ]


def percentile(values: Iterable[float], share: float) -> float | None:
    """Return the value below or at which a share of the values lies."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
