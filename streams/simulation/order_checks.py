"""What must hold of orders whenever the world is at rest, at us and at both vendors.

The vendors' own books are the oracle: what they were told and did, counted by hand.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from streams.domain.availability import EntryScope
from streams.domain.fulfilment import RESERVED, STATE_KEYS
from streams.domain.order_audit import order_faults, reservation_faults
from streams.domain.order_names import ledger_unit
from streams.domain.order_ties import units_of
from streams.domain.order_units import DONE, UnitState
from streams.domain.sourcing_run import ENDS, Phase
from streams.domain.units import standing
from streams.domain.wanted import wanted_of
from streams.sandbox.commercetools.journal import Write
from streams.sandbox.commercetools.orders.model import Order as CommerceOrder
from streams.sandbox.newstore import ATP_PATH
from streams.simulation import checks, order_books
from streams.simulation.checks_cases import check_cases, check_list
from streams.simulation.order_snapshot import Checker, OrderSnapshot
from streams.simulation.snapshot import Snapshot
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
from streams.verify_orders import differences


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
    open_units = {
        (unit.sku, ledger_unit(number, name))
        for number, order in snap.orders.items()
        for name, unit in units_of(order).items()
        if unit.standing.state not in DONE
    }
    for key, known in snap.units.items():
        if not known.same_as and standing(known) and key not in open_units:
            yield f"{key} is reserved at {standing(known)} for no open unit"


_PROMISED = (RESERVED, STATE_KEYS[UnitState.ASSIGNED], STATE_KEYS[UnitState.READY])


def check_promised(snap: OrderSnapshot) -> Iterator[str]:
    """What commercetools shows as held at a place is reserved there."""
    for number, order in snap.orders.items():
        units = units_of(order) if order.is_placed else {}
        for name, unit in units.items():
            shown = order.shown.get(name)
            if shown is None or shown.state_key not in _PROMISED:
                continue
            known = snap.units.get((unit.sku, ledger_unit(number, name)))
            place = "" if known is None else standing(known)
            if place != shown.location_id:
                yield f"order {number}: {name} is shown as {shown}, held at {place!r}"


def check_offered(snap: OrderSnapshot) -> Iterator[str]:
    """Commerce offers what is available, less what it took for orders without place.

    Without a channel, no place is known for what commerce has counted until one is
    found for the unit, or nobody wants it any more.
    """
    unplaced: Counter[str] = Counter()
    for (sku, _), unit in snap.units.items():
        if not (unit.same_as or unit.gone or unit.cancelled):
            unplaced[sku] += unit.unplaced
    if snap.world.shape.entries is not EntryScope.POOL or not +unplaced:
        yield from checks.check_commerce(snap)
        return
    entries = snap.world.commerce.entries
    for sku, taken in (+unplaced).items():
        entries[sku, ""].quantity += taken
    yield from checks.check_commerce(snap)
    for sku, taken in (+unplaced).items():
        entries[sku, ""].quantity -= taken


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
            is_ours = snap.at.orders.sources and not order.is_cancelled
            if is_ours and order.is_placed and not order.newstore:
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


def check_founded(snap: OrderSnapshot) -> Iterator[str]:
    """commercetools was never shown a place for which NewStore had not taken a unit."""
    yield from snap.at.promises.unfounded


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
    "scarce": _of_spine(checks.check_scarce),
    "sums to zero": _of_spine(checks.check_zero),
    "counters": check_counters,
    "offsets": _of_spine(checks.check_offsets),
    "rebuild": _of_spine(checks.check_rebuild),
    "orders": check_orders,
    "reservations": check_reservations,
    "ends": check_ends,
    "taken in": check_taken_in,
    "commerce = available": check_offered,
    "told once": _of_spine(checks.check_told_once),
    "doubled at commerce": check_told_at_vendor,
    "doubled at NewStore": order_books.check_newstore,
    "shipped": order_books.check_shipped,
    "returned": order_books.check_returns,
    "cancelled": order_books.check_cancelled,
    "money": order_books.check_money,
    "orders told": check_told,
    "return first": check_return_first,
    "asked": check_asked,
    "founded": check_founded,
    "released": check_released,
    "states": order_books.check_states,
    "promised": check_promised,
    "in transit": order_books.check_transit,
    "return cases": order_books.check_return_cases,
    "gifts": order_books.check_gifts,
    "cancel cases": order_books.check_cancel_cases,
    "books": order_books.check_books,
    "existed": order_books.check_existed,
    "parked orders": check_parked,
    "cases": _of_spine(check_cases),
    "list": _of_spine(check_list),
}
"""Every checker of an order's day by its name."""
