"""What an order still has to do, and what commercetools has yet to hear of it."""

from streams.domain.order_record import Order


def owed_sequence(order: Order) -> int | None:
    """Return up to where commercetools has yet to hear of it; None if it knows."""
    if not order.is_placed or order.wanted_sequence <= order.told_sequence:
        return None
    return order.wanted_sequence


def is_to_be_told(order: Order) -> bool:
    """Say whether commercetools is owed something that it has not refused."""
    owed = owed_sequence(order)
    refused = 0 if order.declined is None else order.declined.sequence
    return owed is not None and owed > refused


def is_under_way(order: Order) -> bool:
    """Say whether it looks for a place or gathers news, and will end that by itself."""
    looks = order.sourcing is not None and not order.sourcing.is_over
    return looks or order.window is not None
