"""Aliases are forgotten when nobody spoke of them for long, never while they matter."""

from datetime import timedelta

import pytest

from streams.agents.linking_forgetting import KEEP
from streams.domain.linking import Link
from streams.domain.order_news import OrderNews
from streams.mapping.linking_state import encode_link
from streams.mapping.order_aliases import alias_of
from streams.tables import LINK_EXPIRIES, ORDER_LINKS
from tests.agents.test_linking import (
    COMPLETED,
    MENTION,
    MISSING,
    NOON,
    OPENED,
    PLACED,
    WAIT_S,
    Linking,
)

KEEP_S = KEEP.total_seconds()
DAY_S = 86_400


def known(linking: Linking) -> list[str]:
    return [key.decode() for key in linking.view.tables.get(ORDER_LINKS, {})]


def expiries(linking: Linking) -> int:
    return len(linking.view.tables.get(LINK_EXPIRIES, {}))


def test_an_alias_is_kept_from_when_it_was_last_heard_of_to_the_day() -> None:
    linking = Linking()
    linking.take(OPENED)
    linking.now += timedelta(days=10)
    linking.take(COMPLETED)

    linking.tick(KEEP_S - 1)
    assert known(linking) == ["ns:o"]

    result = linking.tick(1)

    assert result is not None
    assert result.counts == {"forgotten": 1}
    assert (known(linking), expiries(linking)) == ([], 0)
    assert linking.tick(1) is None


def test_news_of_the_same_day_write_nothing_new() -> None:
    linking = Linking()
    linking.take(OPENED)
    linking.now += timedelta(hours=23)
    same_day = linking.take(COMPLETED)
    linking.now += timedelta(hours=1)
    next_day = linking.take(COMPLETED)

    assert ORDER_LINKS not in same_day.writes
    assert list(next_day.writes) == [ORDER_LINKS]


@pytest.mark.parametrize(
    "news",
    [(COMPLETED,), (PLACED, MENTION), (MENTION, MISSING)],
    ids=["news wait for its number", "it has to be read", "people were told"],
)
def test_an_alias_that_matters_still_is_never_forgotten(
    news: tuple[OrderNews, ...],
) -> None:
    linking = Linking()
    linking.take(*news)
    for _ in range(5):
        linking.tick(KEEP_S)

    assert known(linking) == [alias_of(news[0])]
    assert expiries(linking) == 1


def test_an_alias_is_kept_as_long_again_once_what_waited_has_gone_on() -> None:
    linking = Linking()
    linking.take(COMPLETED)
    linking.tick(WAIT_S)
    linking.tick(KEEP_S)
    linking.take(OPENED)

    linking.tick(KEEP_S - 1)
    assert known(linking) == ["ns:o"]
    linking.tick(1)
    assert known(linking) == []


def test_a_row_of_an_older_version_is_forgotten_once_it_was_heard_of() -> None:
    linking = Linking()
    linking.take(OPENED)
    key = b"ns:o"
    linking.view.tables[ORDER_LINKS][key] = encode_link(Link(number="W-1"))
    linking.view.tables[LINK_EXPIRIES].clear()
    linking.view._sorted.clear()
    linking.tick(2 * KEEP_S)
    assert known(linking) == ["ns:o"]

    linking.take(COMPLETED)
    linking.tick(KEEP_S)

    assert known(linking) == []


def test_late_news_of_a_forgotten_alias_wait_and_become_a_case() -> None:
    linking = Linking()
    linking.take(OPENED)
    linking.tick(KEEP_S)
    forwarded = len(linking.facts)

    linking.take(COMPLETED)
    result = linking.tick(WAIT_S)

    assert len(linking.facts) == forwarded
    assert result is not None
    assert [one.reason for one in result.parked] == ["unknown_order"]


def test_what_is_raised_in_a_tick_is_not_forgotten_by_it() -> None:
    linking = Linking()
    linking.take(COMPLETED)

    result = linking.tick(KEEP_S)

    assert result is not None
    assert result.counts == {"parked": 1, "raised": 1}
    assert known(linking) == ["ns:o"]
    assert linking.now > NOON
