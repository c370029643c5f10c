"""A unit of an order: its one state, and the moves it may make.

An item of an order is one physical unit; its uuid stays the same through fulfilment,
cancellation and return (Event Stream webhooks: items of orders and requests).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from streams.sandbox.newstore.errors import not_allowed, not_found
from streams.sandbox.newstore.money import ZERO


class UnitState(StrEnum):
    """Where a unit stands; always in exactly one."""

    PENDING = "pending"  # the grace period runs
    ON_HOLD = "on_hold"  # routed to nowhere, or rejected
    ASSIGNED = "assigned"
    READY = "ready"
    COMPLETED = "completed"
    RETURNED = "returned"
    CANCELLED = "cancelled"


# Order, DC and store fulfilment lifecycles. "You cannot cancel an item after it has
# been shipped or rejected" holds for the provider; a person still can (NOM).
MOVES: Mapping[UnitState, frozenset[UnitState]] = {
    UnitState.PENDING: frozenset(
        {
            UnitState.ASSIGNED,
            UnitState.ON_HOLD,
            UnitState.COMPLETED,
            UnitState.CANCELLED,
        }
    ),
    UnitState.ON_HOLD: frozenset({UnitState.ASSIGNED, UnitState.CANCELLED}),
    UnitState.ASSIGNED: frozenset(
        {UnitState.READY, UnitState.COMPLETED, UnitState.ON_HOLD, UnitState.CANCELLED}
    ),
    UnitState.READY: frozenset(
        {UnitState.COMPLETED, UnitState.ON_HOLD, UnitState.CANCELLED}
    ),
    UnitState.COMPLETED: frozenset({UnitState.RETURNED}),
    UnitState.RETURNED: frozenset(),
    UnitState.CANCELLED: frozenset(),
}
WITH_A_NODE = frozenset({UnitState.ASSIGNED, UnitState.READY})
OPEN = frozenset({UnitState.PENDING, UnitState.ON_HOLD}) | WITH_A_NODE


@dataclass(frozen=True, slots=True)
class Price:
    """What a unit costs. Amounts in major units of the order's currency.

    `price` is the price after the item's own discounts (an assumption: the public
    examples have none); the order's discounts still come off.
    """

    list_price: Decimal
    price: Decimal
    item_discounts: Decimal = ZERO
    order_discounts: Decimal = ZERO
    tax: Decimal = ZERO
    taxes: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit.

    Attributes:
        node_id: Where it is assigned, or was completed.
        reserved_at: Node that holds a unit of stock for it until it is routed.
        tried: Nodes that had it and failed.
        paid: What was paid for it, taxes included.
        refunded: What of that has been given back, as a refund or an appeasement.
    """

    id: str
    order_id: str
    product_id: str
    price: Price
    service_level: str
    paid: Decimal
    external_item_id: str | None = None
    attributes: tuple[Mapping[str, str], ...] = ()
    state: UnitState = UnitState.PENDING
    node_id: str | None = None
    request_id: str | None = None
    reserved_at: str | None = None
    tried: tuple[str, ...] = ()
    refunded: Decimal = ZERO

    @property
    def refundable(self) -> Decimal:
        """Return what can still be given back."""
        return self.paid - self.refunded

    def moved(self, state: UnitState) -> "Unit":
        """Return the unit in its next state; refuse a move that the table lacks."""
        if state not in MOVES[self.state]:
            raise not_allowed(
                "wrong_item_state",
                f"Item {self.id} is {self.state}, not to be {state}.",
            )
        return replace(self, state=state)


class Units:
    """Every unit, by id."""

    def __init__(self) -> None:
        self._units: dict[str, Unit] = {}

    def get(self, unit_id: str) -> Unit:
        """Return a unit."""
        try:
            return self._units[unit_id]
        except KeyError:
            raise not_found("Item", unit_id) from None

    def put(self, unit: Unit) -> Unit:
        """Keep a unit as it is now; return it."""
        self._units[unit.id] = unit
        return unit

    def walk(self) -> list[Unit]:
        """Return all units, oldest first."""
        return list(self._units.values())
