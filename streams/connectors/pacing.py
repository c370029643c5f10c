"""How fast we may ask a vendor: one pace, shared by all of a worker's clients of it.

Each client asks in a lane. The more urgent lane goes first, and none is passed over for
ever; what the vendor says of too many requests holds all of them.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from streams.connectors.errors import Ambiguous, ConnectorError, Unavailable

BURST_S = 0.1
"""Requests of this much time may go at once; more would trip a vendor's limiter."""

START_CONCURRENCY = 2.0
"""commercetools asks for a gradual ramp-up; eight at once are reached in a second."""

CUT = 0.5
CUT_INTERVAL_S = 1.0
"""One overload hits all requests in flight; it is to cut the limit once."""

PAUSE_BASE_S = 0.2
PAUSE_MAX_S = 10.0
FAILURES_BEFORE_PAUSE = 5
"""So many failures in a row, over all entries, mean the vendor and not an entry."""


class Urgency(IntEnum):
    """Which lane goes first: what is sold twice cannot be mended, a late read can."""

    STOCK = 0
    ORDERS = 1
    READS = 2


LEAST_SHARES = {Urgency.STOCK: 1.0, Urgency.ORDERS: 0.25, Urgency.READS: 0.125}
"""What a lane earns each time another goes while it waits; with one whole it is next.

So stock that never ends leaves orders about every fifth request, reads every ninth.
"""


class AnyTurn(Protocol):
    """The right to send requests, and whom to tell how they went (`Turn` fits)."""

    async def next(self) -> None: ...
    def succeeded(self) -> None: ...
    def failed(self) -> None: ...
    def throttled(self, retry_after_s: float | None) -> None: ...


def slow_down(turn: AnyTurn, error: ConnectorError) -> None:
    """Tell a turn's pace of an error, if it may mean that we ask too much."""
    if error.status in (429, 503) or error.retry_after_s is not None:
        turn.throttled(error.retry_after_s)
    elif isinstance(error, Ambiguous | Unavailable):
        turn.failed()


class Turn:
    """The right to work on one entry: a place, and its first request paid for."""

    def __init__(self, pace: "Pace", urgency: Urgency) -> None:
        self._pace = pace
        self._urgency = urgency
        self._paid = True
        self._open = True

    async def next(self) -> None:
        """Wait until the next request of this turn may be sent."""
        if self._paid:
            self._paid = False
            return
        await self._pace.request(self._urgency)

    def succeeded(self) -> None:
        self._pace.succeeded()

    def failed(self) -> None:
        self._pace.failed()

    def throttled(self, retry_after_s: float | None) -> None:
        self._pace.throttled(retry_after_s)

    def release(self) -> None:
        """Give the place back; more than once is harmless."""
        if self._open:
            self._open = False
            self._pace.release(unused=self._paid)


class Lane:
    """One client's way to the pace that it shares."""

    def __init__(self, pace: "Pace", urgency: Urgency) -> None:
        self._pace = pace
        self._urgency = urgency

    async def turn(self) -> Turn:
        """Wait for a place and a request. Whoever waits here has not chosen yet."""
        await self._pace.place(self._urgency)
        return Turn(self._pace, self._urgency)

    def pause(self, seconds: float) -> None:
        """Hold this lane, for a fault that no single entry can help."""
        self._pace.hold(self._urgency, seconds)


class Bucket:
    """Lets so many requests a second through, and a few at once after a rest."""

    def __init__(self, rate: Callable[[], float]) -> None:
        self._rate = rate
        self._filled_until = float("-inf")

    def wait_s(self, now: float) -> float:
        """Say in how many seconds the next request may go."""
        rate = self._rate()
        burst_s = max(0.0, BURST_S - 1 / rate)
        return max(0.0, self._filled_until - burst_s - now)

    def take(self, now: float) -> None:
        self._filled_until = max(self._filled_until, now) + 1 / self._rate()

    def give_back(self) -> None:
        self._filled_until -= 1 / self._rate()


Waiter = asyncio.Future[None]


@dataclass(slots=True)
class _Queue:
    """Who waits in a lane: requests of turns under way before new turns."""

    share: float
    requests: deque[Waiter] = field(default_factory=deque)
    turns: deque[Waiter] = field(default_factory=deque)
    held_until: float = float("-inf")
    earned: float = 0.0

    def of(self, *, has_place: bool) -> deque[Waiter]:
        return self.requests if has_place else self.turns

    def may_go(self, now: float, *, is_place_free: bool) -> bool:
        for waiting in (self.requests, self.turns):
            while waiting and waiting[0].cancelled():
                waiting.popleft()
        waits = self.requests or (is_place_free and self.turns)
        return bool(waits) and self.held_until <= now


class Pace:
    """Admits requests: additive increase, multiplicative decrease, pauses for all.

    Args:
        requests_per_second: The vendor's limit, for all workers together.
        workers: Counts those who share it, this one included.
    """

    def __init__(
        self,
        *,
        concurrency_max: int,
        requests_per_second: float,
        rng: random.Random,
        workers: Callable[[], int] = lambda: 1,
    ) -> None:
        self._concurrency_max = float(concurrency_max)
        self._limit = min(START_CONCURRENCY, self._concurrency_max)
        self._bucket = Bucket(lambda: requests_per_second / max(1, workers()))
        self._rng = rng
        self._queues = {u: _Queue(LEAST_SHARES[u]) for u in Urgency}
        self._busy = 0
        self._paused_until = float("-inf")
        self._cut_at = float("-inf")
        self._failures = 0
        self._next_look: asyncio.Handle | None = None

    @property
    def concurrency(self) -> int:
        """How many entries may be worked on at once, as of now."""
        return int(self._limit)

    @property
    def paused_for_s(self) -> float:
        return max(0.0, self._paused_until - _now())

    def lane(self, urgency: Urgency) -> Lane:
        """Return a client's way to this pace."""
        return Lane(self, urgency)

    # --- Waiting (for lanes and turns) ---

    async def place(self, urgency: Urgency) -> None:
        """Wait for a place and its first request."""
        await self._wait(urgency, has_place=False)

    async def request(self, urgency: Urgency) -> None:
        """Wait until one more request of a turn under way may be sent."""
        await self._wait(urgency, has_place=True)

    def release(self, *, unused: bool) -> None:
        """Give a place back, and where nothing was sent its request too."""
        self._busy -= 1
        if unused:
            self._bucket.give_back()
        self._look_soon()

    async def _wait(self, urgency: Urgency, *, has_place: bool) -> None:
        queue = self._queues[urgency].of(has_place=has_place)
        waiter: Waiter = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        if self._next_look is None:
            self._look()  # Nobody else may go now: no need to come back for it.
        else:
            self._look_soon()
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # It was let go at the same moment.
                self._bucket.give_back()
                self._busy -= not has_place
                self._look_soon()
            raise

    # --- What came of it ---

    def succeeded(self) -> None:
        self._failures = 0
        self._limit = min(self._concurrency_max, self._limit + 1 / self._limit)
        self._look_soon()

    def failed(self) -> None:
        """Hear of a failure that may be an overload: fewer at once."""
        self._cut()
        self._failures += 1
        if self._failures >= FAILURES_BEFORE_PAUSE:
            self._pause(self._full_jitter(self._failures - FAILURES_BEFORE_PAUSE))

    def throttled(self, retry_after_s: float | None) -> None:
        """Hear that we were turned away: everyone waits as long as we were told."""
        self._cut()
        self._failures += 1
        if retry_after_s is None:
            retry_after_s = self._full_jitter(self._failures)
        self._pause(retry_after_s)

    def hold(self, urgency: Urgency, seconds: float) -> None:
        """Hold one lane; the others have no part in its trouble."""
        queue = self._queues[urgency]
        queue.held_until = max(queue.held_until, _now() + seconds)

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, _now() + seconds)

    def _cut(self) -> None:
        if _now() - self._cut_at >= CUT_INTERVAL_S:
            self._cut_at = _now()
            self._limit = max(1.0, self._limit * CUT)

    def _full_jitter(self, attempt: int) -> float:
        return full_jitter(self._rng, PAUSE_BASE_S, PAUSE_MAX_S, attempt)

    # --- Who is next ---

    def _look_soon(self) -> None:
        if isinstance(self._next_look, asyncio.TimerHandle):
            self._next_look.cancel()
            self._next_look = None
        if self._next_look is None:
            self._next_look = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Let one go, if one may; look again when that may have changed."""
        self._next_look = None
        now = _now()
        free = self._busy < self.concurrency
        queues = self._queues.values()
        ready = [queue for queue in queues if queue.may_go(now, is_place_free=free)]
        if ready:
            wait_s = max(self._paused_until - now, self._bucket.wait_s(now))
        else:
            held_s = [queue.held_until - now for queue in queues]
            wait_s = min((held for held in held_s if held > 0), default=0.0)
        if wait_s > 0:
            self._next_look = asyncio.get_running_loop().call_later(wait_s, self._look)
        elif ready:
            self._let_go(ready, now)
            # One at a time: who goes may be back in line before the next is chosen.
            self._look_soon()

    def _let_go(self, ready: list[_Queue], now: float) -> None:
        """Choose the most urgent lane, unless another has been passed over enough."""
        chosen = next((queue for queue in ready[1:] if queue.earned >= 1), ready[0])
        for queue in ready:
            queue.earned = min(1.0, queue.earned + queue.share)
        chosen.earned = 0.0
        self._bucket.take(now)
        if chosen.requests:
            waiter = chosen.requests.popleft()
        else:
            waiter = chosen.turns.popleft()
            self._busy += 1
        waiter.set_result(None)


def full_jitter(rng: random.Random, base_s: float, max_s: float, attempt: int) -> float:
    """Draw a delay between zero and an exponentially growing, bounded ceiling."""
    return rng.uniform(0.0, min(max_s, base_s * 2.0 ** min(attempt, 30)))


def _now() -> float:
    return asyncio.get_running_loop().time()
