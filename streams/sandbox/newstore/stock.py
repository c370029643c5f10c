"""The stock book: per node and product what is there, promised and kept back.

Terms (Availabilities API): ATP = stock on hand - allocations - reservations - safety
stock. Future ATP is none here. Every node's inventory master is NewStore.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from streams.sandbox.newstore.errors import not_allowed


class ImpossibleStock(Exception):
    """A change would leave fewer than no units: a mistake in the sandbox."""


class StockKey(NamedTuple):
    """Where and what."""

    node_id: str
    product_id: str


@dataclass(frozen=True, slots=True)
class StockRow:
    """One product at one node.

    Attributes:
        on_hand: What the book says is for sale there; may be below zero.
        shelf: What is there in truth: the book does not see loss or theft.
        packed: Those of the shelf's that are set aside for an order, ready to leave.
        damaged: Units there that cannot be sold.
        allocated: Units promised to routed orders.
        reserved: Units held for orders that are not routed yet.
        safety: Units kept back from selling.
    """

    on_hand: int = 0
    shelf: int = 0
    packed: int = 0
    damaged: int = 0
    allocated: int = 0
    reserved: int = 0
    safety: int = 0

    @property
    def atp(self) -> int:
        """Return what can be promised; below zero where more was promised than is."""
        return self.on_hand - self.allocated - self.reserved - self.safety

    @property
    def free(self) -> int:
        """Return how many units somebody could take off the shelf."""
        return self.shelf - self.packed

    def __post_init__(self) -> None:
        figures = (self.free, self.packed, self.damaged, self.allocated)
        if min(*figures, self.reserved, self.safety) < 0:
            raise ImpossibleStock(str(self))


EMPTY = StockRow()


class StockBook:
    """All rows, and when each last changed.

    `version` is the export's `last_updated_at`: "not a timestamp", "an increasing
    integer number" (Availabilities Export API).
    """

    def __init__(self) -> None:
        self._rows: dict[StockKey, StockRow] = {}
        self._changed: dict[StockKey, int] = {}
        self.version = 0

    def row(self, node_id: str, product_id: str) -> StockRow:
        """Return a row; an empty one where nothing ever was."""
        return self._rows.get(StockKey(node_id, product_id), EMPTY)

    def atp(self, node_id: str, product_id: str) -> int:
        """Return what can be promised of a product at a node."""
        return self.row(node_id, product_id).atp

    def change(
        self,
        node_id: str,
        product_id: str,
        *,
        on_hand: int = 0,
        shelf: int = 0,
        packed: int = 0,
        damaged: int = 0,
        allocated: int = 0,
        reserved: int = 0,
    ) -> StockRow:
        """Add to a row's figures; return the row as it is now."""
        held = self.row(node_id, product_id)
        row = StockRow(
            on_hand=held.on_hand + on_hand,
            shelf=held.shelf + shelf,
            packed=held.packed + packed,
            damaged=held.damaged + damaged,
            allocated=held.allocated + allocated,
            reserved=held.reserved + reserved,
            safety=held.safety,
        )
        self._put(StockKey(node_id, product_id), row)
        return row

    def keep_back(self, node_id: str, product_id: str, safety: int) -> None:
        """Set a row's safety stock."""
        row = replace(self.row(node_id, product_id), safety=safety)
        self._put(StockKey(node_id, product_id), row)

    def require_on_shelf(self, node_id: str, product_id: str, quantity: int) -> None:
        """Refuse to take what is not there, or packed for somebody else."""
        there = self.row(node_id, product_id).free
        if quantity > there:
            raise not_allowed(
                "not_on_shelf",
                f"{node_id} has {there} of {product_id} on its shelf, not {quantity}.",
            )

    def rows(self, since: int = 0) -> Iterator[tuple[StockKey, StockRow]]:
        """Yield the rows that changed after a version."""
        for key, row in self._rows.items():
            if self._changed[key] > since:
                yield key, row

    def _put(self, key: StockKey, row: StockRow) -> None:
        if row == self._rows.get(key):
            return
        self.version += 1
        self._rows[key] = row
        self._changed[key] = self.version
