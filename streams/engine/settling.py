"""Successes that the exceptions list must hear of, in the commit that brings them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from streams.engine.fold import Record, Result, Settled
from streams.mapping.exceptions import (
    CommandWire,
    settle_record,
    settle_trouble,
    was_sent_again,
)


def settle_retried(result: Result, records: Sequence[Record]) -> None:
    """Settle the records that people sent again and that the fold did not park."""
    retried = [record for record in records if was_sent_again(record)]
    if retried:
        parked = {(each.record.topic, each.record.offset) for each in result.parked}
        result.settled += [
            Settled(record)
            for record in retried
            if (record.topic, record.offset) not in parked
        ]


def settlements(result: Result, stage: str, now: datetime) -> Iterator[CommandWire]:
    """Write what a result settled as commands to the exceptions stage."""
    for record, trouble in result.settled:
        if trouble is None:
            yield settle_record(stage, record, now)
        else:
            yield settle_trouble(trouble, record, now)
