"""A seeded trading day, and how NewStore tells it: late, twice, out of order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from streams.domain.reference import Location, Product
from streams.mapping.events import event_key
from streams.simulation.truth import Truth

DAY_START_MS = 1_772_438_400_000  # 2 March 2026, 08:00 UTC.
HOUR_MS = 3_600_000
DAY_MS = 10 * HOUR_MS
OPENING_MS = 1_800_000
"""The first half hour: baselines only, so that commerce has its entries."""

DELAY_MAX_MS = 15 * 60_000  # NewStore's bound for one event.

TENANT = "acme"


@dataclass(frozen=True, slots=True)
class Event:
    """An event reaches the log."""

    at_ms: int
    key: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Changed:
    """A location or product is made known, or changed."""

    at_ms: int
    value: Location | Product


@dataclass(frozen=True, slots=True)
class WebOrder:
    """commerce takes an order and will lower an entry by itself."""

    at_ms: int
    sku: str
    location_id: str
    quantity: int
    lag_ms: int


Arrival = Event | Changed | WebOrder


@dataclass(slots=True)
class Workload:
    """The day, in order of arrival, and what it must come to.

    `foreign`: SKU, channel key and quantity of entries that commerce has before us.
    """

    locations: list[Location]
    products: list[Product]
    foreign: list[tuple[str, str, int]]
    opening: list[Arrival]
    day: list[Arrival]
    truth: Truth


@dataclass(slots=True)
class Shop:
    """Builds the day, act by act; all randomness is the seed's."""

    rng: Random
    counts_web_orders: bool
    truth: Truth = field(default_factory=Truth)
    arrivals: list[Arrival] = field(default_factory=list)
    now_ms: int = DAY_START_MS
    serial: int = 0
    rank: int = 100
    locations: list[Location] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    stocked: list[tuple[Product, Location]] = field(default_factory=list)
    sold: list[tuple[str, Product]] = field(default_factory=list)

    # Telling

    def name(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}-{self.serial}"

    def next_rank(self) -> int:
        self.rank += self.rng.randint(1, 9)
        return self.rank

    def tell(
        self,
        name: str,
        payload: dict[str, Any],
        at_ms: int,
        *,
        delay_ms: int | None = None,
        never_known: bool = False,
    ) -> None:
        """Let NewStore publish an event: late, more than once, out of order."""
        body = msgspec.json.encode(
            {
                "tenant": TENANT,
                "name": name,
                "published_at": stamp(at_ms),
                "payload": payload,
            }
        )
        copies = self.arrive(body, at_ms, delay_ms)
        if never_known:
            self.truth.never_known[body] += copies

    def arrive(self, body: bytes, at_ms: int, delay_ms: int | None = None) -> int:
        """Put an event's bytes on their way; return how often they will arrive."""
        rng = self.rng
        copies = 1 + (rng.random() < 0.12) + (rng.random() < 0.06)
        key = event_key(body)
        for copy in range(copies):
            delay = delay_ms
            if delay is None or copy:
                slow = rng.random() < 0.25
                delay = rng.randint(0, DELAY_MAX_MS if slow else 4_000)
            if copy and rng.random() < 0.3:
                delay += rng.randint(0, DAY_MS)  # A re-send, asked for hours later.
            self.arrivals.append(Event(at_ms + delay, key, body))
        return copies

    # Choosing

    def place(self) -> Location:
        return self.rng.choice(self.locations)

    def product(self) -> Product:
        return self.rng.choice(self.products)

    def called(self, location: Location) -> str:
        """Choose one of the names by which NewStore may call a location."""
        names = (
            location.location_id,
            location.newstore_node_id,
            location.newstore_store_id,
        )
        return self.rng.choice([name for name in names if name])

    def line(self, product: Product, **more: Any) -> dict[str, Any]:
        """Write a line that names a product in one of the usual ways."""
        names: dict[str, Any] = {"product_id": product.newstore_product_id}
        if self.rng.random() < 0.5:
            names["external_identifiers"] = {"sku": product.sku}
        return {**names, **more}


Act = Callable[[Shop], None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_ms: int) -> datetime:
    """Return the UTC time of so many milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def stamp(at_ms: int) -> str:
    """Write a time as NewStore does."""
    return moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_workload(
    rng: Random, acts: Sequence[tuple[Act, int]], opening: Act, *, counted: bool
) -> Workload:
    """Make a day for a few SKUs and locations; mostly small."""
    shop = Shop(rng, counts_web_orders=counted)
    _furnish(shop)
    known = (list(shop.locations), list(shop.products))
    opening(shop)
    first, shop.arrivals = shop.arrivals, []
    _expect_late_names(shop)
    number = rng.choice((8, 12, 16, 24, 24, 40))
    choices = [act for act, weight in acts for _ in range(weight)]
    begin = DAY_START_MS + OPENING_MS + 2 * DELAY_MAX_MS
    times = sorted(rng.randrange(begin, DAY_START_MS + DAY_MS) for _ in range(number))
    for at_ms in times:
        shop.now_ms = at_ms
        rng.choice(choices)(shop)
    return Workload(
        *known, _foreign(shop), _sorted(first), _sorted(shop.arrivals), shop.truth
    )


def _foreign(shop: Shop) -> list[tuple[str, str, int]]:
    """Let commerce have some entries already, right or wrong."""
    channels = ["", *(place.commercetools_channel_key for place in shop.locations)]
    return [
        (product.sku, channel, shop.rng.randint(0, 9))
        for product in shop.products
        for channel in channels
        if shop.rng.random() < 0.2
    ]


def _sorted(arrivals: list[Arrival]) -> list[Arrival]:
    return sorted(arrivals, key=lambda arrival: arrival.at_ms)


def _furnish(shop: Shop) -> None:
    rng = shop.rng
    for number in range(rng.randint(2, 4)):
        shop.locations.append(
            Location(
                location_id=f"LDN{number:02}",
                newstore_node_id=f"node-{number}",
                newstore_store_id=f"store-{number}",
                commercetools_channel_key=f"channel-{number}",
                safety_stock=rng.choice((0, 0, 1, 2)),
            )
        )
    for number in range(rng.randint(1, 4)):
        shop.products.append(
            Product(
                sku=f"TEE-{number}",
                newstore_product_id=f"product-{number}",
                safety_stock=rng.choice((None, None, 0, 3)),
            )
        )


def _expect_late_names(shop: Shop) -> None:
    """Let a shop and a product be used before their reference data arrives."""
    rng = shop.rng
    late: list[Location | Product] = []
    if rng.random() < 0.5:
        late.append(
            Location(
                location_id="NEW01",
                newstore_node_id="node-new",
                commercetools_channel_key="channel-new",
            )
        )
    if rng.random() < 0.5:
        late.append(Product(sku="NEW-SKU", newstore_product_id="product-new"))
    for value in late:
        at_ms = DAY_START_MS + rng.randrange(OPENING_MS, DAY_MS + DELAY_MAX_MS)
        shop.arrivals.append(Changed(at_ms, value))
        if isinstance(value, Location):
            shop.locations.append(value)
        else:
            shop.products.append(value)
