"""Transfers: announced and received, in either order and in parts."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

import pytest

from streams.domain.movements import Movement, MovementKind
from streams.domain.transfers import Transfer, decide_transfer, is_forgettable
from tests.support.ledger import NOON, movement, receipt


def announced(quantity: int) -> Movement:
    return movement(MovementKind.TRANSFER_IN, "asn-in:1", quantity=quantity)


def balances(*movements: Movement) -> dict[str, int]:
    """Return what the movements leave in each account."""
    transfer, left = Transfer(), dict[str, int]()
    for told in movements:
        postings, transfer = decide_transfer(told, transfer, now=NOON)
        assert sum(p.quantity for p in postings) == told.quantity
        assert all(p.quantity > 0 for p in postings)
        for posting in postings:
            for account, units in (
                (posting.source, -posting.quantity),
                (posting.target, posting.quantity),
            ):
                left[account.value] = left.get(account.value, 0) + units
    return {account: units for account, units in left.items() if units}


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ([announced(5)], {"transit": -5, "in_transit": 5}),
        ([receipt("r", 5)], {"supplier": -5, "main": 5}),
        ([announced(5), receipt("r", 5)], {"transit": -5, "main": 5}),
        (
            [announced(5), receipt("r", 4)],
            {"transit": -5, "in_transit": 1, "main": 4},
        ),
        (
            [announced(5), receipt("r", 6)],
            {"transit": -5, "supplier": -1, "main": 6},
        ),
        (
            [announced(5), announced(2), receipt("r", 3), receipt("s", 4)],
            {"transit": -7, "main": 7},
        ),
    ],
)
def test_a_transfer_ends_the_same_in_whatever_order_it_is_told(
    story: Sequence[Movement], expected: dict[str, int]
) -> None:
    for order in permutations(story):
        assert balances(*order) == expected


def test_a_transfer_with_nothing_on_its_way_is_forgotten_in_time() -> None:
    later = NOON + timedelta(seconds=1)
    assert is_forgettable(Transfer(5, 5, NOON), touched_before=later)
    assert is_forgettable(Transfer(0, 5, NOON), touched_before=later)
    assert not is_forgettable(Transfer(5, 5, NOON), touched_before=NOON)
    assert not is_forgettable(Transfer(5, 4, NOON), touched_before=later)
    assert not is_forgettable(Transfer(), touched_before=later)
