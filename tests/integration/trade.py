"""A shop's day for fault tests: events with repeats, and an oracle that shares no code.

The oracle adds up what was meant: sales of distinct units, returns, receipts, on top of
an opening count. It knows nothing of mapping, folds or tables.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

OPENING_UNITS = 1_000
SCARCE_UNITS = 2
COUNTED_AT = "2026-03-01T06:00:00+00:00"
SOLD_AT = "2026-03-02T10:00:00.000Z"

Place = tuple[str, str]


@dataclass(slots=True)
class Trade:
    """Makes events and remembers what they must amount to.

    Attributes:
        on_hand: What must be on hand in the end, by SKU and location.
        movements: How many distinct movements there are, counts aside.
        scarce_every: One SKU of so many opens with two units a place; 0: none.
    """

    seed: int
    locations: tuple[str, ...] = ("LDN01", "LDN02")
    sku_count: int = 40
    on_hand: Counter[Place] = field(default_factory=Counter)
    movements: int = 0
    scarce_every: int = 0
    _number: int = field(default=0, init=False)
    _random: random.Random = field(init=False, repr=False)
    _sent: list[bytes] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def skus(self) -> list[str]:
        return [f"SKU-{number:03}" for number in range(self.sku_count)]

    def opening_stock(self) -> bytes:
        """Return a stock file that sets every row; it must be loaded first."""
        lines = ["sku,location_id,on_hand,as_of"]
        for location in self.locations:
            for number, sku in enumerate(self.skus):
                is_scarce = self.scarce_every and number % self.scarce_every == 0
                units = SCARCE_UNITS if is_scarce else OPENING_UNITS
                self.on_hand[sku, location] = units
                lines.append(f"{sku},{location},{units},{COUNTED_AT}")
        return "\n".join(lines).encode()

    def events(self, count: int, *, repeated: float = 0.2) -> list[bytes]:
        """Return new events, some of them twice, some earlier ones once more."""
        made: list[bytes] = []
        for _ in range(count):
            event = self._event()
            made.append(event)
            self._sent.append(event)
            if self._random.random() < repeated:
                made.append(self._random.choice(self._sent[-500:]))
        return made

    def _event(self) -> bytes:
        self._number += 1
        kind = self._random.choices(("sale", "return", "receipt"), (8, 1, 1))[0]
        location = self._random.choice(self.locations)
        skus = self._random.sample(self.skus, self._random.randint(1, 3))
        self.movements += len(skus)
        match kind:
            case "sale":
                return self._sale(location, skus)
            case "return":
                return self._return(location, skus)
            case _:
                return self._receipt(location, skus)

    def _sale(self, location: str, skus: list[str]) -> bytes:
        for sku in skus:
            self.on_hand[sku, location] -= 1
        return envelope(
            "order.opened",
            id=self._id("order"),
            placed_at=SOLD_AT,
            channel_type="store",
            channel=location,
            demand_location_id=location,
            items=[
                {
                    "id": self._id(f"unit-{line}"),
                    "item_type": "product",
                    "product_id": sku,
                    "quantity": 1,
                    "shipping_service_level": "IN_STORE_HANDOVER",
                }
                for line, sku in enumerate(skus)
            ],
        )

    def _return(self, location: str, skus: list[str]) -> bytes:
        for sku in skus:
            self.on_hand[sku, location] += 1
        return envelope(
            "return.processed",
            id=self._id("return"),
            order_id=self._id("earlier-order"),
            returned_at=SOLD_AT,
            return_location_id=location,
            items=[
                {
                    "id": self._id(f"returned-{line}"),
                    "product_id": sku,
                    "quantity": 1,
                    "item_condition": "Sellable",
                    "condition_code": 1,
                }
                for line, sku in enumerate(skus)
            ],
        )

    def _receipt(self, location: str, skus: list[str]) -> bytes:
        quantities = [self._random.randint(1, 5) for _ in skus]
        for sku, quantity in zip(skus, quantities, strict=True):
            self.on_hand[sku, location] += quantity
        return envelope(
            "inventory_transaction.items_received",
            id=self._id("receipt"),
            fulfillment_location_id=location,
            processed_at=SOLD_AT,
            chunk_number=1,
            total_chunks=1,
            items=[
                {"product_id": sku, "quantity": quantity}
                for sku, quantity in zip(skus, quantities, strict=True)
            ],
        )

    def _id(self, what: str) -> str:
        return f"{what}-{self.seed}-{self._number}"


def envelope(name: str, **payload: Any) -> bytes:
    """Return an event as NewStore sends it."""
    return json.dumps(
        {
            "tenant": "acme",
            "name": name,
            "published_at": SOLD_AT,
            "payload": payload,
        }
    ).encode()
