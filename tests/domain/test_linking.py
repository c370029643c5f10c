"""Aliases learn their order's number; what was told before goes on then."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.domain import order_notes as notes
from streams.domain.linking import (
    UNKNOWN,
    WAITING_BYTES_MAX,
    WAITING_MAX,
    Heard,
    Kept,
    Link,
    Outcome,
    ask_again,
    found_missing,
    hear,
    number_in,
    raised,
)
from streams.domain.order_news import OrderMentioned, OrderMissing

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
WAIT_MS = 900_000


def tell(link: Link, news: Any, value: bytes = b"v", *, now_ms: int = 1000) -> Heard:
    kept = Kept("order-news", 7, 5, value)
    return hear(link, news, kept, now_ms=now_ms, wait_ms=WAIT_MS)


def opened(external_id: str = "W-1") -> notes.OrderOpened:
    return notes.OrderOpened(
        newstore_id="o",
        external_id=external_id,
        channel=notes.OrderChannel.STORE,
        placed_at=NOON,
        items=(),
    )


COMPLETED = notes.OrderCompleted(newstore_id="o", occurred_at=NOON)


def blind(external_order: str = "") -> notes.GoodsReturned:
    return notes.GoodsReturned(
        return_id="r",
        location_id="L",
        returned_at=NOON,
        items=(),
        external_order=external_order,
    )


def placed(version: int = 1, sequence: int = 0) -> notes.OrderPlaced:
    return notes.OrderPlaced(
        commerce_id="c",
        number="W-1",
        version=version,
        placed_at=NOON,
        lines=(),
        sequence=sequence,
    )


def state(version: int, sequence: int = 0, number: str = "W-1") -> notes.OrderStateSeen:
    return notes.OrderStateSeen(
        commerce_id="c", number=number, version=version, state="Open", sequence=sequence
    )


def mention(version: int, **more: Any) -> OrderMentioned:
    return OrderMentioned(commerce_id="c", version=version, **more)


def test_news_that_name_the_number_go_on_at_once() -> None:
    heard = tell(UNKNOWN, opened())
    assert heard == (Link(number="W-1"), Outcome.FORWARDED, (b"v",))


def test_news_wait_for_the_number_and_go_on_in_the_order_they_came() -> None:
    link = tell(UNKNOWN, COMPLETED, b"1").link
    link = tell(link, COMPLETED, b"2").link
    assert link.due_ms == 1000 + WAIT_MS
    heard = tell(link, opened(), b"3")
    assert heard.forwarded == (b"1", b"2", b"3")
    assert (heard.link.waiting, heard.link.due_ms) == ((), 0)
    assert tell(heard.link, COMPLETED, b"4").forwarded == (b"4",)


def test_what_waits_already_waits_once() -> None:
    link = tell(UNKNOWN, COMPLETED, b"1").link
    assert tell(link, COMPLETED, b"1") == (link, Outcome.WAITING, ())


def test_waiting_is_bounded_by_number_and_by_size() -> None:
    kept = tuple(Kept("t", i, 0, b"%d" % i) for i in range(WAITING_MAX - 1))
    almost = Link(waiting=kept, due_ms=9)
    full = tell(almost, COMPLETED, b"last").link
    assert len(full.waiting) == WAITING_MAX
    assert tell(full, COMPLETED, b"more") == (full, Outcome.OVERFLOWING, ())
    heavy = tell(UNKNOWN, COMPLETED, bytes(WAITING_BYTES_MAX)).link
    assert heavy.waiting
    assert tell(heavy, COMPLETED, b"x").outcome is Outcome.OVERFLOWING


def test_people_are_told_once_the_time_is_up_and_the_news_wait_on() -> None:
    link = tell(UNKNOWN, COMPLETED).link
    assert raised(link, link.due_ms - 1) == link
    told = raised(link, link.due_ms)
    assert told == link._replace(due_ms=0, is_raised=True)
    assert tell(told, COMPLETED, b"2").link.due_ms == 0
    assert tell(told, opened(), b"3").forwarded == (b"v", b"3")


def test_a_return_of_an_unknown_sale_does_not_wait_for_people_to_be_told() -> None:
    assert tell(UNKNOWN, blind()).link.due_ms == 1000


def test_a_return_that_names_another_systems_order_goes_to_it() -> None:
    assert tell(UNKNOWN, blind("W-9~2")).link.number == "W-9"


def test_the_number_of_a_re_routed_order_is_its_first() -> None:
    assert number_in(opened("W-1~3")) == "W-1"


def test_a_return_under_its_order_gives_no_number() -> None:
    assert number_in(replace(blind("W-9"), newstore_id="o")) == ""


def test_the_first_number_stays() -> None:
    link = tell(UNKNOWN, opened("W-1")).link
    assert tell(link, opened("W-2")).link.number == "W-1"


@pytest.mark.parametrize(
    ("known", "news", "needs_read"),
    [
        (Link(), mention(1, number="W-1"), True),
        (Link(), state(3, number=""), True),
        (Link(known_version=1, number="W-1"), mention(2, number="W-1"), False),
        (Link(known_version=1, number="W-1"), mention(2, has_changed=True), True),
        (Link(known_version=2, number="W-1"), mention(2, has_changed=True), False),
        (Link(known_version=1, number="W-1", sequence=1), state(2, 2), False),
        (Link(known_version=1, number="W-1", sequence=1), state(3, 3), True),
        (Link(known_version=3, number="W-1", sequence=1), state(3, 3), False),
        (Link(known_version=3, number="W-1", sequence=5), state(2, 2), False),
        (Link(missing_version=3, number="W-1"), state(3, 1), False),
        (Link(missing_version=3, number="W-1"), state(4, 2), True),
    ],
)
def test_an_order_is_read_where_what_was_told_may_not_be_all(
    known: Link, news: Any, needs_read: bool
) -> None:
    assert tell(known, news).link.needs_read is needs_read


def test_reading_an_order_satisfies_all_who_wanted_it() -> None:
    link = tell(UNKNOWN, mention(4, sequence=4, has_changed=True)).link
    assert tell(link, placed(3)).link.needs_read
    assert not tell(link, placed(4)).link.needs_read


def test_a_mention_is_not_forwarded_but_its_number_counts() -> None:
    link = tell(UNKNOWN, state(3, number=""), b"1").link
    heard = tell(link, mention(4, number="W-1"), b"2")
    assert (heard.outcome, heard.forwarded) == (Outcome.NOTED, (b"1",))
    assert tell(UNKNOWN, mention(4)).outcome is Outcome.NOTED


def test_a_missing_order_is_asked_for_again_when_a_person_says_so() -> None:
    link = tell(UNKNOWN, mention(4, number="W-1")).link
    missing = found_missing(link, OrderMissing(commerce_id="c", version=4))
    assert (missing.needs_read, missing.is_missing) == (False, True)
    assert ask_again(missing).needs_read
    assert not tell(missing, placed(5)).link.is_missing
