"""An order's day as it ends, apart from times: no other order of events changes it.

A window is a time too: which of a request's units share a delivery depends on when they
were heard. So deliveries are compared by request and parcel, over all windows. And the
id for commercetools' sync is noted with what a window tells, never alone.
"""

import re
from collections import Counter
from collections.abc import Callable

from streams.domain.order_record import Order
from streams.domain.order_ties import units_of
from streams.simulation.order_snapshot import OrderSnapshot

_WINDOW = re.compile(r"-[2-9][0-9]*\Z")


def _records(snap: OrderSnapshot) -> dict[str, object]:
    return {number: _record(order) for number, order in snap.orders.items()}


def _record(order: Order) -> object:
    """Return what is known and decided, without when."""
    return {
        "commerce": order.commerce
        and (order.commerce.commerce_id, order.commerce.state),
        "lines": sorted(map(str, order.lines.values())),
        "ties": sorted(order.ties.items()),
        "units": {
            name: (str(unit.standing.state), unit.standing.location_id, unit.item_ids)
            for name, unit in units_of(order).items()
        },
        "shown": {name: tuple(each) for name, each in sorted(order.shown.items())},
        "delivered": sorted(
            (made.request_id, tuple(unit))
            for made in order.deliveries
            for unit in made.units
        ),
        "returned": sorted(
            (name, match.claim.return_id, match.location_id, match.sellable)
            for name, match in order.matches.items()
        ),
        "refunds": sorted(
            (key, each.correlation_id, each.amount_minor)
            for key, each in order.settlements.items()
        ),
        "troubles": sorted(trouble.identity for trouble in order.troubles),
    }


def _stock(snap: OrderSnapshot) -> dict[str, object]:
    return {"|".join(key): row for key, row in snap.rows.items() if any(row.values())}


def _entries(snap: OrderSnapshot) -> dict[str, object]:
    return {
        "|".join(key): entry.quantity
        for key, entry in snap.world.commerce.entries.items()
    }


def _commerce(snap: OrderSnapshot) -> dict[str, object]:
    """Return commercetools' orders: states, units sent by line, returns, money."""
    found: dict[str, object] = {}
    states = {one.id: one.key for one in snap.at.shop.states.walk()}
    for held in snap.at.shop.orders.walk():
        sent: Counter[tuple[str, str]] = Counter()
        for _, made in held.deliveries():
            request = _WINDOW.sub("", made.key or "")
            for item in made.items:
                sent[request, item.line_id] += item.quantity
        refunds = [
            (one.interaction_id, str(one.amount))
            for payment_id in held.payment_ids
            for one in snap.at.shop.payments.get("id", payment_id).transactions
            if one.type == "Refund"
        ]
        found[held.key or held.id] = {
            "state": (held.state, held.shipment_state),
            "sent": sorted(sent.items()),
            "lines": [
                (
                    line.id,
                    sorted((str(states[each]), n) for each, n in line.states if n),
                    # A type without fields says nothing: it is only history.
                    str(line.custom.fields or "") if line.custom else "",
                )
                for line in held.lines
            ],
            "returns": sorted(
                (str(item.key), item.line_id, item.shipment_state, item.payment_state)
                for item in held.return_items()
            ),
            "refunds": sorted(refunds, key=str),
        }
    return found


READINGS: dict[str, Callable[[OrderSnapshot], dict[str, object]]] = {
    "order": _records,
    "stock": _stock,
    "entries": _entries,
    "commercetools": _commerce,
}
