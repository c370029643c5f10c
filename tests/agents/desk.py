"""Stages around the exceptions list in memory, joined as the engine joins them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from streams.agents.exceptions import ExceptionsStage
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Context, Record, Result
from streams.engine.headers import output_headers, parked_headers, schema_header
from streams.engine.settling import settle_retried, settlements
from streams.mapping.exception_rows import (
    CaseRow,
    RecordRow,
    decode_case,
    decode_record,
)
from streams.mapping.exceptions import Action, CommandWire, encode_command
from streams.tables import CASE_RECORDS, CASE_TALLIES, CASES
from streams.topics import EXCEPTION_COMMANDS, EXCEPTIONS, NEWSTORE_EVENTS, Topic
from tests.support.memory_view import MemoryRecord, MemoryView

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@dataclass
class Stand:
    """The exceptions stage in one partition, and the two topics before it."""

    partition: int = 0
    now: datetime = NOON
    stage: ExceptionsStage = field(default_factory=ExceptionsStage)
    topics: dict[str, list[MemoryRecord]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.view = MemoryView(self.partition)
        self._read = {EXCEPTIONS.name: 0, EXCEPTION_COMMANDS.name: 0}

    def append(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> MemoryRecord:
        records = self.topics.setdefault(topic.name, [])
        record = MemoryRecord(
            topic.name,
            len(records),
            key,
            value,
            partition=self.partition,
            headers=tuple(headers),
        )
        records.append(record)
        return record

    def commit(self, stage: str, result: Result) -> None:
        """Let the log hold what the engine would write for a stage's result."""
        for parked in result.parked:
            headers = parked_headers(parked, stage, self.now)
            self.append(EXCEPTIONS, parked.record.key, parked.record.value, headers)
        for topic, outputs in result.outputs.items():
            for output in outputs:
                headers = output_headers(output, schema_header(topic))
                self.append(topic, output.key, output.value, headers)
        for command in settlements(result, stage, self.now):
            self.append(EXCEPTION_COMMANDS, *encode_command(command))

    def park(
        self,
        record: Record,
        reason: str = "missing_field",
        *,
        stage: str = "intake",
        value: str = "",
    ) -> None:
        result = Result()
        result.park(
            record,
            reason=reason,
            field="payload.items[0].id",
            value=value,
            sentence=f"{reason}: mend it at the source.",
        )
        self.commit(stage, result)

    def take(self, *, commands_first: bool = False) -> None:
        """Let the stage read what is new."""
        order = (EXCEPTIONS, EXCEPTION_COMMANDS)
        for topic in reversed(order) if commands_first else order:
            records = self.topics.get(topic.name, [])[self._read[topic.name] :]
            self._read[topic.name] += len(records)
            if records:
                batch = Batch(topic, self.partition, records)
                result = self.stage.fold(self.view, batch, self.context())
                settle_retried(result, records)
                self._apply(result)

    def tick(self, times: int = 1) -> int:
        """Let the stage tick; return how often it had something to do."""
        busy = 0
        for _ in range(times):
            result = self.stage.tick(self.view, self.context())
            if result is not None:
                busy += 1
                self._apply(result)
        return busy

    def ask(self, action: Action, case_id: str = "", **more: object) -> None:
        command = CommandWire(1, action, self.now, "ann", case_id=case_id, **more)  # type: ignore[arg-type]  # checked by the codec
        self.append(EXCEPTION_COMMANDS, *encode_command(command))

    def context(self) -> Context:
        return Context(self.now, Reference())

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def cases(self) -> list[CaseRow]:
        return [decode_case(row) for _, row in self.view.scan(CASES)]

    def case(self) -> CaseRow:
        (only,) = self.cases()
        return only

    def records(self) -> list[RecordRow]:
        return [decode_record(row) for _, row in self.view.scan(CASE_RECORDS)]

    def tallies(self) -> dict[str, int]:
        return {key.decode(): int(count) for key, count in self.view.scan(CASE_TALLIES)}

    def sent(self, topic: Topic = NEWSTORE_EVENTS) -> list[MemoryRecord]:
        return self.topics.get(topic.name, [])

    def _apply(self, result: Result) -> None:
        self.view.apply(result)
        self.commit(self.stage.name, result)
        for name, number in result.counts.items():
            self.counts[name] = self.counts.get(name, 0) + number


def event(stand: Stand, key: str = "order-1", body: bytes = b"{}") -> MemoryRecord:
    return stand.append(
        NEWSTORE_EVENTS, key.encode(), body, [("traceparent", b"00-1-2-00")]
    )


def parked(*keys: str, reason: str = "missing_field") -> Stand:
    stand = Stand()
    for key in keys or ("order-1",):
        stand.park(event(stand, key), reason)
    stand.take()
    return stand
