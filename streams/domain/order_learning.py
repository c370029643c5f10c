"""What a note adds to what is known of an order.

Facts only join: a note that comes twice, late or out of turn leaves the same knowledge.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from streams.domain.order_notes import (
    AppeasementGiven,
    FulfilmentSeen,
    GoodsReturned,
    OrderCompleted,
    OrderNote,
    OrderOpened,
    OrderPlaced,
    OrderStateSeen,
    RefundSettled,
    UnitsCancelled,
)
from streams.domain.order_placing import learn_placed, learn_state
from streams.domain.order_record import (
    Appeasement,
    GoodsBack,
    Item,
    NewStoreOrder,
    Order,
    Settlement,
)
from streams.domain.order_rules import OrderRules
from streams.domain.order_units import (
    UnitFacts,
    cancellation_facts,
    fulfilment_facts,
    join,
    latest_of,
)


def learn(order: Order, note: OrderNote, now: datetime, rules: OrderRules) -> Order:
    """Add what the note says; the same order where it says nothing new."""
    match note:
        case OrderPlaced():
            return learn_placed(order, note, rules)
        case OrderStateSeen():
            return learn_state(order, note)
        case OrderOpened():
            return _learn_opened(order, note)
        case FulfilmentSeen():
            told = ((item.item_id, fulfilment_facts(note, item)) for item in note.items)
            return _learn_items(order, note.newstore_id, told)
        case UnitsCancelled():
            return _learn_cancelled(order, note)
        case OrderCompleted():
            return _join_newstore(
                order, note.newstore_id, NewStoreOrder(completed=True)
            )
        case GoodsReturned():
            return _learn_return(order, note, now)
        case RefundSettled():
            return _learn_settlement(order, note, now)
        case _:
            return _learn_appeasement(order, note)


def join_item(order: Order, item_id: str, told: Item) -> Order:
    """Add what is told of one of NewStore's units."""
    known = order.items.get(item_id, Item())
    joined = Item(
        newstore_id=max(known.newstore_id, told.newstore_id),
        unit=max(known.unit, told.unit),
        opened=known.opened or told.opened,
        facts=join(known.facts, told.facts),
    )
    if joined == known:
        return order
    return replace(order, items={**order.items, item_id: joined})


def learn_injected(
    order: Order, newstore_id: str, external_id: str, pairs: Iterable[tuple[str, str]]
) -> Order:
    """Add what NewStore calls an order that we gave it, and its units."""
    order = _join_newstore(order, newstore_id, NewStoreOrder(external_id=external_id))
    for unit, item_id in pairs:
        order = join_item(order, item_id, Item(newstore_id=newstore_id, unit=unit))
    return order


def _learn_opened(order: Order, note: OrderOpened) -> Order:
    told = NewStoreOrder(
        external_id=note.external_id,
        channel=note.channel,
        placed_at=note.placed_at,
        currency=note.currency,
        exchanged_returns=tuple(sorted(note.exchanged_returns)),
        historical=note.is_historical,
    )
    order = _join_newstore(order, note.newstore_id, told)
    for item in note.items:
        facts = UnitFacts(sku=item.sku, carried_out=item.carried_out)
        named = Item(note.newstore_id, item.external_item_id, opened=True, facts=facts)
        order = join_item(order, item.item_id, named)
    return order


def _learn_items(
    order: Order, newstore_id: str, told: Iterable[tuple[str, UnitFacts]]
) -> Order:
    for item_id, facts in told:
        order = join_item(order, item_id, Item(newstore_id=newstore_id, facts=facts))
    return _join_newstore(order, newstore_id, NewStoreOrder())


def _learn_cancelled(order: Order, note: UnitsCancelled) -> Order:
    facts = cancellation_facts(note.reason)
    if note.item_ids:
        told = ((item_id, facts) for item_id in note.item_ids)
        return _learn_items(order, note.newstore_id, told)
    whole = NewStoreOrder(cancelled=facts.cancelled, unavailable=facts.unavailable)
    return _join_newstore(order, note.newstore_id, whole)


def _join_newstore(order: Order, newstore_id: str, told: NewStoreOrder) -> Order:
    known = order.newstore.get(newstore_id)
    one = known or NewStoreOrder()
    joined = NewStoreOrder(
        external_id=max(one.external_id, told.external_id),
        channel=max(one.channel, told.channel),
        placed_at=latest_of(one.placed_at, told.placed_at),
        currency=max(one.currency, told.currency),
        exchanged_returns=tuple(
            sorted({*one.exchanged_returns, *told.exchanged_returns})
        ),
        historical=one.historical or told.historical,
        completed=one.completed or told.completed,
        cancelled=one.cancelled or told.cancelled,
        unavailable=one.unavailable or told.unavailable,
    )
    if joined == known:
        return order
    return replace(order, newstore={**order.newstore, newstore_id: joined})


def _learn_return(order: Order, note: GoodsReturned, now: datetime) -> Order:
    known = order.returns.get(note.return_id)
    told = GoodsBack(
        location_id=note.location_id,
        returned_at=note.returned_at,
        items=note.items,
        learnt_at=known.learnt_at if known else now,
        newstore_id=note.newstore_id,
        currency=note.currency,
        refund_minor=note.refund_minor,
    )
    # The same return told twice with a difference: both times the same one is taken.
    kept = told if known is None else max(known, told, key=repr)
    if kept == known:
        return order
    return replace(order, returns={**order.returns, note.return_id: kept})


def _learn_settlement(order: Order, note: RefundSettled, now: datetime) -> Order:
    known = order.settlements.get(note.transaction_id)
    told = Settlement(
        note.correlation_id,
        note.amount_minor,
        note.currency,
        note.settled_at,
        known.learnt_at if known else now,
    )
    kept = told if known is None else max(known, told)
    if kept == known:
        return order
    return replace(order, settlements={**order.settlements, note.transaction_id: kept})


def _learn_appeasement(order: Order, note: AppeasementGiven) -> Order:
    known = order.appeasements.get(note.refund_id)
    told = Appeasement(note.amount_minor, note.currency)
    kept = told if known is None else max(known, told)
    if kept == known:
        return order
    return replace(order, appeasements={**order.appeasements, note.refund_id: kept})
