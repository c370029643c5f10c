"""From an order's row to what is answered about it."""

from collections import Counter
from typing import Any

from streams.domain.order_names import external_id_of
from streams.domain.order_record import Claim, Delivery, Order
from streams.domain.order_ties import OrderUnit, Units, loose_items, units_of
from streams.domain.order_units import DONE, UnitState, completion_of
from streams.domain.refunds import amount_due, payment_state_of, settled
from streams.domain.sourcing_run import Sourcing

OPEN, CLOSED, CANCELLED, TROUBLE = "open", "done", "cancelled", "trouble"


def state_of(units: Units) -> str:
    """Say whether an order still waits for somebody, is done, or was cancelled."""
    states = {unit.standing.state for unit in units.values()}
    if not states or not states <= DONE:
        return OPEN
    return CANCELLED if states == {UnitState.CANCELLED} else CLOSED


def summary_of(order: Order) -> dict[str, Any]:
    """Return an order as it stands in a list."""
    units = units_of(order)
    counts = Counter(str(unit.standing.state) for unit in units.values())
    return {
        "order_number": order.number,
        "state": state_of(units),
        "units": dict(sorted(counts.items())),
        "troubles": len(order.troubles),
        "changed_at": order.changed_at,
    }


def order_shape(order: Order) -> dict[str, Any]:
    """Return all that is known of an order."""
    units = units_of(order)
    return {
        "order_number": order.number,
        "state": state_of(units),
        "first_at": order.first_at,
        "changed_at": order.changed_at,
        "commerce": _commerce(order),
        "newstore": [
            {"newstore_id": newstore_id, **_named(whole)}
            for newstore_id, whole in sorted(order.newstore.items())
        ],
        "lines": _lines(order, units),
        "units": [_unit(order, unit) for unit in units.values()],
        "loose_items": [
            {"item_id": item_id, "sku": item.facts.sku, "unit": item.unit}
            for item_id, item in loose_items(order).items()
        ],
        "deliveries": [_delivery(made) for made in order.deliveries],
        "returns": _returns(order),
        "appeasements": [
            {
                "refund_id": refund_id,
                **_named(given),
                "settled": settled(order, refund_id),
            }
            for refund_id, given in sorted(order.appeasements.items())
        ],
        "sourcing": None if order.sourcing is None else _sourcing(order.sourcing),
        "past_runs": [
            {"run": past.run, "phase": past.phase, "places": dict(past.places)}
            for past in order.past_runs
        ],
        "window": None if order.window is None else _named(order.window),
        "told": _told(order),
        "troubles": [_named(trouble) for trouble in order.troubles],
    }


def _delivery(made: Delivery) -> dict[str, Any]:
    return {
        "key": made.key,
        "request_id": made.request_id,
        "units": [_named(each) for each in made.units],
    }


def _told(order: Order) -> dict[str, Any]:
    return {
        "wanted_sequence": order.wanted_sequence,
        "told_sequence": order.told_sequence,
        "told_at": order.told_at,
        "calls": order.calls,
        "declined": None if order.declined is None else order.declined.sentence,
    }


def _named(value: Any) -> dict[str, Any]:
    """Return a named tuple's fields by their names."""
    named: dict[str, Any] = value._asdict()
    return named


def _commerce(order: Order) -> dict[str, Any] | None:
    commerce = order.commerce
    if commerce is None:
        return None
    return {
        "commerce_id": commerce.commerce_id,
        "version": commerce.version,
        "state": commerce.state,
        "placed_at": commerce.placed_at,
        "currency": commerce.currency,
        "country": commerce.country,
        "has_shipping": commerce.has_shipping,
        "payment_ids": commerce.payment_ids,
        "is_cancelled": order.is_cancelled,
    }


def _lines(order: Order, units: Units) -> list[dict[str, Any]]:
    found = []
    for line_id, line in sorted(order.lines.items()):
        states = Counter(
            str(unit.standing.state)
            for unit in units.values()
            if unit.line_id == line_id and not unit.is_withdrawn
        )
        found.append(
            {
                "line_id": line_id,
                "sku": line.sku,
                "quantity": line.quantity,
                "location_id": line.location_id,
                "commerce_counted": line.counted,
                "states": dict(sorted(states.items())),
            }
        )
    return found


def _unit(order: Order, unit: OrderUnit) -> dict[str, Any]:
    shown, completion = order.shown.get(unit.name), completion_of(unit.facts)
    return {
        "unit": unit.name,
        "line_id": unit.line_id,
        "sku": unit.sku,
        "item_ids": unit.item_ids,
        **_named(unit.standing),
        "placed_at": order.places.get(unit.name, ""),
        "tracking_code": "" if completion is None else completion.tracking_code,
        "shown": "" if shown is None else shown.state_key,
        "is_withdrawn": unit.is_withdrawn,
    }


def _returns(order: Order) -> list[dict[str, Any]]:
    by_claim = {match.claim: unit for unit, match in order.matches.items()}
    return [
        {
            "return_id": return_id,
            "location_id": back.location_id,
            "returned_at": back.returned_at,
            "currency": back.currency,
            "due": amount_due(order, return_id),
            "settled": settled(order, return_id),
            "payment_state": payment_state_of(order, return_id),
            "items": [
                {
                    "sku": item.sku,
                    "item_id": item.item_id,
                    "sellable": item.sellable,
                    "units": [
                        by_claim.get(Claim(return_id, index, number), "")
                        for number in range(max(0, item.quantity))
                    ],
                }
                for index, item in enumerate(back.items)
            ],
        }
        for return_id, back in sorted(order.returns.items())
    ]


def _sourcing(run: Sourcing) -> dict[str, Any]:
    return {
        "run": run.run,
        "phase": run.phase,
        "round": run.round,
        "external_id": external_id_of(run.order_number, run.run),
        "places": {placement.unit: placement.location_id for placement in run.plan},
        "tried": [_named(tried) for tried in run.tried],
        "said": "" if run.trouble is None else run.trouble.sentence,
    }
