"""What an availability answer is made of, and one location's answer from its row."""

from datetime import datetime

import msgspec

from streams.mapping.stock import LevelRecord, level_at
from streams.web.ports import Local


class LocationLevel(msgspec.Struct, frozen=True):
    """One location's stock of a SKU, as answered."""

    location_id: str
    on_hand: int
    reserved: int
    safety_stock: int
    available: int
    damaged: int
    in_transit: int
    sequence: int
    as_of: datetime


class SkuLevels(msgspec.Struct, frozen=True):
    """A SKU's stock everywhere, as answered."""

    sku: str
    available: int
    locations: list[LocationLevel]
    staleness_s: float


class LocationAnswer(msgspec.Struct, frozen=True):
    """A SKU's stock at one location, as answered when it is asked for alone."""

    sku: str
    location_id: str
    on_hand: int
    reserved: int
    safety_stock: int
    available: int
    damaged: int
    in_transit: int
    sequence: int
    as_of: datetime
    staleness_s: float


class QueryAnswer(msgspec.Struct, frozen=True):
    """What is known of several SKUs, as answered."""

    items: list[SkuLevels]
    unknown: list[str]


def location_answer(owner: Local, sku: str, location_id: str) -> LocationAnswer | None:
    """Read a SKU's level at one location; None where nothing is recorded of it."""
    row = level_at(owner.view, sku, location_id)
    if row is None:
        return None
    return LocationAnswer(
        row.sku,
        row.location_id,
        row.on_hand,
        row.reserved,
        row.safety_stock,
        row.available,
        row.damaged,
        row.in_transit,
        row.sequence,
        row.as_of,
        _rounded(owner.staleness_s),
    )


def level_answer(row: LevelRecord) -> LocationLevel:
    """Say what a row says, as one of a SKU's locations."""
    return LocationLevel(
        row.location_id,
        row.on_hand,
        row.reserved,
        row.safety_stock,
        row.available,
        row.damaged,
        row.in_transit,
        row.sequence,
        row.as_of,
    )


def _rounded(staleness_s: float) -> float:
    return round(max(0.0, staleness_s), 3)
