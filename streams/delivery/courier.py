"""Carries what rows owe to a vendor, one task for each row at a time, and reports.

It can be stopped or killed at any moment: what is owed is in the log, and every task is
one that its vendor recognises when it is repeated.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streams.connectors.errors import ConnectorError
from streams.connectors.pacing import Lane, Turn, full_jitter
from streams.delivery.due import DueRows, Job

AT_ONCE_MAX = 256
"""Tasks and unreported answers: a broker that stands still stops the calls."""

Report = Callable[[bytes, bytes], Awaitable[None]]
"""Appends an answer (key, value); returns when it is durable."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The vendor has answered: what to report, as key and value; may be nothing."""

    answers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing came of it, or it is not known what; try again after a while."""

    error: ConnectorError


@dataclass(frozen=True, slots=True)
class Refusal:
    """The vendor will not, until a person changes something: say so, and ask rarely.

    `answers` may be empty where it was said before.
    """

    answers: tuple[tuple[bytes, bytes], ...]


Carried = Settled | Later | Refusal
Carry = Callable[[Job, Turn], Awaitable[Carried]]
"""Does one task, paying for each request with its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a row in trouble waits, in seconds; doubling, with full jitter."""

    base_s: float = 0.2
    max_s: float = 60.0
    misconfigured_s: float = 15.0
    refused_base_s: float = 300.0
    refused_max_s: float = 3600.0


class Courier:
    """Works through the rows that owe; a row in trouble waits alone."""

    def __init__(
        self,
        rows: DueRows,
        carry: Carry,
        lane: Lane,
        report: Report,
        *,
        rng: random.Random,
        patience: Patience | None = None,
    ) -> None:
        self.rows = rows
        self._carry = carry
        self._lane = lane
        self._report = report
        self._rng = rng
        self._patience = patience or Patience()
        self._attempts: dict[bytes, int] = {}
        self.retried = 0
        self.settled = 0

    async def run(self) -> None:
        """Carry until cancelled; a failing report or a bug ends it with an error."""
        places = asyncio.Semaphore(AT_ONCE_MAX)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await places.acquire()
                await self.rows.wait()
                turn = await self._lane.turn()
                job = self.rows.take()
                if job is None:
                    turn.release()
                    places.release()
                    continue
                task = tasks.create_task(self._one(job, turn))
                task.add_done_callback(lambda _: places.release())

    async def _one(self, job: Job, turn: Turn) -> None:
        try:
            carried = await self._carry(job, turn)
        finally:
            turn.release()
        if isinstance(carried, Later):
            self._postpone(job, carried.error)
            return
        for key, value in carried.answers:
            await self._report(key, value)
        if isinstance(carried, Refusal):
            base_s, max_s = self._patience.refused_base_s, self._patience.refused_max_s
            after_s = base_s / 2 + self._delay_s(job, base_s, max_s)
            self.rows.put_back(job, after_s=after_s)
            return
        self.settled += 1
        self._attempts.pop(job.key, None)
        self.rows.answered(job)

    def _postpone(self, job: Job, error: ConnectorError) -> None:
        self.retried += 1
        after_s = self._delay_s(job, self._patience.base_s, self._patience.max_s)
        if not error.retriable:
            after_s += self._patience.misconfigured_s
        self.rows.put_back(job, after_s=max(after_s, error.retry_after_s or 0.0))

    def _delay_s(self, job: Job, base_s: float, max_s: float) -> float:
        attempt = self._attempts.get(job.key, 0)
        self._attempts[job.key] = attempt + 1
        return full_jitter(self._rng, base_s, max_s, attempt)
