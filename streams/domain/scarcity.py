"""Which stock is scarce: so few units are left that the next customer may get none."""

from streams.domain.stock import Row

SCARCE_UNITS = 3
"""Up to so many units web shops must hear of every change at once."""


def is_scarce(row: Row) -> bool:
    """Say whether a row is offered to web shops, and few units of it are left."""
    return row.enabled and row.available <= SCARCE_UNITS
