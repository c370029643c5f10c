"""Money that went back: which return or promise it settles, and whether in full."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from streams.domain.order_record import Order, Settlement

INITIAL, REFUNDED, NOT_REFUNDED = "Initial", "Refunded", "NotRefunded"
"""Payment states of a return item (commercetools API reference: ReturnPaymentState)."""


class Refund(NamedTuple):
    """A return's money, or a promise's, that has gone back in full.

    Attributes:
        cause_id: The return, or the refund request.
    """

    cause_id: str
    amount_minor: int
    currency: str
    settled_at: datetime


def currency_of(order: Order) -> str:
    """Return the order's currency, by commercetools' word if it has one."""
    if order.commerce is not None and order.commerce.currency:
        return order.commerce.currency
    return max((whole.currency for whole in order.newstore.values()), default="")


def amount_due(order: Order, cause_id: str) -> int | None:
    """Return what a return or promise owes; None if there is none of that id."""
    back = order.returns.get(cause_id)
    if back is not None:
        lines = sum(item.refund_minor for item in back.items)
        return back.refund_minor or lines
    given = order.appeasements.get(cause_id)
    return None if given is None else given.amount_minor


def settlements_of(order: Order, cause_id: str) -> list[Settlement]:
    """Return the transactions that settle it, those in a wrong currency left out."""
    currency = currency_of(order)
    return [
        each
        for each in order.settlements.values()
        if each.correlation_id == cause_id and not is_other(each.currency, currency)
    ]


def is_other(currency: str, expected: str) -> bool:
    """Say whether two currencies, where both are known, differ."""
    return bool(currency and expected and currency != expected)


def settled(order: Order, cause_id: str) -> int:
    """Sum what has gone back for a return or promise."""
    return sum(each.amount_minor for each in settlements_of(order, cause_id))


def payment_state_of(order: Order, return_id: str) -> str:
    """Say how far a return's money is: nothing due, still owed, or gone back."""
    due = amount_due(order, return_id)
    if not due:
        return NOT_REFUNDED
    return REFUNDED if settled(order, return_id) >= due else INITIAL


def refunds_of(order: Order) -> Iterator[Refund]:
    """Yield what is settled in full; never more of it than was due."""
    for cause_id in sorted({*order.returns, *order.appeasements}):
        due = amount_due(order, cause_id)
        if not due or settled(order, cause_id) < due:
            continue
        made = settlements_of(order, cause_id)
        yield Refund(
            cause_id,
            due,
            currency_of(order) or made[0].currency,
            max(each.settled_at for each in made),
        )
