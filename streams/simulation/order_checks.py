"""What must hold of orders whenever the world is at rest, at us and at both vendors.

The vendors' own books are the oracle: what they were told and did, counted by hand.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streams.domain.commerce_orders import SeenOrder
from streams.domain.fulfilment import CANCELLED
from streams.domain.order_audit import UnitsBySku, order_faults, reservation_faults
from streams.domain.order_names import ledger_unit, order_number_of
from streams.domain.order_record import Order
from streams.domain.sourcing_run import ENDS, Phase
from streams.domain.units import standing
from streams.domain.wanted import wanted_of
from streams.mapping.commerce_order_wire import OrderWire
from streams.mapping.commerce_orders import LINE_TYPE_KEY, seen_of
from streams.mapping.orders_state import decode_order
from streams.sandbox.commercetools.journal import Write
from streams.sandbox.commercetools.orders import order_body
from streams.sandbox.commercetools.orders.model import Order as CommerceOrder
from streams.sandbox.newstore import ATP_PATH, UnitState
from streams.simulation import checks
from streams.simulation.checks_cases import check_cases, check_list
from streams.simulation.order_world import OrderWorld
from streams.simulation.snapshot import Snapshot, take_snapshot
from streams.simulation.truth import Truth
from streams.tables import ORDERS, UNITS
from streams.topics import (
    COMMERCE_MESSAGES,
    EXCEPTIONS,
    NEWSTORE_EVENTS,
    ORDER_ANSWERS,
    ORDER_FACTS,
    ORDER_NEWS,
    RESERVATION_ANSWERS,
    STOCK_MOVEMENTS,
)
from streams.verify_orders import differences, units_by_name


@dataclass(slots=True)
class OrderSnapshot(Snapshot):
    """The world at rest, with its orders.

    Attributes:
        opening: Units that each store had to begin with, by node and product.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    units: UnitsBySku = field(default_factory=dict)
    opening: Mapping[tuple[str, str], int] = field(default_factory=dict)
    at: OrderWorld = field(kw_only=True)

    def seen(self, order: Order) -> SeenOrder | None:
        """Return the order as commercetools has it."""
        commerce = order.commerce
        held = self.commerce_order("" if commerce is None else commerce.commerce_id)
        if held is None:
            return None
        shop = self.at.shop
        wire = msgspec.convert(
            msgspec.json.decode(msgspec.json.encode(order_body(held))), OrderWire
        )
        keys = {state.id: state.key or "" for state in shop.states.walk()}
        kind = shop.types.find("key", LINE_TYPE_KEY)
        return seen_of(wire, keys, "" if kind is None else kind.id)

    def commerce_order(self, commerce_id: str) -> CommerceOrder | None:
        return self.at.shop.orders.find("id", commerce_id)


def take_orders(
    world: OrderWorld, opening: Mapping[tuple[str, str], int]
) -> OrderSnapshot:
    """Read everything once for all checkers."""
    base = take_snapshot(world, Truth())
    snap = OrderSnapshot(
        world,
        base.truth,
        base.rows,
        base.journal,
        base.levels,
        base.parked,
        base.counts,
        opening=opening,
        at=world,
    )
    for _, key, value in snap.table(ORDERS):
        snap.orders[key.decode()] = decode_order(value)
    snap.units = units_by_name({key: value for _, key, value in snap.table(UNITS)})
    return snap


Checker = Callable[[OrderSnapshot], Iterator[str]]


def check_orders(snap: OrderSnapshot) -> Iterator[str]:
    """Every unit is in one state, and the ledger agrees with its order."""
    for order in snap.orders.values():
        yield from order_faults(order, snap.units)


def check_reservations(snap: OrderSnapshot) -> Iterator[str]:
    """What is reserved are the open units' promises, no more and no fewer."""
    reserved = {
        key: row["reserved"] for key, row in snap.rows.items() if row["reserved"]
    }
    yield from reservation_faults(reserved, snap.units)


def check_told(snap: OrderSnapshot) -> Iterator[str]:
    """commercetools' orders say what is wanted, and nothing of ours beyond that."""
    for number, order in snap.orders.items():
        if not order.is_placed:
            continue
        seen = snap.seen(order)
        if seen is None:
            yield f"order {number}: commercetools does not have it"
            continue
        if order.told_sequence != order.wanted_sequence:
            yield f"order {number}: told {order.told_sequence}, wanted " + str(
                order.wanted_sequence
            )
        for fault in differences(wanted_of(order), seen):
            yield f"order {number}: {fault}"


def check_taken_in(snap: OrderSnapshot) -> Iterator[str]:
    """Every order of commercetools has its record, placed."""
    for held in snap.at.shop.orders.walk():
        order = snap.orders.get(held.key or held.id)
        if order is None or not order.is_placed:
            yield f"order {held.key}: commercetools has it, we do not"


def check_ends(snap: OrderSnapshot) -> Iterator[str]:
    """Every order's search for a place has ended, in vain only with a case."""
    for number, order in snap.orders.items():
        run = order.sourcing
        if run is None:
            if snap.at.orders.sources and order.is_placed and not order.newstore:
                yield f"order {number}: nobody looks for its place"
        elif run.phase not in ENDS:
            yield f"order {number}: still {run.phase}"
        elif run.phase is Phase.EXHAUSTED and not order.troubles:
            yield f"order {number}: found no place, and nobody hears of it"


def check_told_at_vendor(snap: OrderSnapshot) -> Iterator[str]:
    """Nothing is doubled in commercetools: deliveries, units, returns, refunds."""
    for held in snap.at.shop.orders.walk():
        keys = Counter(delivery.key for _, delivery in held.deliveries())
        keys.update(item.key for item in held.return_items())
        yield from _doubled(f"order {held.key}", keys)
        yield from _overdelivered(held)
    for payment in snap.at.shop.payments.walk():
        refunds = Counter(
            one.interaction_id for one in payment.transactions if one.type == "Refund"
        )
        yield from _doubled(f"payment {payment.id}", refunds)


def _doubled(whose: str, keys: Counter[Any]) -> Iterator[str]:
    for key, times in sorted(keys.items(), key=str):
        if times > 1:
            yield f"{whose}: {key} is there {times} times"


def _overdelivered(held: CommerceOrder) -> Iterator[str]:
    sent: Counter[str] = Counter()
    for _, delivery in held.deliveries():
        sent.update({item.line_id: item.quantity for item in delivery.items})
    for line in held.lines:
        if sent[line.id] > line.quantity:
            yield f"order {held.key}: {sent[line.id]} of {line.quantity} delivered"


def check_shipped(snap: OrderSnapshot) -> Iterator[str]:
    """commercetools' deliveries are the units that NewStore's stores sent."""
    sent: Counter[str] = Counter()
    for (number, _), units in _by_unit(snap).items():
        sent[number] += sum(state in _GONE for state in units)
    for held in snap.at.shop.orders.walk():
        told = sum(
            item.quantity for _, made in held.deliveries() for item in made.items
        )
        if held.shippings and told != sent[held.key or ""]:
            left = sent[held.key or ""]
            yield f"order {held.key}: {told} units delivered, {left} sent"


_GONE = (UnitState.COMPLETED, UnitState.RETURNED)


def _by_unit(snap: OrderSnapshot) -> dict[tuple[str, str], list[UnitState]]:
    """Gather the states of each of our units over all of NewStore's orders."""
    found: dict[tuple[str, str], list[UnitState]] = {}
    for order in snap.at.store.world.orders.walk():
        number = order_number_of(order.external_id)
        for unit in snap.at.store.world.units_of(order.id):
            if unit.external_item_id:
                key = number, unit.external_item_id
                found.setdefault(key, []).append(unit.state)
    return found


def check_newstore(snap: OrderSnapshot) -> Iterator[str]:
    """Nothing is doubled in NewStore: one order a number, each unit sent once."""
    orders = snap.at.store.world.orders.walk()
    yield from _doubled("NewStore", Counter(order.external_id for order in orders))
    for (number, name), states in _by_unit(snap).items():
        if sum(state in _GONE for state in states) > 1:
            yield f"order {number}: unit {name} was sent more than once"
        if sum(state not in _OVER for state in states) > 1:
            yield f"order {number}: unit {name} is open in more than one order"


_OVER = (*_GONE, UnitState.CANCELLED, UnitState.ON_HOLD)


def check_books(snap: OrderSnapshot) -> Iterator[str]:
    """Our pools are what NewStore's own book says."""
    places = {
        place.newstore_node_id: place.location_id
        for place in snap.world.reference.locations.values()
    }
    skus = {
        product.newstore_product_id: product.sku
        for product in snap.world.reference.products.values()
    }
    for (node, product), row in snap.at.store.world.stock.rows():
        key = skus[product], places[node]
        held = snap.rows.get(key, {})
        on_hand = held.get("main", 0) + held.get("reserved", 0)
        if (on_hand, held.get("damaged", 0)) != (row.on_hand, row.damaged):
            yield (
                f"{key}: {on_hand} on hand and {held.get('damaged', 0)} damaged, "
                f"NewStore has {row.on_hand} and {row.damaged}"
            )


def check_returns(snap: OrderSnapshot) -> Iterator[str]:
    """Each returned unit of a web order is one return item in commercetools."""
    for held in snap.at.shop.orders.walk():
        told = sum(item.quantity for item in held.return_items())
        back = sum(
            states.count(UnitState.RETURNED)
            for (number, _), states in _by_unit(snap).items()
            if number == held.key
        )
        if told != back:
            yield f"order {held.key}: {told} units returned, NewStore took {back} back"


def check_cancelled(snap: OrderSnapshot) -> Iterator[str]:
    """What is cancelled in NewStore is shown so in commercetools, and nothing else."""
    shop = snap.at.shop
    states = {state.id: state.key for state in shop.states.walk()}
    for held in shop.orders.walk():
        told = sum(
            quantity
            for line in held.lines
            for state, quantity in line.states
            if states.get(state) == CANCELLED
        )
        gone = sum(
            UnitState.CANCELLED in found and not set(found) & set(_GONE)
            for (number, _), found in _by_unit(snap).items()
            if number == held.key
        )
        if told != gone:
            yield f"order {held.key}: {told} units cancelled, {gone} in NewStore"


def check_money(snap: OrderSnapshot) -> Iterator[str]:
    """What NewStore paid back is booked on commercetools' payment, to the cent."""
    paid: Counter[str] = Counter()
    for event in snap.at.store.events:
        if event.name != "payment_account.amount_refunded":
            continue
        payload = msgspec.json.decode(event.body)["payload"]
        order = snap.at.store.world.orders.get(str(payload["id"]))
        number = order_number_of(order.external_id)
        paid[number] += sum(
            round(float(one["amount"]) * 100) for one in payload["transactions"]
        )
    for held in snap.at.shop.orders.walk():
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


def check_return_first(snap: OrderSnapshot) -> Iterator[str]:
    """A refund is booked when its return is in commercetools' order, not before."""
    shop = snap.at.shop
    writes = list(shop.journal.read(0))
    for held in shop.orders.walk():
        told = _numbers(writes, held.id, "addReturnInfo")
        infos = [info.tracking_id for info in held.returns or ()]
        first = dict(reversed(list(zip(infos, told, strict=False))))
        for payment_id in held.payment_ids:
            booked = _numbers(writes, payment_id, "addTransaction")
            refunds = shop.payments.get("id", payment_id).transactions[1:]
            for refund, number in zip(refunds, booked, strict=False):
                if first.get(refund.interaction_id, 0) > number:
                    yield f"order {held.key}: {refund.interaction_id} was paid first"


def _numbers(writes: list[Write], resource_id: str, action: str) -> list[int]:
    """Number the writes to a resource by which an action was done, once for each."""
    return [
        write.number
        for write in writes
        if write.resource_id == resource_id
        for name in write.actions
        if name == action
    ]


def check_asked(snap: OrderSnapshot) -> Iterator[str]:
    """Nothing was confirmed that NewStore was not asked about just before."""
    asked: set[tuple[str, str]] = set()
    for call in snap.at.store.world.journal.calls.records():
        if call.path == ATP_PATH:
            keys = msgspec.json.decode(call.request)["atp_keys"]
            asked |= {(k["product_id"], k["fulfillment_node_id"]) for k in keys}
        elif call.path.endswith("/fulfill_order"):
            body = msgspec.json.decode(call.request)
            for shipment in body["shipments"]:
                node = shipment["shipping_option"]["fulfillment_node_id"]
                for item in shipment["items"]:
                    if (item["product_id"], node) not in asked:
                        yield f"{body['external_id']}: {item['product_id']} at {node}"


def check_released(snap: OrderSnapshot) -> Iterator[str]:
    """A search in vain holds nothing of what it had reserved."""
    for number, order in snap.orders.items():
        run = order.sourcing
        if run is None or run.phase is not Phase.EXHAUSTED:
            continue
        for wanted in run.units:
            unit = snap.units.get((wanted.sku, ledger_unit(number, wanted.unit)))
            if unit is not None and standing(unit) and unit.step > 0 and not unit.gone:
                yield f"order {number}: {wanted.unit} stands at {standing(unit)}"


def check_counters(snap: OrderSnapshot) -> Iterator[str]:
    """Per stage: what came in is what came of it, and the log agrees."""
    taken = {
        "intake": (NEWSTORE_EVENTS, COMMERCE_MESSAGES),
        "linking": (ORDER_NEWS,),
        "orders": (ORDER_FACTS, ORDER_ANSWERS, RESERVATION_ANSWERS),
        "ledger": (STOCK_MOVEMENTS,),
        "exceptions": (EXCEPTIONS,),
    }
    for stage, topics in taken.items():
        counts = snap.counts[stage]
        said = counts["in"] + counts["messages"]
        lies = sum(len(snap.records(topic)) for topic in topics)
        if said != lies:
            yield f"{stage} took in {said}, {lies} are in its topics"
    for stage, came_of_it in (
        ("intake", ("applied", "ignored", "parked", "-parked_again")),
        ("linking", ("applied", "noted", "waiting", "parked", "-raised")),
        ("orders", ("applied", "repeated", "parked")),
    ):
        counts = snap.counts[stage]
        said = counts["in"] + counts["messages"]
        made = sum(
            -counts[name[1:]] if name[0] == "-" else counts[name] for name in came_of_it
        )
        if said != made:
            yield f"{stage} took in {said}, and {made} came of it"


def check_existed(snap: OrderSnapshot) -> Iterator[str]:
    """No more units left a store than ever were in it."""
    for (node, product), row in snap.at.store.world.stock.rows():
        if row.shelf < 0 or row.on_hand < 0:
            yield f"{node} {product}: {row.on_hand} in the book, {row.shelf} there"


def check_parked(snap: OrderSnapshot) -> Iterator[str]:
    """Nothing that a vendor tells is unreadable to us."""
    for record in snap.parked:
        headers = dict(record.headers)
        said = headers.get("__streams.errors.message", b"")
        if record.topic == NEWSTORE_EVENTS.name or b"cannot be read" in said:
            yield f"parked: {said.decode()[:200]}"


def _of_spine(checker: Callable[[Snapshot], Iterator[str]]) -> Checker:
    return checker


CHECKERS: dict[str, Checker] = {
    "journal once": _of_spine(checks.check_journal_once),
    "journal = table = levels": _of_spine(checks.check_fold),
    "sums to zero": _of_spine(checks.check_zero),
    "counters": check_counters,
    "offsets": _of_spine(checks.check_offsets),
    "rebuild": _of_spine(checks.check_rebuild),
    "orders": check_orders,
    "reservations": check_reservations,
    "ends": check_ends,
    "taken in": check_taken_in,
    "commerce = available": _of_spine(checks.check_commerce),
    "told once": _of_spine(checks.check_told_once),
    "doubled at commerce": check_told_at_vendor,
    "doubled at NewStore": check_newstore,
    "shipped": check_shipped,
    "returned": check_returns,
    "cancelled": check_cancelled,
    "money": check_money,
    "orders told": check_told,
    "return first": check_return_first,
    "asked": check_asked,
    "released": check_released,
    "books": check_books,
    "existed": check_existed,
    "parked orders": check_parked,
    "cases": _of_spine(check_cases),
    "list": _of_spine(check_list),
}
"""Every checker of an order's day by its name."""
