"""Orders of which nothing is to be done: sales that only NewStore knows, and no more.

Most of what happens is that. What follows from an order is worked out otherwise, and of
such a one it is nothing at all; a test compares the two for orders of all kinds.
"""

from streams.domain.order_record import Item, Order
from streams.domain.order_sourcing import Sourced


def is_plain(heard: Sourced) -> bool:
    """Say whether what an order has heard gives no cause to do anything.

    Announcing, finding a place and telling commercetools are for orders that it has.
    Apart from that there are returns and money to match, and what is in dispute.
    """
    order = heard.order
    return not (
        order.commerce
        or order.returns
        or order.settlements
        or order.appeasements
        or order.declined
        or order.troubles
        or order.window
        or order.sourcing
        or order.wake_at
        or order.misreads
        or heard.requests
        or heard.releases
        or any(_is_disputed(order, item) for item in order.items.values())
    )


def _is_disputed(order: Order, item: Item) -> bool:
    """Say whether a unit has left twice, or has left and was cancelled."""
    facts = item.facts
    if len(facts.completions) > 1:
        return True
    is_cancelled = facts.cancelled or order.newstore[item.newstore_id].cancelled
    return is_cancelled and bool(facts.completions or facts.carried_out)
