"""What is wrong with an order as it is known now: each case in a person's words.

All follows from the record, so a case is withdrawn by itself when it is no longer so.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from streams.domain.order_answers import LookAgainAsked
from streams.domain.order_record import CANCELLED, Order
from streams.domain.order_rules import OrderRules
from streams.domain.order_sourcing import LookAgain
from streams.domain.order_ties import (
    Units,
    claims_line,
    has_unit,
    is_worked_on,
    loose_items,
)
from streams.domain.order_units import GONE
from streams.domain.return_troubles import refund_troubles, return_troubles
from streams.domain.sourcing_words import CANCELLED_LATE
from streams.domain.troubles import Trouble

SOURCING = "sourcing"
"""The kind of trouble for which an order can look again."""

TROUBLES_MAX = 100
"""Cases of one order; more are not worked through one by one."""


def troubles_of(
    order: Order, units: Units, now: datetime, rules: OrderRules
) -> tuple[Trouble, ...]:
    """Return what is wrong, sorted; nothing for what NewStore tells as history."""
    if order.is_historical:
        return ()
    found = {
        *order.misreads,
        *_order_troubles(order),
        *_cancellation_troubles(order, units),
        *_item_troubles(order),
        *_unit_troubles(order, units),
        *return_troubles(order, units, now, rules),
        *refund_troubles(order, now, rules),
        *_commerce_troubles(order),
        *_sourcing_troubles(order, units),
    }
    return tuple(sorted(found))[:TROUBLES_MAX]


def asked_in_vain(
    order: Order, inputs: Sequence[object], raised: Sequence[Trouble]
) -> tuple[Trouble, ...]:
    """Return what is still wrong although a person asked to look again.

    It is raised once more, so that who asked gets an answer.
    """
    if not any(isinstance(each, LookAgain | LookAgainAsked) for each in inputs):
        return ()
    left = (trouble for trouble in order.troubles if trouble not in raised)
    return tuple(trouble for trouble in left if trouble.kind == SOURCING)


def _order_troubles(order: Order) -> Iterator[Trouble]:
    number, commerce = order.number, order.commerce
    if commerce is None:
        return
    for other in commerce.others:
        yield Trouble(
            "order",
            number,
            "order_number_taken",
            "commerce_id",
            other,
            f"commercetools' orders {commerce.commerce_id} and {other} both have the "
            f"number {number}; only the first is followed. Give the other its own.",
        )
    for newstore_id, whole in order.newstore.items():
        if whole.currency and commerce.currency and whole.currency != commerce.currency:
            yield Trouble(
                "order",
                number,
                "currency_differs",
                "currency",
                whole.currency,
                f"Order {number} is in {commerce.currency} at commercetools and in "
                f"{whole.currency} at NewStore ({newstore_id}). See which is right.",
            )


def _cancellation_troubles(order: Order, units: Units) -> Iterator[Trouble]:
    number, commerce = order.number, order.commerce
    if commerce is None or not order.is_cancelled:
        return
    if commerce.version > commerce.cancelled_version and commerce.state != CANCELLED:
        yield Trouble(
            "order",
            number,
            "reopened",
            "state",
            commerce.state,
            f"Order {number} was cancelled and is {commerce.state} again; its stock "
            "has been released and stays so. Place a new order for it.",
        )
    still = [unit.name for unit in units.values() if is_worked_on(order, unit)]
    if still:
        yield Trouble(
            "order",
            number,
            "newstore_not_cancelled",
            "units",
            "",
            f"Order {number} is cancelled in commercetools, but NewStore still has "
            f"{_some(still)}. Reject them in NewStore, so that no store packs them.",
        )


def _item_troubles(order: Order) -> Iterator[Trouble]:
    number = order.number
    for item_id, item in loose_items(order).items():
        if claims_line(item) and not has_unit(order, item.unit):
            yield Trouble(
                "order",
                number,
                "unknown_line",
                "external_item_id",
                item.unit,
                f"NewStore's item {item_id} says it is {item.unit}, and order {number} "
                "has no such line or not as many units. Compare the two orders.",
            )
        elif item.opened:
            yield Trouble(
                "order",
                number,
                "more_items_than_ordered",
                "sku",
                item.facts.sku,
                f"NewStore has more of {item.facts.sku} in order {number} than "
                f"commercetools (item {item_id}). Compare the two orders.",
            )
    for item_id, name in sorted(order.ties.items()):
        told = order.items[item_id].facts.sku
        sku = order.lines[name.rpartition("#")[0]].sku
        if told and told != sku:
            yield Trouble(
                "order",
                number,
                "item_of_other_sku",
                "sku",
                told,
                f"Unit {name} of order {number} is {sku} at commercetools, and "
                f"NewStore's item {item_id} is {told}. See what was sent, and correct "
                "the stock of both.",
            )


def _unit_troubles(order: Order, units: Units) -> Iterator[Trouble]:
    number = order.number
    for unit in units.values():
        requests = [each.request_id for each in unit.facts.completions]
        if len(requests) > 1:
            yield Trouble(
                "fulfilment",
                number,
                "shipped_twice",
                "unit",
                unit.name,
                f"Unit {unit.name} of order {number} was completed by requests "
                f"{_some(requests)}; it can have left only once. Count {unit.sku} "
                "there.",
            )
        if unit.standing.state in GONE and unit.facts.cancelled:
            what = "is no longer in the order" if unit.is_withdrawn else "was cancelled"
            yield Trouble(
                "fulfilment",
                number,
                "shipped_though_cancelled",
                "unit",
                unit.name,
                f"Unit {unit.name} of order {number} {what} and has left all the same. "
                "Call it back, or charge for it.",
            )


def _commerce_troubles(order: Order) -> Iterator[Trouble]:
    declined = order.declined
    if declined is not None and declined.sequence > order.told_sequence:
        yield Trouble(
            "commerce",
            order.number,
            "commerce_declined",
            declined.reason,
            "",
            declined.sentence,
        )


def _sourcing_troubles(order: Order, units: Units) -> Iterator[Trouble]:
    run = order.sourcing
    if run is None or run.trouble is None:
        return
    reason, sentence = run.trouble
    late = [units[name] for name in run.dropped if name in units]
    if reason == CANCELLED_LATE and not any(is_worked_on(order, u) for u in late):
        return  # NewStore has cancelled them since, or has sent them.
    yield Trouble(SOURCING, order.number, reason, "", "", sentence)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
