"""From the ledger's rows to an availability answer: the one place where the web reads
rows, and the one encoder, so that every path answers the same bytes.
"""

from datetime import datetime

import msgspec

from streams.web.ports import Local


def levels_of_sku(view, sku):  # TEMP
    from streams.tables import LEVELS
    for k, v in view.scan(LEVELS, sku.encode() + b"|"):
        yield msgspec.json.decode(v, type=LocationLevel)


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


def sku_levels(owner: Local, sku: str) -> SkuLevels | None:
    """Read a SKU's levels; None where nothing is recorded of it."""
    locations = [
        LocationLevel(
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
        for row in levels_of_sku(owner.view, sku)
    ]
    if not locations:
        return None
    available = sum(location.available for location in locations)
    return SkuLevels(sku, available, locations, round(owner.staleness_s, 3))


def location_answer(levels: SkuLevels, location_id: str) -> LocationAnswer | None:
    """Pick one location out of a SKU's levels."""
    for level in levels.locations:
        if level.location_id == location_id:
            return LocationAnswer(
                levels.sku,
                level.location_id,
                level.on_hand,
                level.reserved,
                level.safety_stock,
                level.available,
                level.damaged,
                level.in_transit,
                level.sequence,
                level.as_of,
                levels.staleness_s,
            )
    return None
