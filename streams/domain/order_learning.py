"""What a note adds to what is known of an order.

Facts only join: a note that comes twice, late or out of turn leaves the same knowledge.
"""

from collections.abc import Iterable
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

UNKNOWN_ITEM = Item()
NOTHING_OF_IT = NewStoreOrder()
"""What an event about units says of their whole order: only that there is one."""


def learn(order: Order, note: OrderNote, now: datetime, rules: OrderRules) -> Order:
    """Add what the note says; the same order where it says nothing new."""
    match note:
        case OrderOpened():
            return _learn_opened(order, note)
        case OrderPlaced():
            return learn_placed(order, note, rules)
        case OrderStateSeen():
            return learn_state(order, note)
        case FulfilmentSeen():
            told = ((item.item_id, fulfilment_facts(note, item)) for item in note.items)
            return _learn_facts(order, note.newstore_id, told)
        case UnitsCancelled():
            return _learn_cancelled(order, note)
        case OrderCompleted():
            whole = NewStoreOrder(completed=True)
            return _learn_newstore(order, note.newstore_id, whole)
        case GoodsReturned():
            return _learn_return(order, note, now)
        case RefundSettled():
            return _learn_settlement(order, note, now)
        case _:
            return _learn_appeasement(order, note)


def learn_injected(
    order: Order, newstore_id: str, external_id: str, pairs: Iterable[tuple[str, str]]
) -> Order:
    """Add what NewStore calls an order that we gave it, and its units."""
    whole = NewStoreOrder(external_id=external_id)
    told = ((item_id, Item(newstore_id, unit)) for unit, item_id in pairs)
    return _learn_newstore(order, newstore_id, whole, told)


def _learn_opened(order: Order, note: OrderOpened) -> Order:
    newstore_id = note.newstore_id
    whole = NewStoreOrder(
        external_id=note.external_id,
        channel=note.channel,
        placed_at=note.placed_at,
        currency=note.currency,
        exchanged_returns=tuple(sorted({*note.exchanged_returns})),
        historical=note.is_historical,
    )
    told = (
        (
            item.item_id,
            Item(
                newstore_id,
                item.external_item_id,
                opened=True,
                facts=UnitFacts(sku=item.sku, carried_out=item.carried_out),
            ),
        )
        for item in note.items
    )
    return _learn_newstore(order, newstore_id, whole, told)


def _learn_facts(
    order: Order, newstore_id: str, told: Iterable[tuple[str, UnitFacts]]
) -> Order:
    items = ((item_id, Item(newstore_id, facts=facts)) for item_id, facts in told)
    return _learn_newstore(order, newstore_id, NOTHING_OF_IT, items)


def _learn_cancelled(order: Order, note: UnitsCancelled) -> Order:
    facts = cancellation_facts(note.reason)
    if note.item_ids:
        told = ((item_id, facts) for item_id in note.item_ids)
        return _learn_facts(order, note.newstore_id, told)
    whole = NewStoreOrder(cancelled=facts.cancelled, unavailable=facts.unavailable)
    return _learn_newstore(order, note.newstore_id, whole)


def _learn_newstore(
    order: Order,
    newstore_id: str,
    whole: NewStoreOrder,
    told: Iterable[tuple[str, Item]] = (),
) -> Order:
    """Add what is told of an order of NewStore's and of its units, all at once."""
    items: dict[str, Item] = {}
    for item_id, item in told:
        known = items.get(item_id) or order.items.get(item_id, UNKNOWN_ITEM)
        joined = _join_items(known, item)
        if joined != known:
            items[item_id] = joined
    known_whole = order.newstore.get(newstore_id)
    joined_whole = _join_wholes(known_whole, whole)
    if joined_whole == known_whole:
        return order._replace(items={**order.items, **items}) if items else order
    newstore = {**order.newstore, newstore_id: joined_whole}
    if not items:
        return order._replace(newstore=newstore)
    return order._replace(newstore=newstore, items={**order.items, **items})


def _join_items(known: Item, told: Item) -> Item:
    if known is UNKNOWN_ITEM:
        return told
    return Item(
        newstore_id=max(known.newstore_id, told.newstore_id),
        unit=max(known.unit, told.unit),
        opened=known.opened or told.opened,
        facts=join(known.facts, told.facts),
    )


def _join_wholes(known: NewStoreOrder | None, told: NewStoreOrder) -> NewStoreOrder:
    if known is None or known == told:
        return told
    if told is NOTHING_OF_IT:
        return known
    returns = {*known.exchanged_returns, *told.exchanged_returns}
    return NewStoreOrder(
        external_id=max(known.external_id, told.external_id),
        channel=max(known.channel, told.channel),
        placed_at=latest_of(known.placed_at, told.placed_at),
        currency=max(known.currency, told.currency),
        exchanged_returns=tuple(sorted(returns)),
        historical=known.historical or told.historical,
        completed=known.completed or told.completed,
        cancelled=known.cancelled or told.cancelled,
        unavailable=known.unavailable or told.unavailable,
    )


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
    return order._replace(returns={**order.returns, note.return_id: kept})


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
    return order._replace(settlements={**order.settlements, note.transaction_id: kept})


def _learn_appeasement(order: Order, note: AppeasementGiven) -> Order:
    known = order.appeasements.get(note.refund_id)
    told = Appeasement(note.amount_minor, note.currency)
    kept = told if known is None else max(known, told)
    if kept == known:
        return order
    return order._replace(appeasements={**order.appeasements, note.refund_id: kept})
