"""Transfers: sent, announced and received, in any order, in parts, by any name."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.movements import Movement, MovementKind, Pool
from streams.domain.postings import Effect, Posting
from streams.domain.stock import COUNTED_POOLS
from streams.domain.transfer_booking import Leg, Share, shares
from streams.domain.transfers import (
    Transfer,
    TransferDecision,
    decide_transfer,
    names_of,
    received,
    sent,
    under_way,
)
from tests.support.ledger import NOON, minutes, movement, receipt

OUT, IN = MovementKind.TRANSFER_OUT, MovementKind.TRANSFER_IN
DC, HERE, THERE = "DC01", "LDN01", "LDN02"


def left(quantity: int, number: int = 1, **changes: Any) -> Movement:
    """Units have left the distribution centre."""
    changes = {"quantity": quantity, "location_id": DC, "transfer_ref": "A", **changes}
    return movement(OUT, f"asn:{number}", **changes)


def announced(quantity: int, number: int = 1, **changes: Any) -> Movement:
    """Units are announced to a shop."""
    changes = {"quantity": quantity, "transfer_ref": "A", **changes}
    return movement(IN, f"asn-in:{number}", **changes)


def came(quantity: int, number: int = 1, **changes: Any) -> Movement:
    """Units were received in a shop."""
    return receipt(f"r{number}", quantity, **{"transfer_ref": "A", **changes})


class Books:
    """What transfers leave behind: balances by row, and the transfers themselves."""

    def __init__(self, *story: Movement) -> None:
        self.balances: Counter[tuple[str, str]] = Counter()
        self.transfers: list[Transfer] = []
        self.entries: list[str] = []
        self.told: set[str] = set()
        for one in story:
            self.tell(one)

    def tell(self, one: Movement) -> TransferDecision | None:
        """Post a movement, once; each entry has an id of its own."""
        if one.movement_id in self.told:
            return None
        self.told.add(one.movement_id)
        names = set(names_of(one))
        known = [each for each in self.transfers if names & set(each.names)]
        decision = decide_transfer(one, known, now=NOON)
        self.transfers = [each for each in self.transfers if each not in known]
        self.transfers.append(decision.transfer)
        for posting in decision.postings:
            self._post(one, posting)
        return decision

    def _post(self, one: Movement, posting: Posting) -> None:
        self.entries.append(one.movement_id + posting.suffix)
        assert self.entries.count(self.entries[-1]) == 1
        if posting.location_id != one.location_id:
            assert posting.source not in COUNTED_POOLS
            assert posting.target not in COUNTED_POOLS
        assert posting.quantity > 0 or posting.effect is Effect.SUPERSEDED
        self.balances[posting.location_id, posting.source] -= posting.quantity
        self.balances[posting.location_id, posting.target] += posting.quantity

    @property
    def lines(self) -> dict[str, int]:
        """Return every balance that is not zero."""
        return {
            f"{place}:{account}": units
            for (place, account), units in sorted(self.balances.items())
            if units
        }

    def of(self, *accounts: str) -> int:
        """Return what some accounts hold over all rows."""
        return sum(
            n for (_, account), n in self.balances.items() if account in accounts
        )


SENT_5 = {f"{DC}:main": -5, f"{DC}:transit": 5}


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ([left(5)], SENT_5),
        ([came(5)], {"LDN01:main": 5, "LDN01:supplier": -5}),
        ([left(5), came(5)], SENT_5 | {"LDN01:main": 5, "LDN01:transit": -5}),
        ([left(5), came(3)], SENT_5 | {"LDN01:main": 3, "LDN01:transit": -3}),
        (
            [left(5), came(6)],
            SENT_5 | {"LDN01:main": 6, "LDN01:supplier": -1, "LDN01:transit": -5},
        ),
        (
            [left(2), left(3, 2), came(1), came(4, 2)],
            SENT_5 | {"LDN01:main": 5, "LDN01:transit": -5},
        ),
        (
            [left(5), announced(5)],
            SENT_5 | {"LDN01:in_transit": 5, "LDN01:transit": -5},
        ),
        (
            [left(5), announced(5), came(4)],
            SENT_5 | {"LDN01:in_transit": 1, "LDN01:main": 4, "LDN01:transit": -5},
        ),
        (
            [left(5), announced(5), came(6)],
            SENT_5 | {"LDN01:main": 6, "LDN01:supplier": -1, "LDN01:transit": -5},
        ),
        (
            [left(5), announced(3), came(4)],
            SENT_5 | {"LDN01:main": 4, "LDN01:transit": -4},
        ),
        (
            [left(5), came(2), came(4, 2, location_id=THERE)],
            SENT_5
            | {"LDN01:main": 2, "LDN01:transit": -2}
            | {"LDN02:main": 4, "LDN02:supplier": -1, "LDN02:transit": -3},
        ),
        (
            [left(5), announced(5), came(4, location_id=THERE)],
            SENT_5
            | {"LDN01:in_transit": 1, "LDN01:transit": -1}
            | {"LDN02:main": 4, "LDN02:transit": -4},
        ),
        (
            [left(5), came(5, location_id=DC)],
            {},
        ),
        (
            [left(5), came(5, pool=Pool.DAMAGED)],
            SENT_5 | {"LDN01:damaged": 5, "LDN01:transit": -5},
        ),
        (
            [left(5), came(5, transfer_ref="B")],
            SENT_5 | {"LDN01:main": 5, "LDN01:supplier": -5},
        ),
    ],
)
def test_a_transfer_ends_the_same_in_whatever_order_it_is_told(
    story: Sequence[Movement], expected: dict[str, int]
) -> None:
    for order in permutations(story):
        assert Books(*order).lines == expected
        assert Books(*order, *order).lines == expected


def test_a_receipt_whose_transfer_named_no_destination_takes_from_transit() -> None:
    books = Books(left(5), came(5))
    assert books.entries == ["asn:1", "receipt:r1:1:0:unaddressed"]
    assert books.of("transit", "supplier") == 0


def test_a_receipt_heard_before_its_dispatch_is_taken_from_the_supplier_and_back() -> (
    None
):
    books = Books(came(5))
    assert books.of("supplier") == -5
    books.tell(left(5))
    assert books.entries[1:] == ["asn:1", "asn:1:received:LDN01"]
    assert books.of("transit", "supplier") == 0


def test_an_announcement_heard_last_leaves_a_trace_and_changes_nothing() -> None:
    books = Books(left(5), came(5))
    before = books.lines
    decision = books.tell(announced(5))
    assert decision is not None
    (trace,) = decision.postings
    assert (trace.quantity, trace.effect) == (0, Effect.SUPERSEDED)
    assert books.lines == before


def test_a_receipt_of_several_sources_has_an_entry_for_each() -> None:
    books = Books(left(5), announced(3), came(9))
    assert books.entries[-3:] == [
        "receipt:r1:1:0",
        "receipt:r1:1:0:unaddressed",
        "receipt:r1:1:0:unannounced",
    ]


def test_what_went_to_another_shop_is_taken_off_the_way_to_the_first() -> None:
    books = Books(left(5), announced(5), came(2, location_id=THERE))
    assert books.entries[-2:] == [
        "receipt:r1:1:0:unaddressed",
        "receipt:r1:1:0:redirected:LDN01",
    ]
    # The first shop gets all five after all: two have come to the other from outside.
    books.tell(came(5, 2))
    assert books.lines == SENT_5 | {
        "LDN01:main": 5,
        "LDN01:transit": -5,
        "LDN02:main": 2,
        "LDN02:supplier": -2,
    }


# Names


@pytest.mark.parametrize(
    "names",
    [
        {"transfer_ref": "asn:1"},
        {"transfer_ref": "order:7"},
        {"transfer_ref": "shipment:9"},
        {"transfer_ref": "asn:1", "transfer_also": ("order:7", "shipment:9")},
        {"transfer_ref": "asn:unknown", "transfer_also": ("order:7",)},
        {"transfer_ref": "order:PO-1", "transfer_also": ("shipment:9",)},
    ],
)
def test_a_receipt_finds_its_transfer_by_any_of_its_names(
    names: dict[str, Any],
) -> None:
    notice = left(5, transfer_ref="asn:1", transfer_also=("order:7", "shipment:9"))
    for order in permutations([notice, came(5, **names)]):
        books = Books(*order)
        assert books.lines == SENT_5 | {"LDN01:main": 5, "LDN01:transit": -5}
        (transfer,) = books.transfers
        assert {"asn:1", "order:7", "shipment:9"} <= set(transfer.names)


@pytest.mark.parametrize("ref", ["asn:7", "shipment:7", "order:70", "7"])
def test_the_same_number_of_another_sort_is_another_transfer(ref: str) -> None:
    books = Books(left(5, transfer_ref="order:7"), came(5, transfer_ref=ref))
    assert books.of("transit") == 5
    assert books.of("supplier") == -5


def test_shipments_of_one_order_are_one_transfer() -> None:
    story = [
        left(5, 1, transfer_ref="asn:1", transfer_also=("order:7",)),
        left(4, 2, transfer_ref="asn:2", transfer_also=("order:7",)),
        came(6, 1, transfer_ref="asn:1"),
        came(2, 2, transfer_ref="order:7"),
    ]
    for order in permutations(story):
        books = Books(*order)
        assert books.of("transit") == 1
        assert books.of("supplier") == 0


def test_a_document_that_shows_two_transfers_to_be_one_settles_both() -> None:
    books = Books(
        left(5, transfer_ref="asn:1"),
        came(4, transfer_ref="order:7"),
        came(2, 2, transfer_ref="order:8", location_id=THERE),
    )
    assert len(books.transfers) == 3
    also = ("order:7", "order:8")
    books.tell(came(1, 3, transfer_ref="asn:1", transfer_also=also))
    (transfer,) = books.transfers
    assert (sent(transfer), received(transfer)) == (5, 7)
    assert (books.of("transit"), books.of("supplier")) == (0, -2)


# What is known of it


def test_only_what_was_sent_and_not_received_is_under_way() -> None:
    books = Books(came(3))
    assert under_way(books.transfers[0]) == 0
    books.tell(left(5))
    assert under_way(books.transfers[0]) == 2
    books.tell(came(4, 2))
    assert under_way(books.transfers[0]) == 0


def test_what_is_announced_is_not_sent_a_second_time() -> None:
    (transfer,) = Books(left(5), announced(5)).transfers
    assert sent(transfer) == 5
    (transfer,) = Books(announced(5)).transfers
    assert sent(transfer) == 5


def test_a_transfer_knows_when_it_was_last_sent_and_last_heard_of() -> None:
    first, last = left(2), left(3, 2, occurred_at=minutes(9))
    for order in permutations([first, last, came(1)]):
        (transfer,) = Books(*order).transfers
        assert (transfer.sent_at, transfer.touched_at) == (minutes(9), NOON)


def test_a_delay_ends_with_the_last_unit_and_not_before() -> None:
    late = Transfer(("A",), (Leg(DC, sent=5),), NOON, NOON, ("A",))
    partly = decide_transfer(came(4), [late], now=NOON)
    assert (partly.ended, partly.transfer.overdue) == ((), ("A",))
    wholly = decide_transfer(came(1, 2), [partly.transfer], now=NOON)
    assert (wholly.ended, wholly.transfer.overdue) == (("A",), ())


def test_the_delays_of_two_that_prove_to_be_one_end_together() -> None:
    late = [
        Transfer((name,), (Leg(DC, sent=2),), NOON, NOON, (name,))
        for name in ("asn:1", "asn:2")
    ]
    link: dict[str, Any] = {"transfer_ref": "asn:2", "transfer_also": ("asn:1",)}
    partly = decide_transfer(came(3, **link), late, now=NOON)
    assert partly.transfer.overdue == ("asn:1", "asn:2")
    wholly = decide_transfer(came(1, 2, **link), [partly.transfer], now=NOON)
    assert wholly.ended == ("asn:1", "asn:2")


def test_locations_draw_in_the_order_of_their_names() -> None:
    legs = [Leg("A", received=2), Leg("B", received=2), Leg("C", sent=3)]
    assert shares(legs) == {"A": Share(), "B": Share(0, 1), "C": Share()}


# The law


@st.composite
def stories(draw: st.DrawFn) -> list[Movement]:
    """Draw the movements of a few transfers, some of which prove to be one."""
    names = st.lists(
        st.sampled_from(["asn:1", "asn:2", "asn:3", "order:7", "shipment:9"]),
        min_size=1,
        max_size=2,
        unique=True,
    )
    told = []
    for number in range(draw(st.integers(1, 8))):
        ref, *also = draw(names)
        changes = {
            "transfer_ref": ref,
            "transfer_also": tuple(also),
            "location_id": draw(st.sampled_from([DC, HERE, THERE])),
            "occurred_at": NOON + timedelta(minutes=draw(st.integers(0, 3))),
        }
        units, place = draw(st.integers(1, 9)), draw(st.sampled_from([HERE, THERE]))
        match draw(st.sampled_from(["left", "addressed", "came"])):
            case "left":
                told.append(left(units, number, **changes))
            case "addressed":
                told.append(left(units, number, **changes))
                changes["location_id"] = place
                told.append(announced(units, number, **changes))
            case "came":
                told.append(came(units, number, **changes))
    return told


def groups(story: Sequence[Movement]) -> list[list[Movement]]:
    """Gather what belongs together, without the code under test."""
    found: list[tuple[set[str], list[Movement]]] = []
    for one in story:
        names, members = {one.transfer_ref, *one.transfer_also}, [one]
        for other in [each for each in found if each[0] & names]:
            found.remove(other)
            names, members = names | other[0], members + other[1]
        found.append((names, members))
    return [members for _, members in found]


@given(st.data())
def test_any_order_with_repeats_ends_in_the_same_books(data: st.DataObject) -> None:
    story = data.draw(stories())
    repeats = data.draw(st.lists(st.sampled_from(story), max_size=4))
    books = Books(*data.draw(st.permutations([*story, *repeats])))
    assert books.lines == Books(*story).lines
    for place in (DC, HERE, THERE):
        assert sum(n for (p, _), n in books.balances.items() if p == place) == 0
    ending = {m.movement_id: m for m in story}.values()
    gone = Counter[MovementKind]()
    short = over = 0
    for members in groups(list(ending)):
        units = Counter[MovementKind]()
        for one in members:
            units[one.kind] += one.quantity
        gone += units
        short += max(0, units[OUT] - units[MovementKind.RECEIPT])
        over += max(0, units[MovementKind.RECEIPT] - units[OUT])
    assert books.of("transit", "in_transit") == short
    assert books.of("supplier") == -over
    assert books.of("main") == gone[MovementKind.RECEIPT] - gone[OUT]
    assert sum(map(under_way, books.transfers)) == short
