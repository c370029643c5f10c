"""The linking stage: news of orders under a vendor's id to facts under their number."""

from datetime import timedelta

from streams.agents.linking_forgetting import KEEP, Forgetting
from streams.agents.linking_records import (
    account,
    kept_record,
    park,
    take_missing,
    tell_over,
)
from streams.agents.linking_rows import due_aliases, load_links, write_link
from streams.domain.linking import UNKNOWN, Kept, Link, hear, raised
from streams.domain.order_news import OrderMissing
from streams.engine.fold import Batch, Context, Output, Record, Result, View
from streams.engine.headers import heard_header
from streams.mapping.order_aliases import (
    alias_of,
    foreign_alias,
    missing_order,
    undecodable_news,
    unknown_alias,
)
from streams.mapping.order_messages import NEWS
from streams.mapping.stock import Undecodable
from streams.tables import LINK_EXPIRIES, LINK_TIMERS, ORDER_LINKS
from streams.topics import ORDER_FACTS, ORDER_NEWS


class LinkingStage:
    """Forwards news byte for byte; what has no number yet waits with its alias.

    Counts: in = applied + noted + waiting + (parked - raised).
    """

    name = "linking"
    sources = (ORDER_NEWS,)
    tables = (ORDER_LINKS, LINK_TIMERS, LINK_EXPIRIES)
    outputs = (ORDER_FACTS,)
    tick_interval_s: float | None = 1.0

    def __init__(self, *, wait_s: float, keep: timedelta = KEEP) -> None:
        """Args: wait_s: How long news wait before people are told."""
        self._wait_ms = int(wait_s * 1000)
        self._forgetting = Forgetting(keep)

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Link a batch of news."""
        result = Result()
        keys = {record.key for record in batch.records if record.key is not None}
        links = dict(before := load_links(view, keys))
        now_ms = int(context.now.timestamp() * 1000)
        for record in batch.records:
            result.count("in")
            self._take(record, links, now_ms, result)
        for key, link in links.items():
            write_link(result, key, before.get(key, UNKNOWN), link)
        return result

    def _take(
        self, record: Record, links: dict[bytes, Link], now_ms: int, result: Result
    ) -> None:
        key = record.key or b""
        try:
            news = NEWS.decode(record.value)
        except Undecodable as error:
            park(result, record, undecodable_news(error))
            return
        alias = alias_of(news)
        if key != alias.encode():
            park(result, record, foreign_alias(record.key, alias))
            return
        link = links.get(key, UNKNOWN)
        if isinstance(news, OrderMissing):
            links[key] = take_missing(result, record, link, news)
            return
        kept = Kept(record.topic, record.offset, record.timestamp, record.value or b"")
        heard = hear(link, news, kept, now_ms=now_ms, wait_ms=self._wait_ms)
        links[key] = heard.link
        number, headers = heard.link.number.encode(), (heard_header(record),)
        for forwarded in heard.forwarded:
            result.send(ORDER_FACTS, Output(number, forwarded, record, headers=headers))
        if heard.link.number and link.is_raised:
            tell_over(result, record, unknown_alias(alias))
        if link.is_missing and not heard.link.is_missing:
            tell_over(result, record, missing_order(alias))
        account(result, record, alias, heard)

    def tick(self, view: View, context: Context) -> Result | None:
        """Tell of orders that have not become known in time; forget old aliases."""
        result, now_ms = Result(), int(context.now.timestamp() * 1000)
        for key, link in load_links(view, due_aliases(view, now_ms)).items():
            if (told := raised(link, now_ms)) != link:
                write_link(result, key, link, told)
                first = kept_record(link.waiting[0], view.partition, key)
                park(result, first, unknown_alias(key.decode()))
                result.count("raised")
        self._forgetting.go_on(view, now_ms, result)
        return result if result.writes else None
