"""Which stock is scarce: so few units are left that the next customer may get none."""

from typing import Protocol

SCARCE_UNITS = 3
"""Up to so many units, web shops must hear of every change at once."""


class Offered(Protocol):
    """What web shops may sell of a SKU at a location; a ledger's row is such."""

    @property
    def enabled(self) -> bool: ...

    @property
    def available(self) -> int: ...


def is_scarce(stock: Offered) -> bool:
    """Say whether it is offered to web shops, and few units of it are left."""
    return stock.enabled and stock.available <= SCARCE_UNITS
