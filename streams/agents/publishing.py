"""The publishing stage: levels and answers in, what each commerce entry is owed out.

It never calls commerce; `streams.delivery` does, and the answers come back as records.
"""

from streams.agents.publishing_levels import Plan, fold_levels, sweep
from streams.agents.publishing_refusals import park_refusal, settle_former
from streams.domain.availability import Counting, EntryScope
from streams.domain.publications import Publication, accept, refuse
from streams.engine.fold import Batch, Context, Record, Result, View
from streams.mapping.publications import (
    AnswerWire,
    Unreadable,
    adoption_of,
    decode_publication,
    encode_row,
    read_answer,
    told_of,
    trouble_of,
)
from streams.tables import PUBLICATIONS, PUBLISHED_LEVELS
from streams.topics import COMMERCE_ANSWERS, STOCK_LEVELS, Topic

SWEEP_INTERVAL_S = 1.0


class PublishingStage:
    """Keeps one row for each commerce entry: wanted, told, adopted, refused."""

    name = "publishing"
    sources = (STOCK_LEVELS, COMMERCE_ANSWERS)
    tables = (PUBLICATIONS, PUBLISHED_LEVELS)
    outputs: tuple[Topic, ...] = ()
    tick_interval_s: float | None = SWEEP_INTERVAL_S

    def __init__(self, *, entries: EntryScope, counting: Counting) -> None:
        self._plan = Plan(entries=entries, counting=counting)

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        if batch.topic == STOCK_LEVELS:
            return fold_levels(view, batch, context.reference, self._plan)
        return fold_answers(view, batch)

    def tick(self, view: View, context: Context) -> Result | None:
        """Follow a change of the locations' channels, or of the settings."""
        return sweep(view, context.reference, self._plan)


def fold_answers(view: View, batch: Batch) -> Result:
    """Note what commerce said; an older answer than the last changes nothing."""
    result = Result()
    answers: list[tuple[Record, bytes, AnswerWire]] = []
    for record in batch.records:
        answer = read_answer(record.key, record.value or b"")
        if isinstance(answer, Unreadable):
            result.park(record, **answer._asdict())
        else:
            answers.append((record, answer.update.key, answer))
    stored = view.get(PUBLICATIONS, {key for _, key, _ in answers})
    rows = {key: decode_publication(row) for key, row in stored.items()}
    for record, key, answer in answers:
        row = rows.get(key)
        if row is None or row.channel_key != answer.update.channel_key:
            result.count("answers_without_entry")
            continue
        noted = _noted(row, answer)
        if noted is row:
            # A former owner that woke up late hears no of what was settled long ago.
            result.count("answers_stale")
            continue
        rows[key] = noted
        result.count(f"answers_{answer.action}")
        result.put(PUBLICATIONS, key, encode_row(noted))
        settle_former(result, record, row, noted, key.decode())
        if answer.refusal is not None:
            park_refusal(result, record, key, answer.refusal)
    return result


def _noted(row: Publication, answer: AnswerWire) -> Publication:
    if answer.refusal is not None:
        return refuse(row, trouble_of(answer, answer.refusal))
    return accept(row, told_of(answer), adoption_of(answer))
