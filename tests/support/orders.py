"""Orders for tests: notes with sane defaults, and a record that hears them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from streams.domain.commerce_wanted import WantedOrder
from streams.domain.movements import Movement
from streams.domain.order_notes import (
    AppeasementGiven,
    FulfilledItem,
    FulfilmentSeen,
    FulfilmentStep,
    GoodsReturned,
    OpenedItem,
    OrderChannel,
    OrderCompleted,
    OrderNote,
    OrderOpened,
    OrderPlaced,
    OrderStateSeen,
    PlacedLine,
    RefundSettled,
    ReturnedItem,
    UnitsCancelled,
)
from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.order_ties import Units, units_of
from streams.domain.orders import Effects, Input, advance
from streams.domain.reservations import ReservationRequest
from streams.domain.troubles import Trouble
from streams.domain.wanted import wanted_of
from tests.support.ledger import NOON

NUMBER, COMMERCE, NEWSTORE = "W-1", "ct-1", "ns-1"
RULES = OrderRules(places={"london": "LDN01", "leeds": "LDS01"})
QUIET = RULES.window_quiet
SECOND = timedelta(seconds=1)

ASSIGNED, READY, COMPLETED, FAILED = FulfilmentStep


def line(line_id: str = "a", sku: str = "TEE", quantity: int = 1, **more: Any) -> Any:
    return PlacedLine(line_id=line_id, sku=sku, quantity=quantity, **more)


def placed(*lines: PlacedLine, **more: Any) -> OrderPlaced:
    values: dict[str, Any] = {
        "commerce_id": COMMERCE,
        "number": NUMBER,
        "version": 1,
        "placed_at": NOON,
        "currency": "EUR",
        **more,
    }
    return OrderPlaced(lines=lines or (line(),), **values)


def state_seen(state: str, version: int = 2) -> OrderStateSeen:
    return OrderStateSeen(
        commerce_id=COMMERCE, number=NUMBER, version=version, state=state
    )


def item(item_id: str, sku: str = "TEE", unit: str = "", **more: Any) -> OpenedItem:
    return OpenedItem(item_id=item_id, sku=sku, external_item_id=unit, **more)


def opened(*items: OpenedItem, **more: Any) -> OrderOpened:
    values: dict[str, Any] = {
        "newstore_id": NEWSTORE,
        "external_id": NUMBER,
        "channel": OrderChannel.WEB,
        "placed_at": NOON,
        "currency": "EUR",
        **more,
    }
    return OrderOpened(items=items, **values)


def seen(
    step: FulfilmentStep,
    *item_ids: str,
    request: str = "fr-1",
    rank: int = 10,
    place: str = "LDN01",
    newstore_id: str = NEWSTORE,
    tracking: str = "",
) -> FulfilmentSeen:
    return FulfilmentSeen(
        newstore_id=newstore_id,
        request_id=request,
        step=step,
        rank=rank,
        location_id=place,
        occurred_at=NOON,
        items=tuple(
            FulfilledItem(item_id=name, tracking_code=tracking, carrier="DHL")
            for name in item_ids
        ),
    )


def cancelled(
    *item_ids: str, reason: str = "", newstore_id: str = NEWSTORE
) -> UnitsCancelled:
    return UnitsCancelled(
        newstore_id=newstore_id, item_ids=item_ids, occurred_at=NOON, reason=reason
    )


def completed(newstore_id: str = NEWSTORE) -> OrderCompleted:
    return OrderCompleted(newstore_id=newstore_id, occurred_at=NOON)


def back(sku: str = "TEE", item_id: str = "", **more: Any) -> ReturnedItem:
    return ReturnedItem(sku=sku, item_id=item_id, **more)


def returned(
    *items: ReturnedItem, return_id: str = "ret-1", **more: Any
) -> GoodsReturned:
    values: dict[str, Any] = {
        "location_id": "LDS01",
        "returned_at": NOON + timedelta(days=1),
        "newstore_id": NEWSTORE,
        "currency": "EUR",
        "refund_minor": 5_000,
        **more,
    }
    return GoodsReturned(return_id=return_id, items=items, **values)


def settled(
    amount_minor: int = 5_000, cause: str = "ret-1", **more: Any
) -> RefundSettled:
    values: dict[str, Any] = {
        "newstore_id": NEWSTORE,
        "transaction_id": "tx-1",
        "currency": "EUR",
        "settled_at": NOON + timedelta(days=2),
        **more,
    }
    return RefundSettled(correlation_id=cause, amount_minor=amount_minor, **values)


def appeased(refund_id: str = "app-1", amount_minor: int = 500) -> AppeasementGiven:
    return AppeasementGiven(
        newstore_id=NEWSTORE,
        refund_id=refund_id,
        amount_minor=amount_minor,
        currency="EUR",
        occurred_at=NOON,
    )


@dataclass
class Book:
    """One order that hears notes while a clock goes on, and all it has sent."""

    rules: OrderRules = RULES
    now: datetime = NOON
    order: Order = field(default_factory=lambda: Order(number=NUMBER))
    movements: list[Movement] = field(default_factory=list)
    requests: list[ReservationRequest] = field(default_factory=list)
    raised: list[Trouble] = field(default_factory=list)
    withdrawn: list[Trouble] = field(default_factory=list)
    wanted: list[WantedOrder] = field(default_factory=list)

    def hear(self, *inputs: Input, after: timedelta = timedelta()) -> "Book":
        """Let time pass, then hear these one by one."""
        self.now += after
        for each in inputs:
            self._advance([each])
        return self

    def wait(self, after: timedelta = QUIET) -> "Book":
        """Let time pass, waking when the order asked to be woken."""
        until = self.now + after
        while self.order.wake_at is not None and self.order.wake_at <= until:
            self.now = max(self.now, self.order.wake_at)
            self._advance([])
        self.now = until
        self._advance([])
        return self

    def _advance(self, inputs: Sequence[Input]) -> Effects:
        self.order, effects = advance(self.order, inputs, self.now, self.rules)
        self.movements += effects.movements
        self.requests += effects.requests
        self.raised += effects.raised
        self.withdrawn += effects.withdrawn
        if not self.wanted or self.wanted[-1].sequence < self.order.wanted_sequence:
            self.wanted.append(wanted_of(self.order))
        return effects

    @property
    def is_gathering(self) -> bool:
        return self.order.window is not None

    @property
    def units(self) -> Units:
        return units_of(self.order)

    @property
    def states(self) -> dict[str, str]:
        return {name: str(unit.standing.state) for name, unit in self.units.items()}

    @property
    def reasons(self) -> set[str]:
        return {trouble.reason for trouble in self.order.troubles}

    @property
    def sentences(self) -> list[str]:
        return [trouble.sentence for trouble in self.order.troubles]

    @property
    def sentence(self) -> str:
        """Return what the one trouble says."""
        (said,) = self.sentences
        return said

    def moved(self) -> list[str]:
        return [movement.movement_id for movement in self.movements]

    @property
    def says(self) -> WantedOrder:
        return wanted_of(self.order)


def book(*notes: OrderNote, rules: OrderRules = RULES) -> Book:
    return Book(rules=rules).hear(*notes)


def web_order(lines: Iterable[PlacedLine] = (), *, rules: OrderRules = RULES) -> Book:
    """Place an order, and let NewStore open it; its items are `i-{unit}`."""
    made = tuple(lines) or (line("a", "TEE", 2), line("b", "MUG", 1))
    return book(placed(*made), opened(*items_of(made)), rules=rules)


def items_of(lines: Iterable[PlacedLine]) -> list[OpenedItem]:
    return [
        item(f"i-{each.line_id}#{index}", each.sku, f"{each.line_id}#{index}")
        for each in lines
        for index in range(1, each.quantity + 1)
    ]
