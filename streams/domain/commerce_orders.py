"""What is missing in commercetools' order: wanted compared with what is there.

Nothing is ever taken back or edited: what people did there stays. So the same wanted
and the same order always give the same actions, and none once all is there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from streams.domain.commerce_wanted import (
    LineQuantity,
    WantedDelivery,
    WantedLine,
    WantedOrder,
    WantedReturn,
    WantedReturnItem,
)

INITIAL = "Initial"
OUR_STATES = (
    "oneshelf-reserved",
    "oneshelf-assigned",
    "oneshelf-ready",
    "oneshelf-failed",
    "oneshelf-shipped",
    "oneshelf-cancelled",
    "oneshelf-returned",
)
"""Keys of our line item states. Units in any other but `Initial` are a person's."""

RETURNED, REFUNDED = "Returned", "Refunded"
CANCELLED, COMPLETE = "Cancelled", "Complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenReturnItem:
    """A return item as commercetools has it."""

    shipment_state: str
    payment_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOrder:
    """commercetools' order, as far as we compare it.

    Attributes:
        delivered: The items of each delivery, by its key.
        states: For each line the units in each state, by the state's key.
        locations: For each line our custom field; None where the line has no type.
        returns: Return items by key.
        synced: External ids in `syncInfo`.
        typed_otherwise: Lines that carry a custom type of the project's own.
    """

    version: int
    order_state: str = "Open"
    shipment_state: str = ""
    can_deliver: bool = True
    delivered: Mapping[str, tuple[LineQuantity, ...]] = field(default_factory=dict)
    states: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    locations: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    returns: Mapping[str, SeenReturnItem] = field(default_factory=dict)
    synced: tuple[str, ...] = ()
    typed_otherwise: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDelivery:
    delivery: WantedDelivery


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveUnits:
    """Units of a line go from one state to another."""

    line_id: str
    quantity: int
    from_state: str
    to_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLocations:
    """A line's custom field; `has_type` says that the line has our type already."""

    line_id: str
    locations: tuple[str, ...]
    has_type: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShipmentState:
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrderState:
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSync:
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddReturn:
    """One return with those of its items that are not there yet."""

    return_id: str
    returned_at: datetime
    items: tuple[WantedReturnItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReturnShipment:
    key: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReturnPayment:
    key: str
    state: str


OrderAction = (
    AddDelivery
    | MoveUnits
    | SetLocations
    | ChangeShipmentState
    | ChangeOrderState
    | UpdateSync
    | AddReturn
    | SetReturnShipment
    | SetReturnPayment
)


def actions_of(wanted: WantedOrder, seen: SeenOrder) -> list[OrderAction]:
    """List what is missing, in the order in which it is to be done.

    All but the payment states of returns: those follow the money, see
    `payment_states_of`.
    """
    actions: list[OrderAction] = []
    if seen.can_deliver:
        actions += [
            AddDelivery(delivery=delivery)
            for delivery in wanted.deliveries
            if delivery.key not in seen.delivered
        ]
    for line in wanted.lines:
        actions += _line_actions(line, seen)
    for returned in wanted.returns:
        actions += _return_actions(returned, seen)
    actions += _order_actions(wanted, seen)
    if wanted.sync_id and wanted.sync_id not in seen.synced and actions:
        actions.append(UpdateSync(external_id=wanted.sync_id))
    return actions


def payment_states_of(wanted: WantedOrder, seen: SeenOrder) -> list[OrderAction]:
    """List the returns whose payment state lags, once their refunds are recorded."""
    return [
        SetReturnPayment(key=item.key, state=item.payment_state)
        for returned in wanted.returns
        for item in returned.items
        if item.payment_state not in ("", "Initial")
        and item.key in seen.returns
        and seen.returns[item.key].payment_state != item.payment_state
    ]


def overdelivered(wanted: WantedOrder, quantities: Mapping[str, int]) -> list[str]:
    """Return the lines of which more units are in deliveries than were ordered.

    commercetools does not check this, so it is checked before anything is sent.
    """
    sent: Counter[str] = Counter()
    for delivery in wanted.deliveries:
        for item in delivery.items:
            sent[item.line_id] += item.quantity
    return sorted(line for line in sent if sent[line] > quantities.get(line, 0))


def _line_actions(line: WantedLine, seen: SeenOrder) -> Iterator[OrderAction]:
    current = seen.states.get(line.line_id)
    if current is None:
        return  # The line is gone from commercetools' order.
    yield from _moves(line, current)
    known = seen.locations.get(line.line_id)
    # Units that lost their place lose it there, too.
    is_stale = set(known or ()) != set(line.locations)
    if is_stale and line.line_id not in seen.typed_otherwise:
        yield SetLocations(
            line_id=line.line_id,
            locations=line.locations,
            has_type=known is not None,
        )


def _moves(line: WantedLine, current: Mapping[str, int]) -> Iterator[MoveUnits]:
    """Pair states with too many units and states with too few, in the trade's order."""
    ours = (INITIAL, *OUR_STATES)
    wanted = Counter({state.state_key: state.quantity for state in line.states})
    surplus = {key: current.get(key, 0) - wanted[key] for key in ours}
    for target in reversed(ours):
        for source in ours:
            quantity = min(-surplus[target], surplus[source])
            if quantity <= 0:
                continue
            surplus[target] += quantity
            surplus[source] -= quantity
            yield MoveUnits(
                line_id=line.line_id,
                quantity=quantity,
                from_state=source,
                to_state=target,
            )


def _return_actions(returned: WantedReturn, seen: SeenOrder) -> Iterator[OrderAction]:
    missing = tuple(item for item in returned.items if item.key not in seen.returns)
    if missing:
        yield AddReturn(
            return_id=returned.return_id,
            returned_at=returned.returned_at,
            items=missing,
        )
    for item in returned.items:
        known = seen.returns.get(item.key)
        now = RETURNED if known is None else known.shipment_state
        # The only step that commercetools allows is away from Returned.
        if now == RETURNED and item.shipment_state != RETURNED:
            yield SetReturnShipment(key=item.key, state=item.shipment_state)


def _order_actions(wanted: WantedOrder, seen: SeenOrder) -> Iterator[OrderAction]:
    shipment = wanted.shipment_state
    # `Delivered` is said by whoever hears from the carrier, after us.
    if shipment and seen.shipment_state not in (shipment, "Delivered"):
        yield ChangeShipmentState(state=shipment)
    ended = seen.order_state in (CANCELLED, COMPLETE)
    if wanted.order_state and not ended and seen.order_state != wanted.order_state:
        yield ChangeOrderState(state=wanted.order_state)
