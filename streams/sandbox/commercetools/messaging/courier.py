"""Takes notifications to destinations: at least once, late, twice or out of order.

Source: docs "Subscriptions" ("Delivery guarantees"). How late and how often is drawn by
a seed, as the `Conduct` says; losing any is ours, and breaks the vendor's promise.
"""

import heapq
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Annotated, NamedTuple

import msgspec

from streams.sandbox.commercetools.errors import ApiError, invalid_input, invalid_json
from streams.sandbox.commercetools.messaging.subscriptions import Subscription
from streams.sandbox.commercetools.values import Fields

RETRY_S, RETRY_S_MAX = 0.5, 5.0
DELAY_S_MAX = 3600.0
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=DELAY_S_MAX)]


@dataclass(frozen=True, slots=True)
class Notification:
    """What a sink gets: whose it is, where it goes, and the bytes."""

    subscription_id: str
    subscription_key: str | None
    destination: Fields
    value: bytes

    @property
    def topic(self) -> str:
        """Return the Kafka topic of a ConfluentCloud destination."""
        return str(self.destination.get("topic", ""))

    @property
    def key(self) -> bytes | None:
        """Return the record key: one text for all (`ConfluentCloudDestination`)."""
        key = self.destination.get("key")
        return key.encode() if isinstance(key, str) else None


# Takes one notification to a kind of destination; an exception means "not delivered".
Sink = Callable[[Notification], Awaitable[None] | None]


class NeedsWaiting(TypeError):
    """A sink must be waited for, and nobody is there to do so."""


class Conduct(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
):
    """How notifications travel; by default at once, in order, each one time.

    A notification is late by `delay_s` to `delay_s_max`; with `reorder` it is held back
    by up to `reorder_s` more, so that later ones pass it; with `duplicate` it comes a
    second time within `reorder_s`; with `omit_payload` its own fields are left out;
    with `lose` it never comes.
    """

    delay_s: Seconds = 0.0
    delay_s_max: Seconds = 0.0
    reorder: Probability = 0.0
    reorder_s: Seconds = 1.0
    duplicate: Probability = 0.0
    omit_payload: Probability = 0.0
    lose: Probability = 0.0


class Consignment(NamedTuple):
    """A notification on its way: when it is due, in which order it was sent."""

    due_at: datetime
    number: int
    tries: int
    notification: Notification


def read_conduct(body: object) -> Conduct:
    """Read a conduct from JSON; what does not fit is refused with its reason."""
    try:
        return msgspec.convert(body, Conduct)
    except msgspec.ValidationError as error:
        raise invalid_json(str(error)) from None


class Courier:
    """Keeps what is on its way and knows the sinks by kind of destination."""

    def __init__(
        self, random: Random, sinks: dict[str, Sink], pending_max: int
    ) -> None:
        self.conduct = Conduct()
        self.counts: Counter[str] = Counter()
        # Called whenever something is put on its way; the shell wakes up by it.
        self.on_posted: Callable[[], None] | None = None
        self._random = random
        self._sinks = sinks
        self._pending_max = pending_max
        self._queue: list[Consignment] = []
        self._number = 0
        self._trials: list[tuple[str, Awaitable[None]]] = []

    def __len__(self) -> int:
        return len(self._queue)

    def omits(self) -> bool:
        """Draw whether a message's own fields are left out."""
        return self._hits(self.conduct.omit_payload)

    def post(self, subscription: Subscription, value: bytes, now: datetime) -> bool:
        """Put a notification on its way; False if there is no room left for it."""
        conduct = self.conduct
        if self._hits(conduct.lose):
            self.counts["lost"] += 1
            return True
        if len(self._queue) >= self._pending_max:
            self.counts["overflown"] += 1
            return False
        notification = self._notification(subscription, value)
        low, high = sorted((conduct.delay_s, conduct.delay_s_max))
        delay_s = self._random.uniform(low, high) if high else 0.0
        if self._hits(conduct.reorder):
            delay_s += self._random.uniform(0, conduct.reorder_s)
        self._push(notification, now, delay_s)
        if self._hits(conduct.duplicate):
            self.counts["duplicated"] += 1
            self._push(
                notification, now, delay_s + self._random.uniform(0, conduct.reorder_s)
            )
        return True

    def try_out(self, subscription: Subscription, value: bytes) -> None:
        """Send the test notification of a new subscription.

        Undeliverable is a 400 (`resources/subscriptions`; the code is a guess). A sink
        that must be waited for is waited for by the shell, see `take_trials`.
        """
        try:
            waiting = self.sink_of(subscription.destination)(
                self._notification(subscription, value)
            )
        except Exception as error:
            raise undeliverable(error) from error
        if waiting is not None:
            self._trials.append((subscription.id, waiting))
            self._wake()

    def take_trials(self) -> list[tuple[str, Awaitable[None]]]:
        """Hand out the test notifications that are still to be waited for."""
        trials, self._trials = self._trials, []
        return trials

    def due(self, now: datetime) -> Iterator[Consignment]:
        """Hand out what is due by now; what fails goes back by `failed`."""
        while self._queue and self._queue[0].due_at <= now:
            yield heapq.heappop(self._queue)

    def next_due_at(self) -> datetime | None:
        """Return when the next notification is due."""
        return self._queue[0].due_at if self._queue else None

    def failed(self, consignment: Consignment, now: datetime) -> None:
        """Keep a notification that its destination did not take, for another try."""
        self.counts["failed"] += 1
        wait_s = min(RETRY_S_MAX, RETRY_S * 2 ** min(consignment.tries, 10))
        again = consignment._replace(
            due_at=now + timedelta(seconds=wait_s), tries=consignment.tries + 1
        )
        heapq.heappush(self._queue, again)

    def drop(self, subscription_id: str) -> None:
        """Forget what is on its way to a subscription that is gone or stopped."""
        self._queue = [
            consignment
            for consignment in self._queue
            if consignment.notification.subscription_id != subscription_id
        ]
        heapq.heapify(self._queue)

    def readdress(self, subscription: Subscription) -> None:
        """Send what is on its way to where the subscription now says."""
        self._queue = [
            consignment._replace(
                notification=replace(
                    consignment.notification, destination=subscription.destination
                )
            )
            if consignment.notification.subscription_id == subscription.id
            else consignment
            for consignment in self._queue
        ]

    def hand_over(self, notification: Notification) -> Awaitable[None] | None:
        """Give a notification to its sink; wait for what it returns, if anything."""
        return self.sink_of(notification.destination)(notification)

    def hand_over_at_once(self, notification: Notification) -> None:
        """Give a notification to a sink that needs no waiting for."""
        waiting = self.hand_over(notification)
        if waiting is not None:
            if inspect.iscoroutine(waiting):
                waiting.close()
            raise NeedsWaiting("This sink must be waited for by the server's shell")

    def sink_of(self, destination: Fields) -> Sink:
        """Return the sink for a destination; without one nothing gets there."""
        sink = self._sinks.get(str(destination["type"]))
        if sink is None:
            raise ConnectionError(f"No way leads to {destination['type']}")
        return sink

    def _notification(self, subscription: Subscription, value: bytes) -> Notification:
        return Notification(
            subscription.id, subscription.key, subscription.destination, value
        )

    def _push(self, notification: Notification, now: datetime, delay_s: float) -> None:
        self._number += 1
        self.counts["posted"] += 1
        due_at = now + timedelta(seconds=delay_s)
        heapq.heappush(self._queue, Consignment(due_at, self._number, 0, notification))
        self._wake()

    def _wake(self) -> None:
        if self.on_posted is not None:
            self.on_posted()

    def _hits(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability


def undeliverable(error: BaseException) -> ApiError:
    """Refuse a subscription whose test notification did not arrive."""
    return invalid_input(
        f"A test message could not be delivered to the destination: {error}"
    )
