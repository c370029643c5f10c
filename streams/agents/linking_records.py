"""Records of news in trouble: parked with the reason, and settled once it is over."""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.domain.linking import (
    Heard,
    Kept,
    Link,
    Outcome,
    ask_again,
    found_missing,
)
from streams.domain.order_news import OrderMissing
from streams.engine.fold import Record, Result
from streams.mapping.exceptions import trouble_of, was_sent_again
from streams.mapping.order_aliases import (
    missing_news,
    overflowing,
    unknown_alias,
)
from streams.mapping.problems import Problem

STAGE = "linking"


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record that waits, as the broker delivered it once."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


def kept_record(kept: Kept, partition: int, key: bytes) -> KeptRecord:
    """Return what waits as the record that it was."""
    topic, offset, timestamp, value = kept
    return KeptRecord(topic, partition, offset, timestamp, key, value)


def park(result: Result, record: Record, problem: Problem) -> None:
    """Park a record for a problem."""
    result.park(record, **problem._asdict())


def tell_over(result: Result, record: Record, problem: Problem) -> None:
    """Tell the exceptions list that a problem of this record's alias is over."""
    reason, field, value, _ = problem
    trouble = trouble_of(STAGE, record, reason=reason, field=field, value=value)
    result.settle(record, trouble)


def take_missing(
    result: Result, record: Record, link: Link, news: OrderMissing
) -> Link:
    """Note that commercetools has no such order; a retry has it asked again."""
    if was_sent_again(record):
        result.count(Outcome.NOTED)
        return ask_again(link)
    park(result, record, missing_news(news))
    return found_missing(link, news)


def account(result: Result, record: Record, alias: str, heard: Heard) -> None:
    """Count a record once, by what became of it; a retry in vain is parked again."""
    if heard.outcome is Outcome.OVERFLOWING:
        park(result, record, overflowing(alias, len(heard.link.waiting)))
    elif heard.outcome is Outcome.WAITING and was_sent_again(record):
        park(result, record, unknown_alias(alias))
    else:
        result.count(heard.outcome)
