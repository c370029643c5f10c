"""Rows of the ledger's table as the ledger itself writes them."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from streams.tables import LEVELS, Table

AS_OF = datetime(2025, 3, 1, 10, 15, 2, 345000, tzinfo=UTC)


def level_row(
    sku: str, location_id: str, **level: Any
) -> tuple[Table, bytes, bytes]:
    row = {"location_id": location_id, "on_hand": 0, "reserved": 0, "safety_stock": 0,
        "damaged": 0, "in_transit": 0, "sequence": 1, "as_of": AS_OF, **level}
    row["available"] = max(0, row["on_hand"] - row["reserved"] - row["safety_stock"])
    return LEVELS, f"{sku}|{location_id}".encode(), msgspec.json.encode(row)
