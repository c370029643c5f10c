"""Carries to commerce what it is owed, the most urgent first, and reports the answers.

It can be stopped or killed at any moment: what is owed is in the log, and each entry
says itself what it was last told.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from streams.connectors.errors import (
    ChannelMissing,
    ConnectorError,
    Misconfigured,
    Overtaken,
)
from streams.connectors.inventory import (
    Accepted,
    Counters,
    Declined,
    Outcome,
    Postponed,
)
from streams.connectors.pacing import Lane, Turn, full_jitter
from streams.delivery.backlog import Backlog
from streams.delivery.owed import Job, Owed
from streams.domain.publications import Told
from streams.engine.fold import Clock, View
from streams.mapping.publications import (
    Action,
    AnswerWire,
    RefusalWire,
    UpdateWire,
    acceptance_of,
    encode_message,
    refusal_of,
)
from streams.tables import Table

log = structlog.get_logger()

ANSWERS_MAX = 256
"""Calls and unreported answers at once: a broker that stands still stops the calls."""

OVERTAKEN_MAX = 3
"""A successor's answer is folded within seconds; after this it is another history."""

Report = Callable[[bytes, bytes], Awaitable[None]]
"""Appends an answer (key, value) to `commerce-answers`; returns when it is durable."""

ObserveLatency = Callable[[float, int], None]
"""Hears how many seconds an entry waited to be told, and its available quantity."""


class Publisher(Protocol):
    """Brings one entry to an update (connectors.inventory.InventoryPublisher fits)."""

    async def publish(
        self, update: UpdateWire, told: Told | None, turn: Turn
    ) -> Outcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long entries in trouble wait, in seconds; doubling, with full jitter."""

    retry_base_s: float = 0.2
    retry_max_s: float = 30.0
    refused_base_s: float = 60.0
    refused_max_s: float = 3600.0
    misconfigured_s: float = 15.0
    channel_max_s: float = 600.0


class Delivery:
    """Hears what was committed (a CommitListener) and delivers it (`run`)."""

    def __init__(
        self,
        publisher: Publisher,
        lane: Lane,
        report: Report,
        *,
        counters: Counters,
        clock: Clock,
        rng: random.Random,
        observe_latency: ObserveLatency = lambda _seconds, _available: None,
        patience: Patience | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        self._publisher = publisher
        self._lane = lane
        self._report = report
        self.counters = counters
        self._clock = clock
        self._rng = rng
        self._observe_latency = observe_latency
        self._patience = patience or Patience()
        self._backlog = Backlog() if backlog is None else backlog
        self._owed = Owed(self._backlog, monotonic=_now)
        self._attempts: dict[bytes, int] = {}
        self._complaints: set[tuple[str, str]] = set()
        self._unreported = 0

    def opened(self, view: View) -> None:
        self._owed.opened(view)

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        self._owed.committed(view, writes)
        self.counters.coalesced = self._owed.coalesced

    def closed(self, partition: int) -> None:
        self._owed.closed(partition)

    def backlog(self) -> int:
        """Count the entries that commerce has yet to hear of, those under way too."""
        return len(self._backlog) + self._owed.under_way

    def refused(self) -> int:
        """Count the entries of the backlog that commerce refused when last asked."""
        return self._owed.declined

    def oldest_age_s(self) -> float:
        """Say for how long the longest waiting entry has been waiting; 0 if none is."""
        oldest_ms = self._backlog.oldest_ms()
        if oldest_ms is None:
            return 0.0
        return max(0.0, self._clock().timestamp() - oldest_ms / 1000)

    def settled(self) -> bool:
        """Say whether commerce knows everything, refused entries apart, and we know it.

        Speaks for the partitions that are open here.
        """
        return (
            self.backlog() == self._owed.declined
            and not self._owed.is_rebuilding
            and self._unreported == 0
            and self._owed.unfolded == 0
        )

    async def run(self) -> None:
        """Deliver until cancelled; a failing report or a bug ends it with an error."""
        places = asyncio.Semaphore(ANSWERS_MAX)
        async with asyncio.TaskGroup() as carriers:
            while True:
                await places.acquire()
                await self._owed.wait()
                # Chosen last, when it may go at once: the latest value, the worst risk.
                turn = await self._lane.turn()
                job = self._owed.take()
                if job is None:
                    turn.release()
                    places.release()
                    continue
                carrier = carriers.create_task(self._carry(job, turn))
                carrier.add_done_callback(lambda _: places.release())

    async def _carry(self, job: Job, turn: Turn) -> None:
        update = job.update
        try:
            outcome = await self._publisher.publish(update, job.told, turn)
        finally:
            turn.release()
        answer = self._settle(job, update, outcome)
        if answer is None:
            return
        self._unreported += 1
        await self._report(update.sku.encode(), encode_message(answer))
        self._unreported -= 1

    def _settle(
        self, job: Job, update: UpdateWire, outcome: Outcome
    ) -> AnswerWire | None:
        match outcome:
            case Accepted(action=action, told=told, adoption=adoption):
                self._attempts.pop(job.key, None)
                self._withdraw_complaints(update)
                waited_s = (told.told_at_ms - job.since_ms) / 1000
                self._observe_latency(max(0.0, waited_s), update.available)
                self._owed.accepted(job, told)
                return acceptance_of(update, told, action, adoption)
            case Postponed(error=error):
                return self._postpone(job, update, error)
            case Declined(action=action, error=Misconfigured() as error):
                return self._wait_for_a_person(job, update, action, error)
            case Declined(action=action, error=error):
                return self._decline(job, update, action, error)

    def _postpone(
        self, job: Job, update: UpdateWire, error: ConnectorError
    ) -> AnswerWire | None:
        attempts = self._attempts.get(job.key, 0)
        if isinstance(error, Overtaken) and attempts >= OVERTAKEN_MAX:
            return self._decline(job, update, "none", error)
        if error.status in (429, 503):
            self._owed.put_back(job)  # All entries wait together, as we were asked.
            return None
        delay_s = self._delay_s(
            job, self._patience.retry_base_s, self._patience.retry_max_s
        )
        self._owed.put_back(job, until=_now() + delay_s)
        return None

    def _decline(
        self, job: Job, update: UpdateWire, action: Action, error: ConnectorError
    ) -> AnswerWire | None:
        base_s, max_s = self._patience.refused_base_s, self._patience.refused_max_s
        delay_s = base_s / 2 + self._delay_s(job, base_s, max_s)
        self._owed.put_back(job, until=_now() + delay_s, declined=True)
        trouble = job.row.trouble
        if trouble is not None and trouble.reason == error.reason:
            return None  # Said before, and still so.
        return self._refusal(update, action, error)

    def _wait_for_a_person(
        self, job: Job, update: UpdateWire, action: Action, error: Misconfigured
    ) -> AnswerWire | None:
        """Wait for all entries of a channel, or of the project, with one complaint."""
        pause_s = self._patience.misconfigured_s
        if isinstance(error, ChannelMissing):
            delay_s = pause_s + self._delay_s(
                job, pause_s, self._patience.channel_max_s
            )
            self._owed.put_back(job, until=_now() + delay_s, declined=True)
            complaint = (error.reason, update.channel_key)
        else:
            self._lane.pause(pause_s)
            self._owed.put_back(job)
            complaint = (error.reason, "")
        if complaint in self._complaints:
            return None
        self._complaints.add(complaint)
        return self._refusal(update, action, error)

    def _withdraw_complaints(self, update: UpdateWire) -> None:
        if self._complaints:
            mended = ("", update.channel_key)
            self._complaints = {c for c in self._complaints if c[1] not in mended}

    def _refusal(
        self, update: UpdateWire, action: Action, error: ConnectorError
    ) -> AnswerWire:
        log.warning(
            "commerce_refused",
            sku=update.sku,
            location_id=update.location_id,
            reason=error.reason,
            status=error.status,
            sentence=error.message,
            correlation_id=error.correlation_id,
        )
        refusal = RefusalWire(
            error.reason or "refused", error.message or "Refused", error.status
        )
        return refusal_of(update, action, refusal, self._clock())

    def _delay_s(self, job: Job, base_s: float, max_s: float) -> float:
        attempts = self._attempts.get(job.key, 0)
        self._attempts[job.key] = attempts + 1
        return full_jitter(self._rng, base_s, max_s, attempts)


def _now() -> float:
    return asyncio.get_running_loop().time()
