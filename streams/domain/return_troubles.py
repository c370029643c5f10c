"""What is wrong with an order's returns and its money, in a person's words."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from streams.domain.order_record import Order
from streams.domain.order_rules import OrderRules
from streams.domain.order_ties import Units
from streams.domain.order_units import UnitState
from streams.domain.refunds import amount_due, currency_of, is_other, settled
from streams.domain.returns import (
    QUANTITY_MAX,
    Open,
    candidates,
    is_overdue,
    named_unit,
    open_claims,
)
from streams.domain.troubles import Trouble

CANDIDATES_MAX = 5
"""Units named in a sentence."""


def return_troubles(
    order: Order, units: Units, now: datetime, rules: OrderRules
) -> Iterator[Trouble]:
    """Yield what is wrong with the order's returns."""
    currency = currency_of(order)
    for return_id, back in sorted(order.returns.items()):
        for item in back.items:
            if not 1 <= item.quantity <= QUANTITY_MAX:
                yield Trouble(
                    "return",
                    order.number,
                    "return_quantity",
                    "quantity",
                    return_id,
                    f"Return {return_id} of order {order.number} has "
                    f"{item.quantity:,} of {item.sku}; 1 to {QUANTITY_MAX:,} can be. "
                    "See the return in NewStore.",
                )
        if is_other(back.currency, currency):
            yield Trouble(
                "return",
                order.number,
                "currency_differs",
                "currency",
                back.currency,
                f"Return {return_id} is in {back.currency}, order {order.number} in "
                f"{currency}. See what was paid back.",
            )
    waiting = open_claims(order)
    missing = Counter((one.claim.return_id, one.item.sku) for one in waiting)
    for one in waiting:
        named = named_unit(order, units, one)
        taken = named is not None and named.standing.state is UnitState.RETURNED
        if (taken and _had_its_chance(one, now, rules)) or is_overdue(one, now, rules):
            number = missing[one.claim.return_id, one.item.sku]
            yield _unmatched(order, units, one, number)


def _had_its_chance(one: Open, now: datetime, rules: OrderRules) -> bool:
    return now >= one.back.learnt_at + rules.window_quiet


def _unmatched(order: Order, units: Units, one: Open, number: int) -> Trouble:
    """Say why a returned unit has no sale; the goods are in the stock all the same."""
    return_id, sku = one.claim.return_id, one.item.sku
    named = named_unit(order, units, one)
    sold = [u for u in units.values() if u.sku == sku]
    if named is not None and named.standing.state is UnitState.RETURNED:
        reason = "returned_twice"
        said = f"unit {named.name} came back already, by {named.standing.return_id}"
    elif named is not None:
        reason = "returned_unsold"
        said = f"unit {named.name} is {named.standing.state}, it never left"
    elif not sold:
        reason = "returned_unknown"
        said = f"the order has no {sku}"
    else:
        back = sum(u.standing.state is UnitState.RETURNED for u in sold)
        reason = "over_return"
        said = f"of {len(sold)} ordered {back} came back already"
    free = [unit.name for unit in candidates(units, sku)][:CANDIDATES_MAX]
    remedy = f"It may be {', '.join(free)}." if free else "Look for another order."
    return Trouble(
        "return",
        order.number,
        reason,
        "sku",
        f"{return_id}/{sku}",
        f"Return {return_id} brought {number} {sku} that match nothing in order "
        f"{order.number}: {said}. The goods are in the stock. {remedy}",
    )


def refund_troubles(
    order: Order, now: datetime, rules: OrderRules
) -> Iterator[Trouble]:
    """Yield what is wrong with money that went back."""
    currency = currency_of(order)
    for transaction_id, each in sorted(order.settlements.items()):
        if is_other(each.currency, currency):
            yield Trouble(
                "refund",
                order.number,
                "currency_differs",
                "currency",
                each.currency,
                f"Refund {transaction_id} of order {order.number} is in "
                f"{each.currency}, the order in {currency}; it is not counted.",
            )
        elif (
            amount_due(order, each.correlation_id) is None
            and now >= each.learnt_at + rules.return_wait
        ):
            yield Trouble(
                "refund",
                order.number,
                "refund_of_unknown",
                "correlation_id",
                each.correlation_id,
                f"Refund {transaction_id} of order {order.number} is for "
                f"{each.correlation_id}, which is no return or refund request known "
                "here. Find out what it paid for.",
            )
    yield from _overpaid(order, currency)


def _overpaid(order: Order, currency: str) -> Iterator[Trouble]:
    for cause_id in sorted({*order.returns, *order.appeasements}):
        due, paid = amount_due(order, cause_id) or 0, settled(order, cause_id)
        if paid > due:
            yield Trouble(
                "refund",
                order.number,
                "refunded_too_much",
                "amount_minor",
                cause_id,
                f"{paid} went back for {cause_id} of order {order.number}, and {due} "
                f"was due, in minor units of {currency or 'its currency'}.",
            )
