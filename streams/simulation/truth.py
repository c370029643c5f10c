"""What stock must come to, by plain arithmetic over what happened: the oracle.

Written without the ledger's code on purpose: it adds up facts in the order of the
world, never of their arrival.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

RowKey = tuple[str, str]
"""SKU and location id."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A row's pools at the end."""

    main: int
    reserved: int
    damaged: int
    held: int
    in_transit: int


@dataclass(slots=True)
class Truth:
    """All facts of a trading day, as they happened. Times in ms since 1970.

    Attributes:
        on_shelf: When how many units came to (or left) the sellable shelf, promised
            units included, of each row.
        found: Each row's counts of that shelf.
        announced, received: By transfer reference, SKU and receiving location.
        entries: Ids of movements that must have left a journal entry, and the row.
        broken, never_known: Bodies that must be parked, and how often they arrive.
    """

    on_shelf: dict[RowKey, list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    found: dict[RowKey, list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    reserved: Counter[RowKey] = field(default_factory=Counter)
    damaged: Counter[RowKey] = field(default_factory=Counter)
    held: Counter[RowKey] = field(default_factory=Counter)
    announced: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    received: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    entries: dict[str, RowKey] = field(default_factory=dict)
    broken: Counter[bytes] = field(default_factory=Counter)
    never_known: Counter[bytes] = field(default_factory=Counter)

    def move(self, row: RowKey, at_ms: int, quantity: int) -> None:
        """Note that units came to the shelf (or left, below zero)."""
        self.on_shelf[row].append((at_ms, quantity))

    def rows(self) -> set[RowKey]:
        """Return every row that anything is known of."""
        named: set[RowKey] = set()
        for source in (
            self.on_shelf,
            self.found,
            self.reserved,
            self.damaged,
            self.held,
        ):
            named.update(source)
        named.update((sku, place) for _, sku, place in self.announced)
        return named

    def expected(self, row: RowKey) -> Expected:
        """Add a row up: its last count, and what moved after that."""
        counts = self.found.get(row, [])
        counted_at, shelf = max(counts) if counts else (-1, 0)
        shelf += sum(
            quantity for at, quantity in self.on_shelf.get(row, []) if at > counted_at
        )
        on_the_way = sum(
            max(0, quantity - self.received[ref, sku, place])
            for (ref, sku, place), quantity in self.announced.items()
            if (sku, place) == row
        )
        reserved = self.reserved[row]
        return Expected(
            shelf - reserved, reserved, self.damaged[row], self.held[row], on_the_way
        )
