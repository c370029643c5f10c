"""Trying out what orders would hear: the stages' own answers, and nothing guessed."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.agents.linking import LinkingStage
from streams.domain.linking import Link
from streams.domain.order_answers import LookAgainAsked
from streams.domain.order_notes import OrderNote
from streams.domain.reservations import ReservationAnswer
from streams.engine.fold import Result
from streams.mapping.linking_state import encode_link
from streams.mapping.order_messages import ANSWERS, NEWS, NOTES, REPLIES, REQUESTS
from streams.mapping.stock import decode_movement
from streams.tables import ORDER_LINKS, ORDERS
from streams.topics import (
    ORDER_ANSWERS,
    ORDER_FACTS,
    ORDER_NEWS,
    RESERVATION_ANSWERS,
)
from streams.trials.orders import OrdersTrial
from streams.trials.view import TrialView
from streams.web.ports import Foretold, Said
from tests.agents.test_exceptions_look_again import exhausted
from tests.agents.test_linking import MENTION
from tests.agents.test_orders import Desk, movements_of
from tests.support import sourcing
from tests.support.memory_view import MemoryView
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    NUMBER,
    QUIET,
    cancelled,
    item,
    line,
    opened,
    placed,
    seen,
)


def trial_of(desk: Desk) -> OrdersTrial:
    return OrdersTrial(
        LinkingStage(wait_s=900.0),
        desk.stage._rules,
        desk.reference,
        lambda: desk.now,
    )


def fact(note: OrderNote, **more: Any) -> Said:
    return Said(ORDER_FACTS.name, NUMBER.encode(), NOTES.encode(note), **more)


def heard(desk: Desk, *said: Said) -> Foretold:
    """Tell an order what it would hear, and see that it has not."""
    before = {table: dict(rows) for table, rows in desk.view.tables.items()}
    (foretold,) = trial_of(desk).hear(desk.view, said)
    assert desk.view.tables == before
    return foretold


def test_a_fact_says_what_becomes_of_units_and_which_movements_follow() -> None:
    desk = Desk()
    desk.tell(placed(line("a", "TEE", 2)))

    told = heard(desk, fact(opened(item("i-1", unit="a#1"))), fact(cancelled("i-1")))

    moved = [decode_movement(raw).movement_id for raw in told.movements]
    real = desk.tell(opened(item("i-1", unit="a#1")), cancelled("i-1"))
    assert moved == movements_of(real)
    assert "release:cancelled:W-1/a#1" in moved
    (unit,) = [u for u in told.shape["units"] if u["unit"] == "a#1"]
    assert (unit["before"], unit["after"]) == ("open", "cancelled")


def test_what_commercetools_would_be_told_is_what_is_wanted_then() -> None:
    desk = Desk()
    desk.tell(placed(line("a")), opened(item("i-1", unit="a#1")))
    desk.tick(desk.now + QUIET)

    told = heard(desk, fact(seen(COMPLETED, "i-1", tracking="T1")))

    ((when, wanted),) = told.owed
    assert (when, wanted.shipment_state) == ("now", "Shipped")
    assert [made.key for made in wanted.deliveries] == ["ns-fr-1"]


def test_an_open_window_is_foretold_as_it_would_close() -> None:
    desk = Desk()
    desk.tell(placed(line("a", "TEE", 2)))

    told = heard(
        desk,
        fact(opened(item("i-1", unit="a#1"), item("i-2", unit="a#2"))),
        fact(seen(COMPLETED, "i-1")),
        fact(seen(ASSIGNED, "i-2")),
    )

    (when, wanted) = told.owed[-1]
    assert when == (desk.now + QUIET).isoformat()
    assert wanted.shipment_state == "Partial"
    assert any("window" in said for said in told.shape["said"])


def test_an_order_that_looks_again_says_what_it_would_ask_and_nothing_more() -> None:
    house = exhausted()
    wish = LookAgainAsked(order_number=NUMBER, asked_at=house.orders.now)
    said = Said(ORDER_ANSWERS.name, NUMBER.encode(), ANSWERS.encode(wish))

    told = heard(house.orders, said)

    (request,) = told.shape["requests"]
    assert (request.kind, request.sku) == ("quote", "TEE")
    assert told.shape["withdrawn"] == ["sourcing_exhausted"]
    assert any("answers, which are not there yet" in s for s in told.shape["said"])
    assert told.shape["newstore"] is None


def test_a_ledgers_answer_leads_to_the_question_that_newstore_would_get() -> None:
    house = exhausted()
    house.shelf = sourcing.stocked(TEE_LDN01=1)
    wish = LookAgainAsked(order_number=NUMBER, asked_at=house.orders.now)
    asked = house.orders.take(ORDER_ANSWERS, (NUMBER, ANSWERS.encode(wish)))
    house.orders.take(RESERVATION_ANSWERS, (NUMBER, reply(house.shelf, asked)))
    (placement,) = house.orders.order().sourcing.plan  # type: ignore[union-attr]  # it has one
    request = house.orders.order().sourcing.asked[0].request_id  # type: ignore[union-attr]
    granted = ReservationAnswer(
        request_id=request,
        order_number=NUMBER,
        sku="TEE",
        outcome="granted",  # type: ignore[arg-type]  # as on the wire
        location_id=placement.location_id,
    )

    told = heard(
        house.orders,
        Said(RESERVATION_ANSWERS.name, NUMBER.encode(), REPLIES.encode(granted)),
    )

    assert told.shape["newstore"] == {
        "what": "check",
        "external_id": "",
        "needs": [{"sku": "TEE", "location_id": "LDN01", "quantity": 1}],
    }
    assert any("NewStore would be asked" in said for said in told.shape["said"])


def reply(shelf: sourcing.Ledger, result: Result) -> bytes:
    (output,) = [
        output
        for topic, outputs in result.outputs.items()
        if topic.name == "reservation-requests"
        for output in outputs
    ]
    return REPLIES.encode(shelf.ask(REQUESTS.decode(output.value)))


def test_an_order_that_nobody_knows_and_one_that_knows_it_all_say_so() -> None:
    desk = Desk()
    note = placed(line("a"))

    assert heard(desk, fact(note)).shape["said"][0].startswith("The order is not known")
    desk.tell(note)
    assert heard(desk, fact(note)).shape["said"] == [
        "Nothing would change: the order knows it already, or cannot use it."
    ]


def test_a_record_that_cannot_be_read_would_be_parked_again() -> None:
    told = heard(Desk(), Said(ORDER_FACTS.name, NUMBER.encode(), b"{"))

    assert [one["reason"] for one in told.parked] == ["undecodable"]
    assert told.movements == []


def test_news_go_on_to_the_order_that_their_alias_is_known_to_be() -> None:
    view = MemoryView()
    view.tables[ORDER_LINKS] = {b"ns:ns-1": encode_link(Link(number=NUMBER))}
    note = seen(COMPLETED, "i-1")
    known = Said(ORDER_NEWS.name, b"ns:ns-1", NEWS.encode(note))
    other = replace(
        known, key=b"ns:x", value=NEWS.encode(replace(note, newstore_id="x"))
    )

    linked = trial_of(Desk()).link(view, [known, other])

    assert linked.facts == [fact(note)]
    assert linked.said == [
        "1 of the news would wait: their order's number is not known."
    ]


def test_what_has_to_be_read_first_is_said_and_not_guessed() -> None:
    news = Said(ORDER_NEWS.name, b"ct:c", NEWS.encode(MENTION))

    linked = trial_of(Desk()).link(MemoryView(), [news])

    assert linked.facts == []
    assert any("would be asked for ct:c" in said for said in linked.said)


KEYS = st.binary(min_size=1, max_size=2)


@given(
    st.dictionaries(KEYS, st.just(b"old")),
    st.dictionaries(KEYS, st.sampled_from([b"new", None])),
    st.binary(max_size=1),
    st.none() | KEYS,
)
def test_a_trial_view_is_what_the_view_would_be_after_a_commit(
    rows: dict[bytes, bytes],
    writes: dict[bytes, bytes | None],
    prefix: bytes,
    start: bytes | None,
) -> None:
    view, result = MemoryView(), Result()
    view.tables[ORDERS] = dict(rows)
    for key, value in writes.items():
        result.put(ORDERS, key, value)
    there = TrialView(view)
    there.apply(result)
    found = dict(there.get(ORDERS, [*rows, *writes]))
    walked = list(there.scan(ORDERS, prefix, start))
    assert view.tables[ORDERS] == rows

    view.apply(result)

    assert found == view.get(ORDERS, [*rows, *writes])
    assert walked == list(view.scan(ORDERS, prefix, start))
