"""Rows of the bad-input table: news of one order that do not fit together.

Each note is well formed; only together they make no sense. Nothing is set aside: the
stock moves by what happened, and the order is a case of the exceptions list.
"""

from streams.domain.order_notes import OrderNote
from streams.domain.order_placing import UNITS_MAX
from tests.bad_input.row import Bad, Kept, Surface, Why
from tests.support.ledger import NOON
from tests.support.orders import (
    COMPLETED,
    back,
    cancelled,
    item,
    line,
    opened,
    placed,
    returned,
    seen,
    settled,
    state_seen,
)

ONE = (placed(), opened(item("i-1", unit="a#1")))


def fact(
    name: str, given: tuple[OrderNote, ...], kind: str, reason: str, says: str
) -> Bad:
    """Notes of one order, in the order in which they happened."""
    return Bad(
        name=name,
        surface=Surface.FACTS,
        given=given,
        says=says,
        status=200,
        kept=Kept.CASE,
        why=Why(reason, "", ""),
        options={"kind": kind},
    )


FACTS = [
    fact(
        "a line of no units",
        (placed(line("a", "TEE", 0)),),
        "order",
        "line_quantity",
        "Line a of order W-1 (TEE) has quantity 0; nothing is reserved for it. "
        "Look at the order in commercetools.",
    ),
    fact(
        "more units than are followed",
        (placed(line("a", "TEE", UNITS_MAX), line("b", "MUG", 1)),),
        "order",
        "order_too_large",
        "With line b order W-1 has 5,001 units, and 5,000 is the most that are "
        "followed; nothing is reserved for this line. Split the order.",
    ),
    fact(
        "two orders under one number",
        (placed(), placed(commerce_id="ct-2", version=9)),
        "order",
        "order_number_taken",
        "commercetools' orders ct-1 and ct-2 both have the number W-1; only the"
        " first is followed. Give the other its own.",
    ),
    fact(
        "another currency in NewStore",
        (placed(), opened(item("i-1"), currency="USD")),
        "order",
        "currency_differs",
        "Order W-1 is in EUR at commercetools and in USD at NewStore (ns-1). "
        "See which is right.",
    ),
    fact(
        "a cancelled order reopened",
        (placed(), state_seen("Cancelled", 2), state_seen("Open", 3)),
        "order",
        "reopened",
        "Order W-1 was cancelled and is Open again; its stock has been released"
        " and stays so. Place a new order for it.",
    ),
    fact(
        "cancelled here, open there",
        (*ONE, state_seen("Cancelled")),
        "order",
        "newstore_not_cancelled",
        "Order W-1 is cancelled in commercetools, but NewStore still has a#1. "
        "Reject them in NewStore, so that no store packs them.",
    ),
    fact(
        "an item of no line",
        (placed(), opened(item("i-1", unit="z#1"))),
        "order",
        "unknown_line",
        "NewStore's item i-1 says it is z#1, and order W-1 has no such line or "
        "not as many units. Compare the two orders.",
    ),
    fact(
        "an item beyond the line's units",
        (placed(), opened(item("i-1", unit="a#2"))),
        "order",
        "unknown_line",
        "NewStore's item i-1 says it is a#2, and order W-1 has no such line or "
        "not as many units. Compare the two orders.",
    ),
    fact(
        "more items than ordered",
        (placed(), opened(item("i-1"), item("i-2"))),
        "order",
        "more_items_than_ordered",
        "NewStore has more of TEE in order W-1 than commercetools (item i-2). "
        "Compare the two orders.",
    ),
    fact(
        "an item of another SKU",
        (placed(), opened(item("i-1", "CAP", "a#1"))),
        "order",
        "item_of_other_sku",
        "Unit a#1 of order W-1 is TEE at commercetools, and NewStore's item i-1"
        " is CAP. See what was sent, and correct the stock of both.",
    ),
    fact(
        "a unit shipped twice",
        (*ONE, seen(COMPLETED, "i-1"), seen(COMPLETED, "i-1", request="fr-2", rank=11)),
        "fulfilment",
        "shipped_twice",
        "Unit a#1 of order W-1 was completed by requests fr-1, fr-2; it can "
        "have left only once. Count TEE there.",
    ),
    fact(
        "shipped though cancelled",
        (*ONE, seen(COMPLETED, "i-1"), cancelled("i-1")),
        "fulfilment",
        "shipped_though_cancelled",
        "Unit a#1 of order W-1 was cancelled and has left all the same. Call it"
        " back, or charge for it.",
    ),
    fact(
        "shipped though taken out of the order",
        (*ONE, seen(COMPLETED, "i-1"), placed(line("b", "MUG"), version=2)),
        "fulfilment",
        "shipped_though_cancelled",
        "Unit a#1 of order W-1 is no longer in the order and has left all the "
        "same. Call it back, or charge for it.",
    ),
    fact(
        "a return of a unit that never left",
        (*ONE, returned(back("TEE", "i-1"))),
        "return",
        "returned_unsold",
        "Return ret-1 brought 1 TEE that match nothing in order W-1: unit a#1 is open, "
        "it never left. The goods are in the stock. Look for another order.",
    ),
    fact(
        "more units returned than sold",
        (*ONE, seen(COMPLETED, "i-1"), returned(back("TEE", quantity=2))),
        "return",
        "over_return",
        "Return ret-1 brought 1 TEE that match nothing in order W-1: of 1 ordered 1 "
        "came back already. The goods are in the stock. Look for another order.",
    ),
    fact(
        "the same unit returned twice",
        (
            *ONE,
            seen(COMPLETED, "i-1"),
            returned(back("TEE", "i-1"), returned_at=NOON),
            returned(back("TEE", "i-1"), return_id="ret-2"),
        ),
        "return",
        "returned_twice",
        "Return ret-2 brought 1 TEE that match nothing in order W-1: unit a#1 came "
        "back already, by ret-1. The goods are in the stock. Look for another order.",
    ),
    fact(
        "a return of a product that the order lacks",
        (*ONE, returned(back("CAP"))),
        "return",
        "returned_unknown",
        "Return ret-1 brought 1 CAP that match nothing in order W-1: the order has no "
        "CAP. The goods are in the stock. Look for another order.",
    ),
    fact(
        "a return of no units",
        (*ONE, returned(back("TEE", quantity=0))),
        "return",
        "return_quantity",
        "Return ret-1 of order W-1 has 0 of TEE; 1 to 1,000 can be. See the return in "
        "NewStore.",
    ),
    fact(
        "a return in another currency",
        (*ONE, seen(COMPLETED, "i-1"), returned(back("TEE", "i-1"), currency="GBP")),
        "return",
        "currency_differs",
        "Return ret-1 is in GBP, order W-1 in EUR. See what was paid back.",
    ),
    fact(
        "money in another currency",
        (
            *ONE,
            seen(COMPLETED, "i-1"),
            returned(back("TEE", "i-1")),
            settled(currency="USD"),
        ),
        "refund",
        "currency_differs",
        "Refund tx-1 of order W-1 is in USD, the order in EUR; it is not counted.",
    ),
    fact(
        "more money than was due",
        (
            *ONE,
            seen(COMPLETED, "i-1"),
            returned(back("TEE", "i-1")),
            settled(5_001),
        ),
        "refund",
        "refunded_too_much",
        "5001 went back for ret-1 of order W-1, and 5000 was due, in minor units of "
        "EUR.",
    ),
    fact(
        "money for a return that nobody knows",
        (*ONE, settled(cause="ret-?")),
        "refund",
        "refund_of_unknown",
        "Refund tx-1 of order W-1 is for ret-?, which is no return or refund request "
        "known here. Find out what it paid for.",
    ),
]
"""Every kind of news that does not fit, and what people read of it."""
