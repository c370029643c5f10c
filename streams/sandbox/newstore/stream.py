"""The event stream: who listens, what is due to whom, and what became of it.

Pure: a courier takes what is due, carries it, and says how it was answered. Sources:
Event Stream webhooks (at least once, in no order), Event Stream configuration API
(registration), event stream pages of the ERP guides (a 500 is sent again).
"""

import heapq
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from streams.sandbox.newstore.config import StreamConfig
from streams.sandbox.newstore.integrations import Integration, Integrations, Status
from streams.sandbox.newstore.journal import Attempt, Log

REJECTED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event as published; `body` is the envelope on the wire."""

    number: int
    name: str
    entity_id: str
    published_at: datetime
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one integration. `attempt` counts from 1."""

    number: int
    integration_id: str
    event: Event
    attempt: int = 1

    @property
    def body(self) -> bytes:
        """Return what is sent."""
        return self.event.body


class _Due(NamedTuple):
    at: datetime
    number: int
    delivery: Delivery


class EventStream:
    """Events published, and their deliveries."""

    def __init__(
        self,
        config: StreamConfig,
        random: Random,
        attempts: Log[Attempt],
        *,
        events_max: int,
    ) -> None:
        self._config = config
        self._random = random
        self._attempts = attempts
        self._due: list[_Due] = []
        self._number = 0
        self._backlog: dict[str, list[Delivery]] = {}
        self._under_way: dict[int, Delivery] = {}
        self.events: deque[Event] = deque(maxlen=events_max)
        self.integrations = Integrations()
        self.rejected: deque[Delivery] = deque(maxlen=REJECTED_MAX)

    def configure(self, config: StreamConfig) -> None:
        """Deliver from now on as `config` says."""
        self._config = config

    @property
    def config(self) -> StreamConfig:
        """Return how deliveries are made now."""
        return self._config

    @property
    def pending(self) -> int:
        """Return how many deliveries are waited for, those under way included."""
        waiting = sum(len(held) for held in self._backlog.values())
        return len(self._due) + waiting + len(self._under_way)

    @property
    def next_due_at(self) -> datetime | None:
        """Return when the next delivery is due."""
        return self._due[0].at if self._due else None

    def publish(self, event: Event) -> None:
        """Keep an event and queue it for everyone who listens to its name."""
        self.events.append(event)
        for integration in self.integrations.walk():
            if integration.wants(event.name, event.published_at):
                self._queue(integration, event, event.published_at)

    def replay(self, integration: Integration, now: datetime) -> None:
        """Queue the events of a temporary integration's window that are past."""
        for event in self.events:
            if integration.wants(event.name, event.published_at):
                self._queue(integration, event, now)

    def due(self, now: datetime, limit: int | None = None) -> list[Delivery]:
        """Hand out what is due; each must be `answered`, or it is never sent again."""
        found: list[Delivery] = []
        while self._due and self._due[0].at <= now:
            if limit is not None and len(found) >= limit:
                break
            delivery = heapq.heappop(self._due).delivery
            integration = self.integrations.find(delivery.integration_id)
            if integration is None:
                continue
            if integration.status is Status.STOPPED:
                self._backlog.setdefault(integration.id, []).append(delivery)
                continue
            found.append(delivery)
        self._under_way |= {delivery.number: delivery for delivery in found}
        return found

    def answered(self, delivery: Delivery, status: int | None, now: datetime) -> None:
        """Note how a delivery was answered; None where no answer came.

        Any 2xx is accepted; a 5xx or no answer is tried again, later each time;
        anything else is rejected and listed.
        """
        if self._under_way.pop(delivery.number, None) is not delivery:
            # Handed out before the sandbox began anew.
            return
        integration = self.integrations.find(delivery.integration_id)
        if integration is None:
            return
        if status is not None and 200 <= status < 300:
            outcome = "accepted"
            self.integrations.put(replace(integration, failures=0))
        elif status is not None and status < 500:
            outcome = "rejected"
            self.rejected.append(delivery)
        else:
            outcome = self._failed(integration, delivery, now)
        self._note(delivery, status, outcome, now)

    def retry_rejected(self, integration_id: str, now: datetime) -> int:
        """Send rejected events once more, as a person can in NOM; return how many."""
        mine = [held for held in self.rejected if held.integration_id == integration_id]
        for delivery in mine:
            self.rejected.remove(delivery)
            self._push(replace(delivery, attempt=delivery.attempt + 1), now)
        return len(mine)

    def start(self, integration_id: str, now: datetime) -> Integration:
        """Let an integration run; what it missed is due at once."""
        integration = self.integrations.get(integration_id)
        started = replace(integration, status=Status.RUNNING, failures=0)
        for delivery in self._backlog.pop(integration_id, ()):
            self._push(delivery, now)
        return self.integrations.put(started)

    def forget(self, integration_id: str) -> None:
        """Delete an integration with its rejected events and what it was due."""
        self.integrations.remove(integration_id)
        self._backlog.pop(integration_id, None)
        kept = [held for held in self.rejected if held.integration_id != integration_id]
        self.rejected.clear()
        self.rejected.extend(kept)

    def expire(self, now: datetime) -> None:
        """Stop temporary integrations whose window is over and delivered."""
        waited_for = {due.delivery.integration_id for due in self._due}
        waited_for |= {found.integration_id for found in self._under_way.values()}
        for integration in self.integrations.walk():
            ends_at = integration.ends_at
            is_over = ends_at is not None and ends_at <= now
            if is_over and integration.id not in waited_for:
                self.integrations.put(replace(integration, status=Status.STOPPED))

    def _failed(
        self, integration: Integration, delivery: Delivery, now: datetime
    ) -> str:
        config = self._config
        failures = integration.failures + 1
        is_enough = config.failures_max is not None and failures >= config.failures_max
        status = Status.STOPPED if is_enough else integration.status
        self.integrations.put(replace(integration, failures=failures, status=status))
        if config.attempts_max is not None and delivery.attempt >= config.attempts_max:
            self.rejected.append(delivery)
            return "given_up"
        doublings = min(delivery.attempt - 1, 20)
        wait_s = min(config.retry_max_s, config.retry_first_s * 2**doublings)
        self._push(
            replace(delivery, attempt=delivery.attempt + 1),
            now + timedelta(seconds=wait_s),
        )
        return "retried"

    def _queue(self, integration: Integration, event: Event, now: datetime) -> None:
        config = self._config
        copies = 1
        while config.duplicates and self._random.random() < config.duplicates:
            copies += 1
        for _ in range(copies):
            delay_s = self._random.uniform(config.delay_min_s, config.delay_max_s)
            delivery = Delivery(0, integration.id, event)
            self._push(delivery, now + timedelta(seconds=delay_s))

    def _push(self, delivery: Delivery, at: datetime) -> None:
        self._number += 1
        numbered = replace(delivery, number=self._number)
        heapq.heappush(self._due, _Due(at, self._number, numbered))

    def _note(
        self, delivery: Delivery, status: int | None, outcome: str, now: datetime
    ) -> None:
        event = delivery.event
        self._attempts.add(
            now,
            Attempt(
                integration_id=delivery.integration_id,
                event=event.number,
                name=event.name,
                entity_id=event.entity_id,
                attempt=delivery.attempt,
                status=status,
                outcome=outcome,
            ),
        )
