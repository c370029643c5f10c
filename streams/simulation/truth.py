"""What stock must come to, by plain arithmetic over what happened: the oracle.

Written without the ledger's code on purpose: it adds up facts in the order of the
world, never of their arrival.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

RowKey = tuple[str, str]
"""SKU and location id."""


@dataclass(frozen=True, slots=True)
class Told:
    """So many units of a SKU were sent, announced or received at a location."""

    names: tuple[str, ...]
    sku: str
    location_id: str
    sent: int = 0
    announced: int = 0
    received: int = 0


@dataclass(slots=True)
class Consignment:
    """All that was told of goods that travelled together, or were at least said to."""

    names: set[str]
    told: list[Told]

    @property
    def under_way(self) -> int:
        """Return the units that nobody has received yet."""
        return max(0, self._sent - sum(one.received for one in self.told))

    @property
    def surplus(self) -> int:
        """Return the units that nobody has sent."""
        return max(0, sum(one.received for one in self.told) - self._sent)

    @property
    def _sent(self) -> int:
        left = sum(one.sent for one in self.told)
        return max(left, sum(one.announced for one in self.told))

    def on_the_way_to(self, place: str) -> int:
        """Return the units a location waits for; what strays is missed in turn."""
        expected = Counter[str]()
        for one in self.told:
            expected[one.location_id] += one.announced - one.received
        strayed = -sum(units for units in expected.values() if units < 0)
        strayed -= max(0, sum(one.sent - one.announced for one in self.told))
        for each in sorted(expected):
            missed = max(0, min(expected[each], strayed))
            strayed -= missed
            if each == place:
                return max(0, expected[each]) - missed
        return 0


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
        told: What the documents of transfers and receipts said, with their references.
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
    told: list[Told] = field(default_factory=list)
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
        named.update((one.sku, one.location_id) for one in self.told)
        return named

    def consignments(self, sku: str) -> list[Consignment]:
        """Put a SKU's documents together that share a reference, step by step."""
        found: list[Consignment] = []
        for one in self.told:
            if one.sku != sku:
                continue
            whole = Consignment(set(one.names), [one])
            for other in [each for each in found if each.names & whole.names]:
                found.remove(other)
                whole.names |= other.names
                whole.told += other.told
            found.append(whole)
        return found

    def expected(self, row: RowKey) -> Expected:
        """Add a row up: its last count, and what moved after that."""
        counts = self.found.get(row, [])
        counted_at, shelf = max(counts) if counts else (-1, 0)
        shelf += sum(
            quantity for at, quantity in self.on_shelf.get(row, []) if at > counted_at
        )
        sku, place = row
        on_the_way = sum(
            consignment.on_the_way_to(place) for consignment in self.consignments(sku)
        )
        reserved = self.reserved[row]
        return Expected(
            shelf - reserved, reserved, self.damaged[row], self.held[row], on_the_way
        )
