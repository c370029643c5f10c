"""A small stage and a log in memory, to try the engine's commit without a broker."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from streams.domain.reference import Reference
from streams.engine.commit import (
    Commit,
    Environment,
    Outgoing,
    PartitionRuntime,
    no_crash,
)
from streams.engine.errors import RecordTooLarge
from streams.engine.fold import Batch, Context, Output, Result, View
from streams.engine.recovery import Restoration, changelog_headers
from streams.engine.store import MemoryStore
from streams.tables import LEVELS, Table
from streams.topics import COMMERCE_ANSWERS, STOCK_LEVELS, STOCK_MOVEMENTS
from tests.support.memory_view import MemoryRecord

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Crash(Exception):
    """The process died here."""


def record(offset: int, key: bytes = b"MUG", value: bytes = b"1") -> MemoryRecord:
    """A record of the stage's first source, whose offset is its timestamp, too."""
    return MemoryRecord(
        STOCK_MOVEMENTS.name, offset, key, value, partition=1, timestamp=offset
    )


class TallyStage:
    """Adds numbers up by key; a value that is no number is parked."""

    name = "ledger"
    sources = (STOCK_MOVEMENTS, COMMERCE_ANSWERS)
    tables = (LEVELS,)
    outputs = (STOCK_LEVELS,)

    def __init__(self, tick_interval_s: float | None = None) -> None:
        self.tick_interval_s = tick_interval_s
        self.tick_result: Result | None = None
        self.folded: list[list[int]] = []

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        self.folded.append([each.offset for each in batch.records])
        result = Result()
        keys = {each.key or b"" for each in batch.records}
        tally = {key: int(held) for key, held in view.get(LEVELS, keys).items()}
        for each in batch.records:
            result.count("in")
            key, value = each.key or b"", each.value or b""
            if not value.isdigit():
                result.park(
                    each, reason="broken", field="$", value="?", sentence="Mend it."
                )
                continue
            tally[key] = tally.get(key, 0) + int(value)
            result.send(STOCK_LEVELS, Output(key, b"%d" % tally[key], each))
        for key, total in tally.items():
            result.put(LEVELS, key, b"%d" % total)
        return result

    def tick(self, view: View, context: Context) -> Result | None:
        return self.tick_result


@dataclass
class MemoryLog:
    """Keeps commits; `error` is raised once, before or after the commit counts.

    Where a row has more than `bytes_max` bytes, the commit is refused.
    """

    commits: list[Commit] = field(default_factory=list)
    changelog: list[MemoryRecord] = field(default_factory=list)
    step: Callable[[str], None] = no_crash
    error: Exception | None = None
    error_after: bool = False
    bytes_max: int = 1_000_000
    opened: int = 0
    _marker: int = -1

    async def reopen(self) -> None:
        self.opened += 1

    async def close(self) -> None:
        pass

    async def commit(self, commit: Commit) -> int:
        for step in ("changelog_sent", "outputs_sent", "offsets_sent", "before_commit"):
            self.step(step)
        error, self.error = self.error, None
        if error is not None and not self.error_after:
            raise error
        self._refuse_large(commit)
        headers = tuple(changelog_headers(commit.sequence))
        for key, value in commit.changelog:
            self._append(key, value, headers)
        self.commits.append(commit)
        last = self.changelog[-1].offset
        # The transaction's marker takes an offset, too.
        self._marker = last + 1
        if error is not None:
            raise error
        return last

    def _refuse_large(self, commit: Commit) -> None:
        for key, value in commit.changelog:
            if len(value or b"") > self.bytes_max:
                raise RecordTooLarge("t", key, len(value or b""), self.bytes_max)

    def _append(
        self, key: bytes, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
    ) -> None:
        last = self.changelog[-1].offset if self.changelog else -1
        offset = max(last, self._marker) + 1
        self.changelog.append(
            MemoryRecord("changelog", offset, key, value, headers=headers)
        )

    def outputs(self) -> list[Outgoing]:
        return [
            each
            for commit in self.commits
            for records in commit.outputs.values()
            for each in records
        ]

    def restore(self, store: Any) -> None:
        """Bring a store up to the log's end, as a new owner does."""
        restoration = Restoration(store)
        held = store.changelog_offset()
        restoration.feed([each for each in self.changelog if each.offset > held])


def environment(step: Callable[[str], None] = no_crash) -> Environment:
    return Environment(
        clock=lambda: NOW,
        reference=Reference(),
        partition_for=lambda key: len(key) % 4,
        crash_point=step,
    )


def runtime(
    log: MemoryLog,
    store: MemoryStore | None = None,
    stage: TallyStage | None = None,
    **more: Any,
) -> PartitionRuntime:
    """A runtime of partition 1, loaded from its store."""
    made = PartitionRuntime(
        stage or TallyStage(),
        1,
        MemoryStore() if store is None else store,
        log,
        environment(log.step),
        **more,
    )
    made.load()
    return made


def total(made: PartitionRuntime, key: bytes = b"MUG", table: Table = LEVELS) -> int:
    return int(made.view.get(table, [key]).get(key, b"0"))
