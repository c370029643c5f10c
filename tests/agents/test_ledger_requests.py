"""Requests to reserve units: granted or declined, once, and never beyond the stock."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.reservations import (
    Offer,
    RequestKind,
    ReservationAnswer,
    ReservationOutcome,
    ReservationRequest,
)
from streams.engine.fold import Batch, Context, Result
from streams.mapping.order_messages import REPLIES, REQUESTS
from streams.tables import REQUESTS as REQUEST_TABLE
from streams.topics import RESERVATION_ANSWERS, RESERVATION_REQUESTS
from tests.support.ledger import (
    LATER,
    NOON,
    TEE,
    Ledger,
    announce,
    cancel,
    identify,
    receipt,
    release,
    reserve,
    sale,
    ship,
)
from tests.support.memory_view import MemoryRecord

GRANTED, DECLINED = ReservationOutcome.GRANTED, ReservationOutcome.DECLINED


class Desk(Ledger):
    """A ledger that is asked as well as told."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def ask(self, *requests: ReservationRequest) -> list[ReservationAnswer]:
        """Ask the requests as one batch, commit, and return the answers."""
        raw = [(r.sku.encode(), REQUESTS.encode(r)) for r in requests]
        result = self.ask_records(raw)
        outputs = result.outputs.get(RESERVATION_ANSWERS, [])
        assert [o.key for o in outputs] == [r.order_number.encode() for r in requests]
        return [REPLIES.decode(output.value) for output in outputs]

    def ask_records(self, raw: Sequence[tuple[bytes | None, bytes | None]]) -> Result:
        batch = [
            MemoryRecord("reservation-requests", self.asked + i, key, value)
            for i, (key, value) in enumerate(raw)
        ]
        self.asked += len(batch)
        context = Context(self.now, self.reference)
        source = Batch(RESERVATION_REQUESTS, 0, batch)
        result = self.stage.fold(self.view, source, context)
        self._commit(result)
        return result


def want(name: str, units: int = 1, /, **changes: Any) -> ReservationRequest:
    """Return a request for units of TEE at LDN02, which keeps no safety stock."""
    plain = ReservationRequest(
        request_id=name,
        kind=RequestKind.RESERVE,
        order_number="W-1",
        sku=TEE,
        unit_ids=tuple(f"W-1/li-a#{n + 1}" for n in range(units)),
        requested_at=NOON,
        attempt=1,
        location_id="LDN02",
    )
    return replace(plain, **changes)


def stocked(quantity: int) -> Desk:
    desk = Desk()
    desk.tell(receipt("R", quantity, location_id="LDN02"))
    return desk


@pytest.mark.parametrize(
    ("stock", "units", "outcome"),
    [(0, 1, DECLINED), (1, 1, GRANTED), (1, 2, DECLINED), (2, 2, GRANTED)],
)
def test_all_units_are_reserved_or_none(
    stock: int, units: int, outcome: ReservationOutcome
) -> None:
    desk = stocked(stock) if stock else Desk()

    (answer,) = desk.ask(want("q", units))

    assert answer.outcome is outcome
    held = units if outcome is GRANTED else 0
    assert desk.counts.get("requests_granted", 0) == (outcome is GRANTED)
    if stock:
        assert desk.pools("LDN02").get("reserved", 0) == held


def test_safety_stock_is_not_for_reserving() -> None:
    desk = Desk()
    desk.tell(receipt("R", 1))

    (answer,) = desk.ask(want("q", location_id="LDN01"))

    assert answer.outcome is DECLINED
    assert answer.offers == (Offer(location_id="LDN01", available=0),)


def test_a_closed_shop_offers_nothing() -> None:
    desk = Desk()
    desk.tell(receipt("R", 5, location_id="CLOSED"))

    (answer,) = desk.ask(want("q", location_id="CLOSED"))

    assert (answer.outcome, answer.offers) == (DECLINED, ())


def test_requests_of_one_batch_see_each_other() -> None:
    desk = stocked(1)
    other = want("q2", order_number="W-2", unit_ids=("W-2/li-a#1",))

    first, second = desk.ask(want("q1"), other)

    assert (first.outcome, second.outcome) == (GRANTED, DECLINED)
    assert second.offers == (Offer(location_id="LDN02", available=0),)


def test_a_repeat_is_answered_the_same_whatever_has_changed_since() -> None:
    desk = Desk()
    (declined,) = desk.ask(want("q"))
    desk.tell(receipt("R", 5, location_id="LDN02"))

    (again,) = desk.ask(want("q"))
    (anew,) = desk.ask(want("q-2"))

    assert again == declined
    assert anew.outcome is GRANTED
    assert desk.counts["requests_repeated"] == 1


def test_a_quote_names_every_place_and_reserves_nothing() -> None:
    desk = stocked(3)
    desk.tell(receipt("R1", 4))

    quote = want("q", 2, kind=RequestKind.QUOTE, location_id="", attempt=0)
    (answer,) = desk.ask(quote)

    assert answer.outcome is ReservationOutcome.QUOTED
    assert answer.offers == (
        Offer(location_id="LDN01", available=3),
        Offer(location_id="LDN02", available=3),
    )
    assert desk.pools("LDN02") == {"main": 3, "supplier": -3}


def test_units_that_stand_there_already_are_available_to_their_own_order() -> None:
    desk = stocked(1)
    desk.tell(announce("W-1/li-a#1", location_id="LDN02"))

    (other,) = desk.ask(want("q2", order_number="W-2", unit_ids=("W-2/li-a#1",)))
    (own,) = desk.ask(want("q1"))

    assert (other.outcome, own.outcome) == (DECLINED, GRANTED)
    assert desk.pools("LDN02") == {"reserved": 1, "supplier": -1}


def test_a_reservation_moves_with_its_next_attempt() -> None:
    desk = stocked(1)
    desk.tell(receipt("R1", 2))
    desk.ask(want("q1"))

    desk.ask(want("q2", attempt=2, location_id="LDN01"))

    assert desk.pools("LDN02")["main"] == 1
    assert desk.pools("LDN01")["reserved"] == 1


def test_our_release_undoes_the_attempt_it_names_and_none_later() -> None:
    desk = stocked(1)
    desk.ask(want("q1"))
    undo = release("W-1/li-a#1", 0, attempt=1, location_id="LDN02")

    desk.tell(undo)
    assert desk.pools("LDN02") == {"main": 1, "supplier": -1}

    (again,) = desk.ask(want("q2", attempt=2))
    desk.tell(undo._replace(movement_id="release:late"))
    assert again.outcome is GRANTED
    assert desk.pools("LDN02") == {"reserved": 1, "supplier": -1}


@pytest.mark.parametrize("end", [cancel, ship])
def test_what_is_over_is_not_reserved(end: Any) -> None:
    desk = stocked(2)
    desk.tell(end("W-1/li-a#1"))

    (answer,) = desk.ask(want("q"))

    assert answer.outcome is DECLINED


def test_a_reroute_wins_over_what_failed_and_loses_to_a_later_assignment() -> None:
    desk = stocked(1)
    desk.tell(receipt("R1", 2), identify("ns-1", "W-1/li-a#1"))
    desk.tell(reserve("ns-1", 7), release("ns-1", 8))

    (answer,) = desk.ask(want("q", attempt=2, rank=8))
    assert answer.outcome is GRANTED
    assert desk.pools("LDN02")["reserved"] == 1

    desk.tell(reserve("ns-1", 9))
    assert desk.pools("LDN02") == {"main": 1, "supplier": -1}
    assert desk.pools("LDN01")["reserved"] == 1


def test_a_vendor_that_gives_up_on_its_name_does_not_cancel_our_unit() -> None:
    desk = stocked(2)
    desk.tell(identify("ns-1", "W-1/li-a#1"), reserve("ns-1", 5, location_id="LDN02"))

    desk.tell(cancel("ns-1"))
    assert desk.pools("LDN02") == {"main": 2, "supplier": -2}

    (answer,) = desk.ask(want("q", attempt=2, rank=5))
    assert answer.outcome is GRANTED


def test_a_name_stands_for_one_unit_only() -> None:
    desk = stocked(1)
    desk.tell(identify("ns-1", "W-1/li-a#1"))

    result = desk.tell(
        identify("ns-1", "W-2/li-b#1")._replace(movement_id="identify:other")
    )

    (parked,) = result.parked
    assert (parked.reason, parked.field) == ("identity_taken", "same_as")
    assert "W-1/li-a#1" in parked.sentence


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"unit_ids": ()}, "impossible_units", "unit_ids"),
        ({"unit_ids": ("a", "a")}, "impossible_units", "unit_ids"),
        ({"unit_ids": tuple(map(str, range(1001)))}, "impossible_units", "unit_ids"),
        ({"location_id": ""}, "missing_location", "location_id"),
        ({"location_id": "LDN|1"}, "impossible_name", "location_id"),
        ({"rank": -1}, "impossible_rank", "rank"),
        ({"attempt": -1}, "impossible_attempt", "attempt"),
    ],
)
def test_what_cannot_be_asked_is_parked_with_its_reason(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    request = want("q", **changes)

    desk = stocked(1)
    result = desk.ask_records([(TEE.encode(), REQUESTS.encode(request))])

    (parked,) = result.parked
    assert (parked.reason, parked.field) == (reason, field)
    assert RESERVATION_ANSWERS not in result.outputs


def test_what_is_no_request_or_has_another_key_is_parked() -> None:
    desk = stocked(1)
    wrong = (b"MUG", REQUESTS.encode(want("q")))

    result = desk.ask_records([(TEE.encode(), b"{"), wrong])

    assert [p.reason for p in result.parked] == ["undecodable", "wrong_key"]


def test_answers_are_forgotten_with_their_time() -> None:
    desk = stocked(1)
    desk.ask(want("q"))
    assert len(desk.view.tables[REQUEST_TABLE]) == 1

    desk.now = LATER.replace(year=LATER.year + 1)
    desk.tick()

    assert desk.view.tables[REQUEST_TABLE] == {}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_granted_was_there(data: st.DataObject) -> None:
    """Requests alone never take more than there is, whatever is repeated."""
    desk = stocked(data.draw(st.integers(1, 6)))
    desk.tell(receipt("R1", data.draw(st.integers(1, 6))))
    asks = data.draw(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3))))
    for number, (order, units) in enumerate(asks):
        place = data.draw(st.sampled_from(["LDN01", "LDN02"]))
        request = want(
            f"q{number}",
            order_number=f"W-{order}",
            unit_ids=tuple(f"W-{order}/li#{n}" for n in range(units)),
            attempt=number + 1,
            location_id=place,
        )
        desk.ask(request, request)
        if data.draw(st.booleans()):
            undo = release(request.unit_ids[0], 0, attempt=number + 1)
            undo = undo._replace(location_id=place, movement_id=f"undo{number}")
            desk.tell(undo)
        assert desk.pools("LDN02").get("main", 0) >= 0
        assert desk.pools("LDN01").get("main", 0) >= 1
    assert "oversold" not in desk.counts


def test_a_sale_may_take_what_was_reserved_and_then_a_reservation_is_declined() -> None:
    desk = stocked(1)
    desk.ask(want("q1"))
    desk.tell(sale("u", location_id="LDN02"))

    (answer,) = desk.ask(want("q2", order_number="W-2", unit_ids=("W-2/x#1",)))

    assert answer.outcome is DECLINED
    assert answer.offers == (Offer(location_id="LDN02", available=-1),)
