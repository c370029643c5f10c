"""Orders' rows and timers as bytes."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from streams.domain.order_record import Order
from streams.mapping.orders_state import (
    decode_order,
    encode_order,
    is_due,
    order_key,
    timer_key,
    timer_number,
)
from tests.domain.test_order_confluence import stories, told_whole
from tests.support.ledger import NOON
from tests.support.orders import (
    COMPLETED,
    RULES,
    appeased,
    back,
    item,
    opened,
    placed,
    returned,
    seen,
    settled,
    web_order,
)


def test_an_order_is_read_as_it_was_written() -> None:
    made = web_order().hear(
        seen(COMPLETED, "i-a#1", tracking="T1"),
        returned(back("TEE", "i-a#1"), back("CAP")),
        settled(),
        appeased(),
        opened(item("i-9", unit="z#1"), newstore_id="ns-2", external_id="W-1~2"),
    )
    made.wait(RULES.return_wait)

    assert decode_order(encode_order(made.order)) == made.order


@trials(max_examples=50, deadline=None)
@given(stories())
def test_every_order_is_read_as_it_was_written(notes: list[object]) -> None:
    order = told_whole(notes).order  # type: ignore[arg-type]  # notes, drawn as objects

    assert decode_order(encode_order(order)) == order
    # Older versions wrote every field.
    assert decode_order(msgspec.msgpack.encode(order._asdict())) == order


def test_a_row_holds_only_what_is_not_as_in_every_order() -> None:
    row = encode_order(Order(number="W-1", calls=2))

    assert msgspec.msgpack.decode(row) == {"number": "W-1", "calls": 2}


def test_a_row_of_an_older_version_reads_with_what_it_has() -> None:
    old = msgspec.msgpack.encode(
        {
            "number": "W-1",
            "commerce": ["ct-1", 3],
            "lines": {"a": ["TEE", 2, 2]},
            "items": {"i-1": ["ns-1"]},
            "deliveries": [["ns-fr-1", "fr-1", [["a#1"]]]],
        }
    )
    order = decode_order(old)

    assert order.commerce is not None
    assert (order.commerce.version, order.commerce.has_shipping) == (3, True)
    assert order.lines["a"].location_id == ""
    assert order.items["i-1"].opened is False
    assert order.deliveries[0].units[0].tracking_code == ""
    assert order.sourcing is None


def test_every_field_but_the_number_has_a_default() -> None:
    assert Order(number="W-1") == decode_order(
        msgspec.msgpack.encode({"number": "W-1"})
    )
    assert Order._fields[0] == "number"


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (timedelta(milliseconds=-1), False),
        (timedelta(microseconds=-1), False),
        (timedelta(), True),
        (timedelta(milliseconds=1), True),
    ],
)
def test_a_timer_is_due_from_its_time_on(after: timedelta, due: bool) -> None:
    assert is_due(timer_key(NOON, "W-1"), NOON + after) is due


def test_a_timer_between_two_milliseconds_is_due_with_the_later() -> None:
    at = NOON + timedelta(microseconds=1_500)
    key = timer_key(at, "W-1")

    assert not is_due(key, at)
    assert is_due(key, NOON + timedelta(milliseconds=2))


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants bounds without a zone.
    st.text(),
)
def test_a_timers_key_names_its_order(at: datetime, number: str) -> None:
    assert timer_number(timer_key(at, number)) == number
    assert order_key(number) == number.encode()


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_timers_sort_by_time(one: int, other: int) -> None:
    keys = [timer_key(NOON + timedelta(milliseconds=ms), "W") for ms in (one, other)]

    assert (keys[0] < keys[1]) == (one < other)


def test_a_row_is_small() -> None:
    assert len(encode_order(placed_row())) < 2_500


def placed_row() -> Order:
    return web_order().hear(placed(), seen(COMPLETED, "i-a#1")).wait().order
