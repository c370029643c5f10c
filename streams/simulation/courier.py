"""Carries owed entries to commerce with the production publisher, step by step.

One for each worker's process: what it knows is lost with it.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime

from streams.connectors.inventory import (
    Accepted,
    Counters,
    Declined,
    InventoryClient,
    InventoryPublisher,
    Outcome,
    Postponed,
)
from streams.delivery.backlog import Backlog
from streams.delivery.owed import Job, Owed
from streams.domain.availability import Counting
from streams.engine.fold import View
from streams.mapping.publications import (
    AnswerWire,
    RefusalWire,
    acceptance_of,
    refusal_of,
)
from streams.simulation.transactions import Answer, Step
from streams.tables import Table


class SteppedTurn:
    """The right to send requests: always granted, a step of its own each time."""

    async def next(self) -> None:
        await Step("turn")

    def succeeded(self) -> None: ...
    def failed(self) -> None: ...
    def throttled(self, retry_after_s: float | None) -> None: ...


class OpenChannels:
    """All channels exist."""

    def is_known(self, key: str) -> bool:
        return True

    async def find(self, key: str) -> str:
        return f"id-of-{key}"

    def forget(self, key: str) -> None: ...


@dataclass(slots=True)
class Errand:
    """One entry being told, or told and not yet reported."""

    job: Job
    task: Coroutine[str, Answer | None, Outcome]
    stands_at: str = ""
    answer: AnswerWire | None = None


class Courier:
    """Hears of committed rows as production's delivery does, and tells commerce.

    What is owed is production's own book-keeping; only waiting is left out.
    """

    def __init__(
        self,
        client: InventoryClient,
        *,
        counting: Counting,
        clock: Callable[[], datetime],
        report: Callable[[AnswerWire], None],
    ) -> None:
        self._publisher = InventoryPublisher(
            client,
            OpenChannels(),
            counting=counting,
            counters=Counters(),
            clock=clock,
        )
        self._report = report
        self._clock = clock
        self._owed = Owed(Backlog(), monotonic=lambda: 0.0)
        self.errands: list[Errand] = []

    def opened(self, view: View) -> None:
        self._owed.opened(view)

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        self._owed.committed(view, writes)

    def closed(self, partition: int) -> None:
        """Let go of the partition. A request that is out already stays out."""
        self._owed.closed(partition)

    def begin(self) -> bool:
        """Begin with the most urgent entry; say whether there is one."""
        job = self._owed.take()
        if job is None:
            return False
        task = self._publisher.publish(job.update, job.told, SteppedTurn())
        self.errands.append(Errand(job, task))
        return True

    def advance(self, errand: Errand, answer: Answer) -> bool:
        """Go one step on with an entry; say whether it goes on after that."""
        if errand.answer is not None:
            self.errands.remove(errand)
            self._report(errand.answer)
            return False
        try:
            errand.stands_at = errand.task.send(None if answer is Answer.GO else answer)
        except StopIteration as ended:
            errand.stands_at = "answer"
            errand.answer = self._settle(errand.job, ended.value)
            if errand.answer is None:
                self.errands.remove(errand)
        return errand in self.errands

    def abandon(self) -> None:
        """Drop all that is under way, as a crash does."""
        for errand in self.errands:
            errand.task.close()
        self.errands = []

    def _settle(self, job: Job, outcome: Outcome) -> AnswerWire | None:
        update = job.update
        match outcome:
            case Accepted(action=action, told=told, adoption=adoption):
                self._owed.accepted(job, told)
                return acceptance_of(update, told, action, adoption)
            case Postponed():
                self._owed.put_back(job)
                return None
            case Declined(action=action, error=error):
                self._owed.put_back(job)
                refusal = RefusalWire(
                    error.reason or "refused", error.message, error.status
                )
                return refusal_of(update, action, refusal, self._clock())
