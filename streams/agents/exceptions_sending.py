"""What a retry sends: a parked record itself, or what has its stage try again."""

from collections.abc import Mapping
from datetime import datetime

from streams.domain.exceptions import Trouble
from streams.domain.order_answers import LookAgainAsked
from streams.engine.fold import Output
from streams.engine.headers import CAUSE
from streams.mapping.exception_rows import RecordRow, RetryRow
from streams.mapping.exceptions import ATTEMPT, CASE, RETRY_OF
from streams.mapping.order_messages import ANSWERS
from streams.topics import ORDER_ANSWERS, Topic


def is_to_be_sent(record: RecordRow, known: Mapping[str, Topic]) -> bool:
    """Say whether the record waits, and its topic is one of ours."""
    return record.state.is_waiting and (not record.topic or record.topic in known)


def output_of(
    record: RecordRow,
    retry: RetryRow,
    trouble: Trouble,
    now: datetime,
    known: Mapping[str, Topic],
) -> tuple[Topic, Output]:
    """Return a record to send; where there is none, its order is to look again."""
    about = (
        (CASE, record.case_id.encode()),
        (ATTEMPT, b"%d" % (record.state.retries + 1)),
        (CAUSE, retry.cause.encode()),
    )
    if not record.topic:
        wish = LookAgainAsked(order_number=trouble.entity, asked_at=now)
        key, value = trouble.entity.encode(), ANSWERS.encode(wish)
        # The order lies in the partition that raised the case.
        asked = Output(key, value, None, same_partition=True, headers=about)
        return ORDER_ANSWERS, asked
    # Where it was first, whatever its key says: there its case is, too.
    again = Output(
        record.key,
        record.body,
        None,
        same_partition=True,
        headers=((RETRY_OF, record.origin.encode()), *about, *record.headers),
    )
    return known[record.topic], again
