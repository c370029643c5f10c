"""A trading day from a seed: who wants what, where and when. Pure; nothing is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from streams.demo.catalogue import DC, NEWCOMER, RARE_SKUS, SHOPS

HOURS = 9
STEPS_PER_S = 13
RACE_S = 1.6
# At this share of the day.
STRANGER_AT, BROKEN_AT, OFFLINE_FROM = 0.15, 0.28, 0.32
COUNT_AT, KILL_AT, OFFLINE_UNTIL, PRODUCTS_AT = 0.42, 0.5, 0.52, 0.66


Lines = tuple[tuple[str, int], ...]
"""SKUs, with units of each."""


class Kind(StrEnum):
    """What happens."""

    SALE = "sale"
    WEB_ORDER = "web order"
    RACE = "race"
    RETURN = "return"
    RECEIPT = "receipt"
    TRANSFER = "transfer"
    COUNT = "count"
    ADJUSTMENT = "adjustment"
    STRANGER = "unknown sku"
    BROKEN = "broken payload"
    PRODUCTS = "products loaded"
    KILL = "worker killed"


class Ending(StrEnum):
    """What becomes of a web order."""

    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing of the day.

    Attributes:
        at_s: Seconds since the doors opened, in the demo's time.
        lines: SKUs with units; for a count the difference found; a receipt's chunk by
            chunk.
        sent_after_s: When its event is sent, once or again and again, after `at_s`.
        second_signal: Fulfilment reports the sale of the same units once more.
        ahead_s: For a race, by how much the web shop is faster than the till.
    """

    kind: Kind
    at_s: float
    id: str
    shop: str = ""
    lines: Lines = ()
    sent_after_s: tuple[float, ...] = (0.0,)
    second_signal: bool = False
    sellable: bool = True
    ending: Ending = Ending.SHIPPED
    ahead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Day:
    """All that happens, in its order."""

    seconds: float
    opens_at: datetime
    steps: tuple[Step, ...] = field(repr=False)

    def clock(self, at_s: float) -> datetime:
        """Return the day's time at a moment of the demo's."""
        return self.opens_at + timedelta(hours=HOURS * at_s / self.seconds)


_SHARES = {
    Kind.SALE: 66,
    Kind.WEB_ORDER: 19,
    Kind.RETURN: 6,
    Kind.RECEIPT: 3,
    Kind.ADJUSTMENT: 4,
    Kind.TRANSFER: 2,
}


def plan_day(
    stock: Mapping[tuple[str, str], int],
    *,
    seed: int,
    seconds: float,
    opens_at: datetime,
) -> Day:
    """Draw a day from a seed; every kind of step is in it, however short it is.

    Args:
        stock: What each place has in the morning, by SKU and location.
    """
    planner = _Planner(stock, Random(f"{seed}/day"), seconds)
    kinds = list(_SHARES)
    drawn = planner.random.choices(
        kinds, list(_SHARES.values()), k=int(seconds * STEPS_PER_S)
    )
    # Whatever chance says: some of each.
    drawn += [kind for kind in kinds for _ in range(2)]
    steps = [planner.step(kind) for kind in drawn]
    steps += planner.races()
    steps += planner.appointments()
    return Day(seconds, opens_at, tuple(sorted(steps, key=lambda step: step.at_s)))


class _Planner:
    def __init__(
        self, stock: Mapping[tuple[str, str], int], random: Random, seconds: float
    ) -> None:
        self.random = random
        self._goods = {
            place: sorted(
                sku for sku, at in stock if at == place and sku not in RARE_SKUS
            )
            for place in (DC, *SHOPS)
        }
        self._seconds = seconds
        self._number = 0
        self._offline = random.choice(list(SHOPS))

    def step(self, kind: Kind) -> Step:
        """Draw one ordinary step."""
        random = self.random
        at_s = random.uniform(0, self._seconds)
        shop = random.choice(list(SHOPS))
        match kind:
            case Kind.SALE:
                return self._sale(at_s, shop)
            case Kind.WEB_ORDER:
                place = DC if random.random() < 0.25 else shop
                ending = random.choices(list(Ending), (70, 20, 10))[0]
                units = 2 if random.random() < 0.2 else 1
                wanted = ((random.choice(self._goods[place]), units),)
                return self._make(kind, at_s, place, wanted, ending=ending)
            case Kind.RETURN:
                lines = self._lines(shop, 1, 1)
                sellable = random.random() < 0.7
                again = self._again(())
                return self._make(
                    kind, at_s, shop, lines, sellable=sellable, sent_after_s=again
                )
            case Kind.TRANSFER:
                return self._make(kind, at_s * 0.8, shop, self._lines(shop, 2, 6))
            case Kind.RECEIPT:
                place = random.choice([DC, shop])
                lines = self._lines(place, 4, 8)
                return self._make(
                    kind, at_s, place, lines, sent_after_s=self._again(())
                )
            case _:
                return self._make(kind, at_s, shop, self._lines(shop, 1, 2))

    def _sale(self, at_s: float, shop: str) -> Step:
        random = self.random
        start, end = (x * self._seconds for x in (OFFLINE_FROM, OFFLINE_UNTIL))
        if shop == self._offline and start <= at_s < end:
            # The till had no network; later it sends the newest first.
            first_s = (end - at_s) + (end - at_s) * 0.05
        else:
            first_s = random.uniform(0, 2.0) if random.random() < 0.15 else 0.0
        return self._make(
            Kind.SALE,
            at_s,
            shop,
            self._lines(shop, random.choice((1, 1, 1, 2, 3)), 1),
            sent_after_s=self._again((first_s,)),
            second_signal=random.random() < 0.4,
        )

    def races(self) -> list[Step]:
        """Let a customer at the till and one on the web want the last piece."""
        pieces = [(sku, shop) for sku in RARE_SKUS for shop in SHOPS]
        self.random.shuffle(pieces)
        wanted = pieces[: max(3, min(len(pieces), int(self._seconds * 0.6)))]
        return [
            self._make(
                Kind.RACE,
                self.random.uniform(0.05, 0.95) * self._seconds,
                shop,
                ((sku, 1),),
                ahead_s=self.random.uniform(-RACE_S, RACE_S),
            )
            for sku, shop in wanted
        ]

    def appointments(self) -> list[Step]:
        """Return what happens once, at its time."""
        seconds, random = self._seconds, self.random
        shop = random.choice(list(SHOPS))
        skus = random.sample(self._goods[self._offline], 12)
        found = tuple((sku, random.choice((-1, 0, 0, 0, 1))) for sku in skus)
        strangers = [
            self._make(
                Kind.STRANGER,
                STRANGER_AT * seconds + number * 0.2,
                shop,
                ((NEWCOMER, units),),
            )
            for number, units in enumerate((12, -1, -1))
        ]
        return [
            *strangers,
            self._make(Kind.BROKEN, BROKEN_AT * seconds, shop),
            self._make(Kind.COUNT, COUNT_AT * seconds, self._offline, found),
            self._make(Kind.KILL, KILL_AT * seconds),
            self._make(Kind.PRODUCTS, PRODUCTS_AT * seconds),
        ]

    def _lines(self, place: str, count: int, units_max: int) -> Lines:
        skus = self.random.sample(self._goods[place], count)
        return tuple((sku, self.random.randint(1, units_max)) for sku in skus)

    def _again(self, first: tuple[float, ...]) -> tuple[float, ...]:
        """Send at least once, as NewStore does: now and then twice or three times."""
        times = first or (0.0,)
        for _ in range(self.random.choices((0, 1, 2), (78, 16, 6))[0]):
            times = (*times, times[-1] + self.random.uniform(0.05, 2.5))
        return times

    def _make(
        self,
        kind: Kind,
        at_s: float,
        shop: str = "",
        lines: Lines = (),
        **more: object,
    ) -> Step:
        self._number += 1
        number = f"{kind.value.replace(' ', '-')}-{self._number:04}"
        return Step(kind=kind, at_s=at_s, id=number, shop=shop, lines=lines, **more)  # type: ignore[arg-type] # the caller names them as Step does
