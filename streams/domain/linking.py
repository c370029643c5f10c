"""Which order news belong to: aliases learn their order's number, news wait for it.

What is known of an alias only grows, so that the order of arrival does not matter: the
same notes go on to the order whichever came first.
"""

from enum import StrEnum
from typing import NamedTuple

from streams.domain.order_names import order_number_of
from streams.domain.order_news import OrderMentioned, OrderMissing
from streams.domain.order_notes import (
    GoodsReturned,
    OrderNote,
    OrderOpened,
    OrderPlaced,
    OrderStateSeen,
)

WAITING_MAX = 200
"""News of one alias that wait at once; an order has fewer, whatever happens to it."""

WAITING_BYTES_MAX = 512 * 1024
"""A row is written whole with each change, and Kafka takes a megabyte."""


HEARD_EVERY_MS = 24 * 3_600_000
"""A row that says nothing new is written once a day: it is kept for many."""


class Outcome(StrEnum):
    """What became of a piece of news."""

    FORWARDED = "applied"
    NOTED = "noted"
    WAITING = "waiting"
    OVERFLOWING = "overflowing"


class Kept(NamedTuple):
    """A record of news that waits, as it came."""

    topic: str
    offset: int
    timestamp: int
    value: bytes


class Link(NamedTuple):
    """What is known of one alias.

    Attributes:
        number: The order's; empty while it is not known.
        sequence: Of the last message in commercetools' count.
        known_version: The latest version of which the whole order is known.
        wanted_version: The version that has to be known, or a later one.
        missing_version: commercetools was asked for this version and had no order.
        waiting: News that cannot go on without the number, in order of arrival.
        due_ms: When people are told that the number is missing; 0 for not.
        is_raised: They have been told.
        heard_ms: When it was last heard of, to the day; 0 in rows of older versions.
    """

    number: str = ""
    sequence: int = 0
    known_version: int = 0
    wanted_version: int = 0
    missing_version: int = 0
    waiting: tuple[Kept, ...] = ()
    due_ms: int = 0
    is_raised: bool = False
    heard_ms: int = 0

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing waits for it, and nobody was told to look after it."""
        is_known = not (self.waiting or self.due_ms or self.is_raised)
        return is_known and not (self.is_missing or self.needs_read)

    @property
    def is_missing(self) -> bool:
        """Whether people were told that commercetools has no such order."""
        return self.missing_version > self.known_version

    @property
    def needs_read(self) -> bool:
        """Whether the order has to be read in commercetools."""
        return self.wanted_version > max(self.known_version, self.missing_version)


UNKNOWN = Link()


class Heard(NamedTuple):
    """An alias after a piece of news, and the news that now go on, the oldest first."""

    link: Link
    outcome: Outcome
    forwarded: tuple[bytes, ...] = ()


def hear(
    link: Link,
    news: OrderNote | OrderMentioned,
    kept: Kept,
    *,
    now_ms: int,
    wait_ms: int,
) -> Heard:
    """Take in a piece of news, which `kept` holds as it came."""
    if now_ms - link.heard_ms >= HEARD_EVERY_MS:
        link = link._replace(heard_ms=now_ms)
    number = link.number or number_in(news)
    link = _with_demands(link, news, number)
    if isinstance(news, OrderMentioned):
        if link.number or not number:
            return Heard(link, Outcome.NOTED)
        return Heard(_linked(link, number), Outcome.NOTED, _values(link.waiting))
    if number:
        forwarded = (*_values(link.waiting), kept.value)
        return Heard(_linked(link, number), Outcome.FORWARDED, forwarded)
    if kept.value in _values(link.waiting):
        return Heard(link, Outcome.WAITING)
    size = len(kept.value) + sum(map(len, _values(link.waiting)))
    if len(link.waiting) >= WAITING_MAX or size > WAITING_BYTES_MAX:
        return Heard(link, Outcome.OVERFLOWING)
    due_ms = link.due_ms
    if not due_ms and not link.is_raised:
        # A sale that the shop did not know will not become known by waiting.
        due_ms = now_ms + (0 if _is_blind(news) else wait_ms)
    waiting = (*link.waiting, kept)
    return Heard(link._replace(waiting=waiting, due_ms=due_ms), Outcome.WAITING)


def found_missing(link: Link, news: OrderMissing) -> Link:
    """Note that commercetools has no such order, as of a version."""
    version = max(link.missing_version, news.version)
    return link._replace(missing_version=version)


def ask_again(link: Link) -> Link:
    """Have an order read that was missing: a person says that it is there now."""
    return link._replace(missing_version=0)


def raised(link: Link, now_ms: int) -> Link:
    """Return the link once its time is up: people are told, and the news wait on."""
    if not link.due_ms or link.due_ms > now_ms:
        return link
    return link._replace(due_ms=0, is_raised=True)


def number_in(news: OrderNote | OrderMentioned) -> str:
    """Return the order number that a piece of news names; empty if it names none."""
    match news:
        case OrderPlaced() | OrderStateSeen() | OrderMentioned():
            return news.number
        case OrderOpened():
            return order_number_of(news.external_id)
        case GoodsReturned(newstore_id=""):
            return order_number_of(news.external_order)
        case _:
            return ""


def _linked(link: Link, number: str) -> Link:
    return link._replace(number=number, waiting=(), due_ms=0, is_raised=False)


def _with_demands(link: Link, news: OrderNote | OrderMentioned, number: str) -> Link:
    """Note what is known and what has to be read of an order in commercetools."""
    match news:
        case OrderPlaced():
            return link._replace(
                sequence=max(link.sequence, news.sequence),
                known_version=max(link.known_version, news.version),
            )
        case OrderStateSeen() | OrderMentioned():
            has_changed = isinstance(news, OrderMentioned) and news.has_changed
            # Not a proof: a subscription that asks for some types only skips numbers.
            has_gap = news.sequence > link.sequence + 1
            never_seen = link.known_version == 0 or not number
            wanted = link.wanted_version
            if has_changed or has_gap or never_seen:
                wanted = max(wanted, news.version, 1)
            sequence = max(link.sequence, news.sequence)
            return link._replace(sequence=sequence, wanted_version=wanted)
        case _:
            return link


def _is_blind(news: OrderNote) -> bool:
    return isinstance(news, GoodsReturned) and not news.newstore_id


def _values(waiting: tuple[Kept, ...]) -> tuple[bytes, ...]:
    return tuple(kept.value for kept in waiting)
