"""From an order's record to all that commercetools' order shall say."""

from collections import Counter
from dataclasses import replace
from operator import attrgetter, is_

from streams.domain.commerce_wanted import (
    LineQuantity,
    StateQuantity,
    WantedDelivery,
    WantedLine,
    WantedOrder,
    WantedParcel,
    WantedRefund,
    WantedReturn,
    WantedReturnItem,
)
from streams.domain.fulfilment import CANCELLED, RETURNED, SHIPPED, UNTOLD
from streams.domain.order_names import safe_key, unit_name
from streams.domain.order_record import Delivery, Match, Order, Shown
from streams.domain.refunds import payment_state_of, refunds_of

_GONE = frozenset({SHIPPED, RETURNED})
_DONE = _GONE | {CANCELLED}

TOLD = (
    "commerce",
    "lines",
    "newstore",
    "returns",
    "settlements",
    "appeasements",
    "matches",
    "deliveries",
    "shown",
    "sync_id",
)
"""What `wanted_of` reads of an order, besides what never changes."""

_told = attrgetter(*TOLD)


def wanted_of(order: Order) -> WantedOrder:
    """Return all that commercetools' order shall say, as of the last closed window."""
    commerce = order.commerce
    if commerce is None or not order.is_placed:
        return WantedOrder(
            order_number=order.number,
            commerce_id="" if commerce is None else commerce.commerce_id,
            sequence=order.wanted_sequence,
        )
    shown = _shown(order)
    states = [each.state_key for units in shown.values() for each in units]
    returns = _returns(order)
    # Money follows the goods: first commercetools is to know what came back.
    causes = {*order.appeasements, *(returned.return_id for returned in returns)}
    return WantedOrder(
        order_number=order.number,
        commerce_id=commerce.commerce_id,
        sequence=order.wanted_sequence,
        has_shipping=commerce.has_shipping,
        deliveries=tuple(_delivery(made) for made in order.deliveries),
        lines=tuple(_line(line_id, units) for line_id, units in shown.items() if units),
        shipment_state=_shipment_state(states),
        order_state=_order_state(order, states),
        sync_id=order.sync_id,
        returns=returns,
        refunds=tuple(
            WantedRefund(
                interaction_id=refund.cause_id,
                amount_minor=refund.amount_minor,
                currency=refund.currency,
                settled_at=refund.settled_at,
            )
            for refund in refunds_of(order)
            if refund.cause_id in causes
        ),
        payment_ids=commerce.payment_ids,
    )


def content_of(order: Order) -> WantedOrder:
    """Return what is wanted but for its sequence, to be compared."""
    return replace(wanted_of(order), sequence=0)


def has_same_content(before: Order, order: Order) -> bool:
    """Say whether nothing has been touched that is told; false proves no change."""
    return all(map(is_, _told(before), _told(order)))


def blank_of(order: Order) -> WantedOrder:
    """Return what commercetools' order says before we said anything."""
    untouched = order._replace(
        shown={},
        deliveries=(),
        matches={},
        settlements={},
        sync_id="",
        newstore={},
    )
    return content_of(untouched)


def _shown(order: Order) -> dict[str, list[Shown]]:
    """Return what is shown of each line's units; their number is the line's."""
    return {
        line_id: [
            order.shown.get(unit_name(line_id, index), UNTOLD)
            for index in range(1, line.quantity + 1)
        ]
        for line_id, line in sorted(order.lines.items())
    }


def _line(line_id: str, units: list[Shown]) -> WantedLine:
    states = Counter(shown.state_key for shown in units)
    places = Counter(shown.location_id for shown in units if shown.location_id)
    return WantedLine(
        line_id=line_id,
        states=tuple(
            StateQuantity(state_key=key, quantity=quantity)
            for key, quantity in sorted(states.items())
        ),
        locations=tuple(
            f"{place}:{number}" for place, number in sorted(places.items())
        ),
    )


def _delivery(made: Delivery) -> WantedDelivery:
    by_parcel: dict[tuple[str, str], list[str]] = {}
    for unit, carrier, tracking_code in made.units:
        if tracking_code:
            by_parcel.setdefault((tracking_code, carrier), []).append(unit)
    return WantedDelivery(
        key=made.key,
        items=_quantities([each.unit for each in made.units]),
        parcels=tuple(
            WantedParcel(
                key=safe_key(made.key, tracking_code),
                items=_quantities(units),
                tracking_id=tracking_code,
                carrier=carrier,
            )
            for (tracking_code, carrier), units in sorted(by_parcel.items())
        ),
    )


def _quantities(units: list[str]) -> tuple[LineQuantity, ...]:
    lines = Counter(unit.rpartition("#")[0] for unit in units)
    return tuple(
        LineQuantity(line_id=line_id, quantity=quantity)
        for line_id, quantity in sorted(lines.items())
    )


def _shipment_state(states: list[str]) -> str:
    wanted = [state for state in states if state != CANCELLED]
    if states and not wanted:
        return "Canceled"
    gone = sum(state in _GONE for state in wanted)
    if gone == 0:
        return ""
    return "Shipped" if gone == len(wanted) else "Partial"


def _order_state(order: Order, states: list[str]) -> str:
    """Say `Complete` when all is shown as done and NewStore has closed its orders."""
    is_done = all(state in _DONE for state in states)
    if order.is_cancelled or not is_done or not _GONE.intersection(states):
        return ""
    closed = [whole.completed for whole in order.newstore.values()]
    ended = [
        whole.completed or whole.cancelled or whole.unavailable
        for whole in order.newstore.values()
    ]
    return "Complete" if any(closed) and all(ended) else ""


def _returns(order: Order) -> tuple[WantedReturn, ...]:
    by_return: dict[str, list[tuple[str, Match]]] = {}
    for unit, match in sorted(order.matches.items()):
        by_return.setdefault(match.claim.return_id, []).append((unit, match))
    wanted = [
        WantedReturn(
            return_id=return_id,
            returned_at=order.returns[return_id].returned_at,
            items=tuple(_return_item(order, *each) for each in matched),
        )
        for return_id, matched in by_return.items()
    ]
    return tuple(sorted(wanted, key=lambda each: (each.returned_at, each.return_id)))


def _return_item(order: Order, unit: str, match: Match) -> WantedReturnItem:
    return WantedReturnItem(
        key=safe_key(match.claim.return_id, unit),
        line_id=unit.rpartition("#")[0],
        quantity=1,
        shipment_state="BackInStock" if match.sellable else "Unusable",
        payment_state=payment_state_of(order, match.claim.return_id),
        comment=match.location_id,
    )
