"""Planted bugs of the engine: each breaks a promise of the commit or of restoring."""

from collections.abc import Iterable, Sequence, Set
from typing import Any

from streams.engine.commit import PartitionRuntime, Reached
from streams.engine.fold import Record, Result
from streams.engine.recovery import Restoration
from streams.topics import Topic


class StoreFirst(PartitionRuntime):
    """Writes the state before the commit is known."""

    async def _commit(
        self, result: Result, reached: Reached | None, urgent: Set[int] = frozenset()
    ) -> None:
        counts = dict(self.counts)
        for name, by in result.counts.items():
            counts[name] = counts.get(name, 0) + by
        rows = self._rows(result, reached, counts)
        self._store.write(rows, self._store.changelog_offset())
        await super()._commit(result, reached, urgent)


class Forgetful(PartitionRuntime):
    """Applies whatever is fetched, applied before or not."""

    def _not_applied(self, topic: Topic, records: Any) -> Any:
        return records


class ForgetsOvertaking(PartitionRuntime):
    """Does not know, after a restart, which records have overtaken others."""

    def load(self) -> None:
        super().load()
        self.ahead = {}


class SkipsOvertaken(PartitionRuntime):
    """Takes what was overtaken for applied."""

    def _reached(
        self,
        topic: Topic,
        fresh: Sequence[Record],
        records: Sequence[Record],
        upto: int | None,
    ) -> Reached:
        return super()._reached(topic, fresh, records, None)


class CountsAside(PartitionRuntime):
    """Keeps the counters in the process instead of in the commit."""

    def load(self) -> None:
        super().load()
        self.counts = {}


class Credulous(Restoration):
    """Takes every changelog record, whoever wrote it."""

    def feed(self, records: Iterable[Record]) -> None:
        self.highest_sequence = 0
        for record in records:
            self.highest_sequence = 0
            super().feed([record])
