"""The exceptions stage: parked records become cases that people work through.

A record, its repeats and its retries lie in one partition, and what parks it writes to
the same partition of `exceptions`; so a case lives there too, and needs no re-keying.
Nothing queues behind a parked record: movements and order facts come to the same in any
order (units by rank, counts as of their time), so that holding a key back would only
make more stock wrong.
"""

from streams.agents.exceptions_book import Book
from streams.agents.exceptions_commands import take_command
from streams.agents.exceptions_forgetting import forget_closed
from streams.agents.exceptions_inbox import take_parked
from streams.agents.exceptions_retries import Retries
from streams.engine.fold import Batch, Context, Result, View
from streams.tables import (
    CASE_GROUPS,
    CASE_MEMBERS,
    CASE_ORIGINS,
    CASE_QUEUE,
    CASE_RECORDS,
    CASE_RETRIES,
    CASE_SUCCESSES,
    CASE_TALLIES,
    CASES,
)
from streams.topics import ALL, EXCEPTION_COMMANDS, EXCEPTIONS, Topic


class ExceptionsStage:
    """Keeps the list: one case for each trouble of an entity.

    Counts: in = taken + repeated + (parked of that topic); of the commands, each is
    counted by its action, and those without effect as `refused` or `unknown_case`.
    """

    name = "exceptions"
    sources = (EXCEPTIONS, EXCEPTION_COMMANDS)
    tables = (
        CASES,
        CASE_RECORDS,
        CASE_ORIGINS,
        CASE_SUCCESSES,
        CASE_QUEUE,
        CASE_GROUPS,
        CASE_MEMBERS,
        CASE_TALLIES,
        CASE_RETRIES,
    )
    # Its one output: a record that goes back to where it was parked from.
    outputs = tuple(topic for topic in ALL if not topic.compacted)
    tick_interval_s: float | None = 0.25

    def __init__(self, *, topic_prefix: str = "") -> None:
        self._catalogue: dict[str, Topic] = {
            f"{topic_prefix}{topic.name}": topic for topic in ALL
        }

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Take parked records, or commands, in offset order."""
        result = Result()
        book = Book(view, result)
        for record in batch.records:
            if batch.topic is EXCEPTIONS:
                result.count("in")
                take_parked(record, book, result, self._catalogue)
            else:
                result.count("commands")
                take_command(record, book, result)
        book.write()
        return result

    def tick(self, view: View, context: Context) -> Result | None:
        """Go on with what is to be sent again, and forget what is long closed."""
        result = Result()
        Retries(view, context, result, self._catalogue).go_on()
        forget_closed(view, context.now, result)
        return result if result.writes else None
