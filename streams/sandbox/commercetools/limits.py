"""How many requests the sandbox takes: a token bucket, answered with 429.

Ours: commercetools publishes no rate for its HTTP API and asks for exponential backoff
instead (docs, "Error handling through timeout and retries").
"""

import math

from streams.sandbox.commercetools.clock import Clock
from streams.sandbox.commercetools.errors import ApiError


class RateLimit:
    """Lets `rate` requests a second pass, `burst` at once after a pause."""

    def __init__(self, rate: float | None, burst: int, clock: Clock) -> None:
        if rate is not None and (rate <= 0 or burst < 1):
            raise ValueError(f"Rate and burst must be positive: {rate}, {burst}")
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._tokens = self._burst
        self._updated_at = clock()

    def take(self) -> None:
        """Let one request pass, or refuse it with 429 and `Retry-After` in seconds."""
        if self._rate is None:
            return
        now = self._clock()
        elapsed_s = max(0.0, (now - self._updated_at).total_seconds())
        self._tokens = min(self._burst, self._tokens + elapsed_s * self._rate)
        self._updated_at = now
        if self._tokens < 1:
            raise too_many_requests((1 - self._tokens) / self._rate)
        self._tokens -= 1


def too_many_requests(wait_s: float) -> ApiError:
    """Build the 429; whole seconds, rounded up, as RFC 9110 wants `Retry-After`."""
    return ApiError(
        429,
        "RateLimitExceeded",
        "Too many requests.",
        headers=[("Retry-After", str(max(1, math.ceil(wait_s))))],
    )
