"""What an order hears: news and answers join what is known of it, one after another."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from streams.domain.fulfilment import steadied
from streams.domain.order_answers import (
    CommerceDeclined,
    CommerceTold,
    InjectionRefused,
    LookAgainAsked,
    OrderAnswer,
    OrderInjected,
    StockChecked,
)
from streams.domain.order_learning import learn, learn_injected
from streams.domain.order_notes import OrderNote
from streams.domain.order_record import Declined, Order
from streams.domain.order_rules import OrderRules
from streams.domain.order_sourcing import LookAgain, Sourced, hear, look_again
from streams.domain.order_ties import units_of
from streams.domain.order_units import latest_of
from streams.domain.reservations import ReservationAnswer
from streams.domain.sourcing_rounds import SILENCE_S

Input = OrderNote | OrderAnswer | ReservationAnswer | LookAgain


def hear_all(
    order: Order, inputs: Sequence[Input], now: datetime, rules: OrderRules
) -> Sourced:
    """Take in what is said, in its order; the same order where nothing of it is new."""
    heard = Sourced(_steadied(order, now))
    for each in inputs:
        step = _hear_one(heard.order, each, now, rules)
        heard = Sourced(
            step.order, heard.requests + step.requests, heard.releases + step.releases
        )
    return heard


def _hear_one(order: Order, each: Input, now: datetime, rules: OrderRules) -> Sourced:
    match each:
        case CommerceTold() | CommerceDeclined():
            return Sourced(_learn_told(order, each))
        case LookAgain() | LookAgainAsked():
            return look_again(order, units_of(order), now, rules)
        case OrderInjected():
            order = learn_injected(
                order, each.newstore_id, each.external_id, each.items
            )
            return hear(order, each, now, rules)
        case ReservationAnswer() | StockChecked() | InjectionRefused():
            return hear(order, each, now, rules)
        case _:
            return Sourced(learn(order, each, now, rules))


def _learn_told(order: Order, answer: CommerceTold | CommerceDeclined) -> Order:
    """Note what commercetools said; an older answer than the last changes nothing."""
    if isinstance(answer, CommerceDeclined):
        known = order.declined
        if known is not None and known.sequence >= answer.wanted_sequence:
            return order
        declined = Declined(answer.wanted_sequence, answer.reason, answer.sentence)
        return order._replace(declined=declined)
    if (answer.wanted_sequence, answer.version) <= (
        order.told_sequence,
        order.told_version,
    ):
        return order
    return order._replace(
        told_sequence=max(order.told_sequence, answer.wanted_sequence),
        told_version=max(order.told_version, answer.version),
        told_at=latest_of(order.told_at, answer.told_at),
        calls=order.calls + answer.calls,
    )


def _steadied(order: Order, now: datetime) -> Order:
    """Bring to now what a clock set back has put into the future."""
    window, sourcing = order.window, order.sourcing
    if not (window or sourcing or order.returns or order.settlements):
        return order
    window = steadied(window, now)
    if sourcing is not None and sourcing.wake_at is not None:
        last = now + timedelta(seconds=SILENCE_S)
        sourcing = sourcing._replace(wake_at=min(sourcing.wake_at, last))
    learnt = [back.learnt_at for back in order.returns.values()]
    learnt += [each.learnt_at for each in order.settlements.values()]
    is_steady = (window, sourcing) == (order.window, order.sourcing)
    if is_steady and max(learnt, default=now) <= now:
        return order
    return order._replace(
        window=window,
        returns={
            key: back._replace(learnt_at=min(back.learnt_at, now))
            for key, back in order.returns.items()
        },
        settlements={
            key: each._replace(learnt_at=min(each.learnt_at, now))
            for key, each in order.settlements.items()
        },
        sourcing=sourcing,
    )
