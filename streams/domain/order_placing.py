"""What commercetools' word adds to what is known: an order's lines and state."""

from collections.abc import Iterator

from streams.domain.order_notes import OrderPlaced, OrderStateSeen, PlacedLine
from streams.domain.order_record import CANCELLED, Commerce, Line, Order
from streams.domain.order_rules import OrderRules
from streams.domain.troubles import Trouble

UNITS_MAX = 5_000
"""Units of one order that are followed one by one: its row is read and written whole
with every event about it."""


def learn_placed(order: Order, note: OrderPlaced, rules: OrderRules) -> Order:
    """Add the order as commercetools has it, or had it at an earlier version."""
    commerce = order.commerce or Commerce(note.commerce_id)
    if commerce.commerce_id != note.commerce_id:
        return _learn_other(order, commerce, note.commerce_id)
    is_latest = note.version >= commerce.placed_version
    if is_latest:
        commerce = commerce._replace(
            placed_version=note.version,
            placed_at=note.placed_at,
            currency=note.currency,
            country=note.country,
            has_shipping=note.has_shipping,
            payment_ids=note.payment_ids,
        )
    commerce = _see_state(commerce, note.version, note.state)
    troubles = list(_misread(order.number, note))
    unreadable = {trouble.value for trouble in troubles}
    lines = [line for line in note.lines if line.line_id not in unreadable]
    joined = _join_lines(order.lines, lines, rules, is_latest=is_latest)
    misreads = tuple(sorted({*order.misreads, *troubles}))
    if (commerce, joined, misreads) == (order.commerce, order.lines, order.misreads):
        return order
    return order._replace(commerce=commerce, lines=joined, misreads=misreads)


def learn_state(order: Order, note: OrderStateSeen) -> Order:
    """Add what state commercetools has seen the order in."""
    commerce = order.commerce or Commerce(note.commerce_id)
    if commerce.commerce_id != note.commerce_id:
        return _learn_other(order, commerce, note.commerce_id)
    seen = _see_state(commerce, note.version, note.state)
    return order if seen == order.commerce else order._replace(commerce=seen)


def _learn_other(order: Order, commerce: Commerce, commerce_id: str) -> Order:
    others = tuple(sorted({*commerce.others, commerce_id}))
    if others == commerce.others:
        return order
    return order._replace(commerce=commerce._replace(others=others))


def _see_state(commerce: Commerce, version: int, state: str) -> Commerce:
    if state == CANCELLED:
        cancelled = max(commerce.cancelled_version, version, 1)
        commerce = commerce._replace(cancelled_version=cancelled)
    if (version, state) > (commerce.version, commerce.state):
        commerce = commerce._replace(version=version, state=state)
    return commerce


def _join_lines(
    known: dict[str, Line],
    told: list[PlacedLine],
    rules: OrderRules,
    *,
    is_latest: bool,
) -> dict[str, Line]:
    lines = dict(known)
    if is_latest:
        lines = {line_id: line._replace(quantity=0) for line_id, line in known.items()}
    for line in told:
        one = lines.get(line.line_id)
        if one is None:
            one = Line(
                sku=line.sku,
                quantity=0,
                most=0,
                channel_key=line.channel_key,
                location_id=rules.places.get(line.channel_key, ""),
                counted=line.commerce_counted and rules.counts_line(line.channel_key),
                home=rules.home,
            )
        lines[line.line_id] = one._replace(
            quantity=line.quantity if is_latest else one.quantity,
            most=max(one.most, line.quantity),
        )
    return lines


def _misread(number: str, note: OrderPlaced) -> Iterator[Trouble]:
    """Yield what is wrong with the order's lines; they are then left out."""
    units = 0
    for line in note.lines:
        if line.quantity < 1:
            yield Trouble(
                "order",
                number,
                "line_quantity",
                "quantity",
                line.line_id,
                f"Line {line.line_id} of order {number} ({line.sku}) has quantity "
                f"{line.quantity}; nothing is reserved for it. Look at the order in "
                "commercetools.",
            )
            continue
        units += line.quantity
        if units > UNITS_MAX:
            yield Trouble(
                "order",
                number,
                "order_too_large",
                "quantity",
                line.line_id,
                f"With line {line.line_id} order {number} has {units:,} units, and "
                f"{UNITS_MAX:,} is the most that are followed; nothing is reserved "
                "for this line. Split the order.",
            )
