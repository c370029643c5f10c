"""How fast we may ask: requests a second, requests at once, and pauses asked of us."""

import asyncio
import random

from aiolimiter import AsyncLimiter

BURST_S = 0.1
"""Tokens of this much time may be used at once; more would trip a vendor's limiter."""

START_CONCURRENCY = 2.0
"""commercetools asks for a gradual ramp-up; eight at once are reached in a second."""

CUT = 0.5
CUT_INTERVAL_S = 1.0
"""One overload hits all requests in flight; it is to cut the limit once."""

PAUSE_BASE_S = 0.2
PAUSE_MAX_S = 10.0
FAILURES_BEFORE_PAUSE = 5
"""So many failures in a row, over all entries, mean the vendor and not an entry."""


class Turn:
    """The right to work on one entry: a place, and its first request paid for."""

    def __init__(self, pace: "Pace") -> None:
        self._pace = pace
        self._paid = True
        self._open = True

    async def next(self) -> None:
        """Wait until the next request of this turn may be sent."""
        if self._paid:
            self._paid = False
            return
        await self._pace.token()

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


class Pace:
    """Admits requests: additive increase, multiplicative decrease, pauses for all."""

    def __init__(
        self,
        *,
        concurrency_max: int,
        requests_per_second: float,
        rng: random.Random,
    ) -> None:
        self._concurrency_max = float(concurrency_max)
        self._limit = min(START_CONCURRENCY, self._concurrency_max)
        burst = max(1.0, requests_per_second * BURST_S)
        self._limiter = AsyncLimiter(burst, burst / requests_per_second)
        self._rng = rng
        self._busy = 0
        self._unused = 0
        self._freed = asyncio.Event()
        self._paused_until = 0.0
        self._cut_at = float("-inf")
        self._failures = 0

    @property
    def concurrency(self) -> int:
        """How many entries may be worked on at once, as of now."""
        return int(self._limit)

    @property
    def paused_for_s(self) -> float:
        return max(0.0, self._paused_until - _now())

    async def turn(self) -> Turn:
        """Wait for a place and a token. Whoever waits here has not chosen yet."""
        while self._busy >= self.concurrency:
            self._freed.clear()
            await self._freed.wait()
        self._busy += 1
        try:
            await self.token()
        except BaseException:
            self.release(unused=False)
            raise
        return Turn(self)

    async def token(self) -> None:
        """Wait until one request may be sent."""
        await self._unpaused()
        if self._unused:
            self._unused -= 1  # Paid for by a turn that found nothing to send.
        else:
            await self._limiter.acquire()
        await self._unpaused()

    def succeeded(self) -> None:
        self._failures = 0
        self._limit = min(self._concurrency_max, self._limit + 1 / self._limit)
        self._freed.set()

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

    def pause(self, seconds: float) -> None:
        """Hold everything, for a fault that no single entry can help."""
        self._pause(seconds)

    def release(self, *, unused: bool) -> None:
        self._busy -= 1
        self._unused += unused
        self._freed.set()

    async def _unpaused(self) -> None:
        # A time is waited for, not a condition; later overloads may move it on.
        while (wait_s := self.paused_for_s) > 0:  # noqa: ASYNC110 (see above)
            await asyncio.sleep(wait_s)

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, _now() + seconds)

    def _cut(self) -> None:
        if _now() - self._cut_at >= CUT_INTERVAL_S:
            self._cut_at = _now()
            self._limit = max(1.0, self._limit * CUT)

    def _full_jitter(self, attempt: int) -> float:
        return full_jitter(self._rng, PAUSE_BASE_S, PAUSE_MAX_S, attempt)


def full_jitter(rng: random.Random, base_s: float, max_s: float, attempt: int) -> float:
    """Draw a delay between zero and an exponentially growing, bounded ceiling."""
    return rng.uniform(0.0, min(max_s, base_s * 2.0 ** min(attempt, 30)))


def _now() -> float:
    return asyncio.get_running_loop().time()
