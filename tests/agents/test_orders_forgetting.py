"""Orders are forgotten when they are long finished, and never done to stock twice."""

from datetime import datetime, timedelta

import pytest

from streams.agents.expiries import ROWS_MAX, expiry_key, milliseconds
from streams.agents.orders_forgetting import Forgetting
from streams.domain.order_answers import CommerceTold
from streams.domain.order_notes import OrderNote
from streams.mapping.order_messages import ANSWERS
from streams.mapping.orders_state import encode_order, order_key
from streams.tables import ORDER_EXPIRIES, ORDERS
from streams.topics import ORDER_ANSWERS
from tests.agents.test_orders import Desk, cases_of, movements_of
from tests.support.ledger import NOON
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    NUMBER,
    RULES,
    SECOND,
    back,
    cancelled,
    item,
    line,
    opened,
    placed,
    returned,
    seen,
)

KEEP = RULES.keep
STORE_SALE = opened(item("i-1", carried_out=True))


def told(desk: Desk) -> None:
    """Let commercetools know all that it is owed."""
    order = desk.order()
    answer = CommerceTold(
        order_number=NUMBER,
        wanted_sequence=order.wanted_sequence,
        version=9,
        told_at=desk.now,
        calls=1,
    )
    desk.take(ORDER_ANSWERS, (NUMBER, ANSWERS.encode(answer)))


def numbers(desk: Desk) -> list[str]:
    return [key.decode() for key in desk.view.tables.get(ORDERS, {})]


def expiries(desk: Desk) -> dict[bytes, bytes]:
    return desk.view.tables.get(ORDER_EXPIRIES, {})


def finished(*notes: OrderNote) -> Desk:
    desk = Desk()
    desk.tell(*(notes or (STORE_SALE,)))
    return desk


def test_a_finished_order_is_kept_to_the_millisecond_and_then_forgotten() -> None:
    desk = finished()

    assert desk.tick(NOON + KEEP - SECOND / 1000) is None
    assert numbers(desk) == [NUMBER]

    result = desk.tick(NOON + KEEP)

    assert result is not None
    assert result.counts == {"forgotten": 1}
    assert (numbers(desk), desk.timers, expiries(desk)) == ([], [], {})
    assert desk.tick(NOON + KEEP + SECOND) is None


def test_each_change_keeps_an_order_anew() -> None:
    desk = finished()
    desk.now = NOON + timedelta(days=300)
    desk.tell(seen(COMPLETED, "i-1"))

    desk.tick(NOON + KEEP)
    assert numbers(desk) == [NUMBER]

    desk.tick(NOON + timedelta(days=300) + KEEP - SECOND)
    assert numbers(desk) == [NUMBER]
    desk.tick(NOON + timedelta(days=300) + KEEP)
    assert numbers(desk) == []


@pytest.mark.parametrize(
    "notes",
    [
        (opened(item("i-1")), seen(ASSIGNED, "i-1")),
        (placed(line("a")),),
        (STORE_SALE, returned(back("MUG", quantity=5_000), return_id="r")),
    ],
    ids=["open", "owed", "in trouble"],
)
def test_what_is_open_owed_or_in_trouble_is_never_forgotten(
    notes: tuple[OrderNote, ...],
) -> None:
    desk = finished(*notes)
    for days in range(0, 2000, 100):
        desk.tick(NOON + timedelta(days=days))

    assert numbers(desk) == [NUMBER]
    assert len(expiries(desk)) == 1


def test_an_order_that_is_finished_late_is_kept_as_long_from_then_on() -> None:
    desk = finished(placed(line("a")), opened(item("i-1", unit="a#1")))
    desk.tick(NOON + KEEP)
    desk.tell(seen(COMPLETED, "i-1"))
    told(desk)
    end = desk.now

    desk.tick(end + KEEP - SECOND)
    assert numbers(desk) == [NUMBER]
    desk.tick(end + KEEP)
    assert numbers(desk) == []


def test_a_row_of_an_older_version_is_forgotten_once_it_was_seen() -> None:
    desk = finished()
    old = desk.order()._replace(expires=False)
    desk.view.tables[ORDERS][order_key(NUMBER)] = encode_order(old)
    desk.view.tables[ORDER_EXPIRIES].clear()
    desk.view._sorted.clear()
    desk.tick(NOON + KEEP)
    assert numbers(desk) == [NUMBER]

    repeated = desk.tell(STORE_SALE)
    desk.tick(NOON + KEEP + KEEP - SECOND)
    assert numbers(desk) == [NUMBER]
    desk.tick(NOON + KEEP + KEEP)

    assert repeated.counts["repeated"] == 1
    assert numbers(desk) == []


def test_a_row_that_is_gone_takes_its_expiry_along() -> None:
    desk = finished()
    del desk.view.tables[ORDERS][order_key(NUMBER)]
    desk.tick(NOON + KEEP)

    assert expiries(desk) == {}


def test_a_tick_forgets_a_limited_number_and_the_next_goes_on() -> None:
    desk = Desk()
    for number in range(ROWS_MAX + 1):
        desk.tell(STORE_SALE, number=f"S-{number}")

    first = desk.tick(NOON + KEEP)
    second = desk.tick(NOON + KEEP + SECOND)

    assert first is not None
    assert first.counts["forgotten"] == ROWS_MAX
    assert second is not None
    assert second.counts["forgotten"] == 1
    assert numbers(desk) == []


def test_a_clock_set_back_does_not_hide_what_is_due() -> None:
    desk = finished()
    forgetting = Forgetting(KEEP)
    far = NOON + 2 * KEEP
    forgetting.due(desk.view, NOON - timedelta(days=1))
    assert len(forgetting.due(desk.view, far)) == 1
    desk.view.tables[ORDER_EXPIRIES].clear()
    desk.view._sorted.clear()
    assert forgetting.due(desk.view, far) == []
    key = expiry_key(milliseconds(NOON), order_key(NUMBER))
    desk.view.tables[ORDER_EXPIRIES][key] = b""
    desk.view._sorted.clear()

    assert len(forgetting.due(desk.view, NOON + KEEP)) == 1


def test_an_order_is_looked_at_once_it_has_been_kept_whatever_woke_it() -> None:
    desk = finished(STORE_SALE, returned(back(item_id="i-1"), return_id="r"))
    for days in range(0, 900, 10):
        desk.tick(NOON + timedelta(days=days))

    assert numbers(desk) == []


def forgotten() -> tuple[Desk, datetime]:
    """Return a desk that knew a shipped web order once, and the time now."""
    desk = Desk()
    desk.tell(placed(line("a")), opened(item("i-1", unit="a#1")))
    desk.tell(seen(COMPLETED, "i-1"))
    told(desk)
    late = NOON + KEEP + timedelta(days=1)
    desk.tick(late)
    assert numbers(desk) == []
    return desk, late


def test_a_forgotten_order_told_anew_is_a_case_and_moves_no_stock() -> None:
    desk, _ = forgotten()

    result = desk.tell(placed(line("a"), version=5))

    assert movements_of(result) == []
    assert [one.reason for one in result.parked] == ["order_too_old"]
    assert "kept for 400 days" in result.parked[0].sentence
    assert result.counts == {"in": 1, "parked": 1}
    assert numbers(desk) == []


def test_what_stores_tell_of_a_forgotten_order_moves_no_stock() -> None:
    desk, _ = forgotten()

    again = desk.tell(opened(item("i-1", unit="a#1")), seen(COMPLETED, "i-1"))
    both = desk.tell(placed(line("a")), cancelled())

    assert movements_of(again) == movements_of(both) == []
    assert not desk.order().is_placed


def test_a_return_to_a_forgotten_order_becomes_a_case() -> None:
    desk, late = forgotten()
    desk.tell(returned(back(item_id="i-1"), returned_at=late))

    result = desk.tick(late + RULES.return_wait)

    assert result is not None
    assert cases_of(result) == [("raise", "return", "returned_unknown")]


@pytest.mark.parametrize(("age", "is_followed"), [(KEEP - SECOND, 1), (KEEP, 0)])
def test_an_order_is_followed_from_an_age_that_cannot_be_forgotten_yet(
    age: timedelta, is_followed: int
) -> None:
    desk = Desk()

    result = desk.tell(placed(line("a"), placed_at=NOON - age))

    assert len(movements_of(result)) == is_followed
    assert len(result.parked) == 1 - is_followed


def test_an_old_order_that_is_still_known_goes_on_to_be_followed() -> None:
    desk = Desk()
    desk.tell(placed(line("a")))
    desk.now = NOON + 2 * KEEP

    result = desk.tell(placed(line("a", quantity=2), version=2))

    assert movements_of(result) == ["announce:W-1/a#2"]
    assert result.parked == []
