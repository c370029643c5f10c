"""What the vendors' own books say came of every unit, and whether we say the same."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from streams.domain.fulfilment import CANCELLED
from streams.domain.order_names import order_number_of, unit_name
from streams.domain.order_ties import units_of
from streams.domain.order_units import UnitState as OurState
from streams.engine.headers import REASON, VALUE
from streams.sandbox.commercetools.orders.model import Order as CommerceOrder
from streams.sandbox.newstore import UnitState
from streams.sandbox.newstore.stream import Event
from streams.simulation.order_snapshot import OrderSnapshot
from streams.simulation.order_world import OWN_STATE

GONE = (UnitState.COMPLETED, UnitState.RETURNED)
OVER = (*GONE, UnitState.CANCELLED, UnitState.ON_HOLD)
UNMATCHED = {"returned_twice", "returned_unsold", "returned_unknown", "over_return"}
"""Reasons of cases about returns that bring what was not sold, or is back already."""


class Sold(NamedTuple):
    """How many units of a SKU an order has sent, and how many were brought back."""

    sent: Counter[tuple[str, str]]
    back: Counter[tuple[str, str]]


def units_at_newstore(
    snap: OrderSnapshot,
) -> dict[tuple[str, str], list[UnitState]]:
    """Gather the states of each of our units over all of NewStore's orders."""
    found: dict[tuple[str, str], list[UnitState]] = {}
    for order in snap.at.store.world.orders.walk():
        number = order_number_of(order.external_id)
        for unit in snap.at.store.world.units_of(order.id):
            if unit.external_item_id:
                key = number, unit.external_item_id
                found.setdefault(key, []).append(unit.state)
    return found


def told_events(snap: OrderSnapshot, name: str) -> Iterator[tuple[Event, Any]]:
    """Go through what NewStore told under one event's name, with the payload."""
    for event in snap.at.store.events:
        if event.name == name:
            yield event, msgspec.json.decode(event.body)["payload"]


def sold_and_back(snap: OrderSnapshot) -> Sold:
    """Count by order number and SKU; a return by another's number counts for it."""
    world, skus = snap.at.store.world, _skus(snap)
    sold = Sold(Counter(), Counter())
    for order in world.orders.walk():
        number = order_number_of(order.external_id)
        for unit in world.units_of(order.id):
            key = number, skus[unit.product_id]
            sold.sent[key] += unit.state in GONE
            sold.back[key] += unit.state is UnitState.RETURNED
    for _, payload in told_events(snap, "return.processed"):
        if not payload.get("order_id") and payload.get("external_order_id"):
            for item in payload["items"]:
                key = payload["external_order_id"], skus[item["product_id"]]
                sold.back[key] += 1
    return sold


def _skus(snap: OrderSnapshot) -> dict[str, str]:
    products = snap.world.reference.products.values()
    return {product.newstore_product_id: product.sku for product in products}


def _places(snap: OrderSnapshot) -> dict[str, str]:
    places = snap.world.reference.locations.values()
    return {place.newstore_node_id: place.location_id for place in places}


def is_cancelled(held: CommerceOrder, states: list[UnitState]) -> bool:
    """Say whether nobody wants a unit any more that did not leave in time."""
    if any(state in GONE for state in states):
        return False
    return held.state == "Cancelled" or UnitState.CANCELLED in states


def check_shipped(snap: OrderSnapshot) -> Iterator[str]:
    """commercetools' deliveries are the units that NewStore's stores sent."""
    sent: Counter[str] = Counter()
    for (number, _), units in units_at_newstore(snap).items():
        sent[number] += sum(state in GONE for state in units)
    for held in snap.at.shop.orders.walk():
        told = sum(
            item.quantity for _, made in held.deliveries() for item in made.items
        )
        if held.shippings and told != sent[held.key or ""]:
            left = sent[held.key or ""]
            yield f"order {held.key}: {told} units delivered, {left} sent"


def check_newstore(snap: OrderSnapshot) -> Iterator[str]:
    """Nothing is doubled in NewStore: one order a number, each unit sent once."""
    orders = snap.at.store.world.orders.walk()
    numbers = Counter(order.external_id for order in orders)
    for number, times in sorted(numbers.items()):
        if times > 1:
            yield f"NewStore: {number} is there {times} times"
    for (number, name), states in units_at_newstore(snap).items():
        if sum(state in GONE for state in states) > 1:
            yield f"order {number}: unit {name} was sent more than once"
        if sum(state not in OVER for state in states) > 1:
            yield f"order {number}: unit {name} is open in more than one order"


def check_states(snap: OrderSnapshot) -> Iterator[str]:
    """Each unit of a web order stands where the vendors' books have it."""
    found = units_at_newstore(snap)
    for held in snap.at.shop.orders.walk():
        order = snap.orders.get(held.key or "")
        if order is None or not order.is_placed:
            continue
        units = units_of(order)
        for line in held.lines:
            for index in range(1, line.quantity + 1):
                name = unit_name(line.id, index)
                states = found.get((order.number, name), [])
                state = units[name].standing.state
                if state not in _expected(held, states):
                    yield f"order {order.number}: {name} is {state}, there {states}"


def _expected(held: CommerceOrder, states: list[UnitState]) -> set[OurState]:
    if any(state in GONE for state in states):
        return {OurState.COMPLETED, OurState.RETURNED}
    if is_cancelled(held, states):
        return {OurState.CANCELLED}
    return {OurState.OPEN, OurState.FAILED}


def check_books(snap: OrderSnapshot) -> Iterator[str]:
    """Our pools are what NewStore's own book says."""
    places, skus = _places(snap), _skus(snap)
    for (node, product), row in snap.at.store.world.stock.rows():
        key = skus[product], places[node]
        held = snap.rows.get(key, {})
        on_hand = held.get("main", 0) + held.get("reserved", 0)
        if (on_hand, held.get("damaged", 0)) != (row.on_hand, row.damaged):
            yield (
                f"{key}: {on_hand} on hand and {held.get('damaged', 0)} damaged, "
                f"NewStore has {row.on_hand} and {row.damaged}"
            )


def check_transit(snap: OrderSnapshot) -> Iterator[str]:
    """On its way is what was sent to a place and has not arrived there."""
    places, skus = _places(snap), _skus(snap)
    sent: dict[str, tuple[str, Counter[str]]] = {}
    for _, payload in told_events(snap, "inventory_transaction.asn_created"):
        lines: Counter[str] = Counter()
        for item in payload["items"]:
            lines[skus[item["product_id"]]] += item["quantity"]
        sent[payload["id"]] = places[payload["destination_id"]], lines
    for _, payload in told_events(snap, "inventory_transaction.items_received"):
        for item in payload["items"]:
            if payload.get("asn_id") in sent:
                _, lines = sent[payload["asn_id"]]
                lines[skus[item["product_id"]]] -= item["quantity"]
    wanted: Counter[tuple[str, str]] = Counter()
    for place, lines in sent.values():
        wanted.update({(sku, place): max(0, left) for sku, left in lines.items()})
    for key, row in snap.rows.items():
        if row["in_transit"] != wanted[key]:
            yield f"{key}: {row['in_transit']} in transit, sent to it {wanted[key]}"


def check_returns(snap: OrderSnapshot) -> Iterator[str]:
    """What came back of a web order is told to commercetools, and no more than left."""
    sold = sold_and_back(snap)
    for held in snap.at.shop.orders.walk():
        number, skus = held.key or "", {line.id: line.sku for line in held.lines}
        told: Counter[str] = Counter()
        for item in held.return_items():
            told[skus[item.line_id]] += item.quantity
        for sku in sorted(set(skus.values())):
            wanted = min(sold.sent[number, sku], sold.back[number, sku])
            if told[sku] != wanted:
                yield f"order {number}: {told[sku]} {sku} returned, {wanted} came back"


def check_return_cases(snap: OrderSnapshot) -> Iterator[str]:
    """Who brings back more than was sold is in the list, and nobody else."""
    sold = sold_and_back(snap)
    over = {number for (number, sku), n in (sold.back - sold.sent).items() if n > 0}
    said = {
        number
        for number, order in snap.orders.items()
        if any(trouble.reason in UNMATCHED for trouble in order.troubles)
    }
    for number in sorted(over ^ said):
        yield f"order {number}: {'nobody hears of' if number in over else 'no'} excess"


def check_gifts(snap: OrderSnapshot) -> Iterator[str]:
    """Each return that names no order is one case, for as long as nobody links it."""
    gifts = {
        payload["id"]
        for _, payload in told_events(snap, "return.processed")
        if not payload.get("order_id") and not payload.get("external_order_id")
    }
    said: Counter[str] = Counter()
    for record in snap.parked:
        headers = dict(record.headers)
        if headers.get(REASON) == b"unlinked_return":
            said[headers[VALUE].decode()] += 1
    for return_id in sorted(gifts | said.keys()):
        if said[return_id] != (return_id in gifts):
            yield f"return {return_id} is {said[return_id]} times in the list"


def check_cancelled(snap: OrderSnapshot) -> Iterator[str]:
    """What is cancelled at either vendor is shown so in commercetools, nothing else."""
    shop, found = snap.at.shop, units_at_newstore(snap)
    keys = {state.id: state.key for state in shop.states.walk()}
    for held in shop.orders.walk():
        for line in held.lines:
            if any(keys[state] == OWN_STATE for state, _ in line.states):
                continue  # A person keeps these apart.
            told = sum(n for state, n in line.states if keys[state] == CANCELLED)
            names = [unit_name(line.id, index + 1) for index in range(line.quantity)]
            gone = sum(
                is_cancelled(held, found.get((held.key or "", name), []))
                for name in names
            )
            if told != gone:
                yield f"order {held.key}: {told} of {line.id} cancelled, wanted {gone}"


def check_cancel_cases(snap: OrderSnapshot) -> Iterator[str]:
    """A cancelled order is in the list while a store has it, or if one has sent it."""
    found = units_at_newstore(snap)
    for held in snap.at.shop.orders.walk():
        order = snap.orders.get(held.key or "")
        if order is None or held.state != "Cancelled":
            continue
        mine = [states for (number, _), states in found.items() if number == held.key]
        sent = any(set(states) & set(GONE) for states in mine)
        kept = any(
            not set(states) & set(GONE) and set(states) - {UnitState.CANCELLED}
            for states in mine
        )
        said = {trouble.reason for trouble in order.troubles}
        for reason, is_so in (
            ("shipped_though_cancelled", sent),
            ("newstore_not_cancelled", kept),
        ):
            if (reason in said) != is_so:
                yield f"order {held.key}: {reason} is {is_so}, its cases are {said}"
        if "cancelled_after_injection" in said and not kept:
            yield f"order {held.key}: NewStore has cancelled it, its cases are {said}"


def check_money(snap: OrderSnapshot) -> Iterator[str]:
    """What NewStore paid back is booked on commercetools' payment, to the cent.

    Money for a return of which nothing was sold waits for a person with its case.
    """
    paid: Counter[str] = Counter()
    for _, payload in told_events(snap, "payment_account.amount_refunded"):
        order = snap.at.store.world.orders.get(str(payload["id"]))
        number = order_number_of(order.external_id)
        known = snap.orders.get(number)
        if known is None:
            continue
        matched = {match.claim.return_id for match in known.matches.values()}
        for one in payload["transactions"]:
            if one["correlation_id"] in {*matched, *known.appeasements}:
                paid[number] += round(float(one["amount"]) * 100)
    for held in snap.at.shop.orders.walk():
        if held.key not in snap.orders:
            continue  # Forgotten long after; what was booked stays.
        booked = 0
        for payment_id in held.payment_ids:
            payment = snap.at.shop.payments.get("id", payment_id)
            booked += sum(
                int(str(one.amount["centAmount"]))
                for one in payment.transactions
                if one.type == "Refund"
            )
        if booked != paid[held.key or ""]:
            yield f"order {held.key}: {booked} booked, {paid[held.key or '']} paid back"


def check_existed(snap: OrderSnapshot) -> Iterator[str]:
    """No more units left a store than ever were in it."""
    for (node, product), row in snap.at.store.world.stock.rows():
        if row.shelf < 0 or row.on_hand < 0:
            yield f"{node} {product}: {row.on_hand} in the book, {row.shelf} there"
