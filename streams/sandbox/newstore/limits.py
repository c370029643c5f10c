"""How many calls a tenant may make: over it, 429 and when to come back.

Sources: Getting started with APIs (200 calls a second in production, 429 with
`Retry-After`); the older page Rate limits (403 with a body that is not JSON).
"""

import math
from datetime import datetime

from streams.sandbox.newstore.errors import ApiError

BLOCKED_PAGE = b"""<html>
<head><title>403 Forbidden</title></head>
<body><center><h1>403 Forbidden</h1></center></body>
</html>
"""


class RateLimit:
    """Lets `rate` calls a second pass, `burst` at once after a pause."""

    def __init__(self, rate: float | None, burst: int, now: datetime) -> None:
        if rate is not None and (rate <= 0 or burst < 1):
            raise ValueError(f"Rate and burst must be positive: {rate}, {burst}")
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._updated_at = now

    def take(self, now: datetime) -> None:
        """Let one call pass, or refuse it."""
        if self._rate is None:
            return
        elapsed_s = max(0.0, (now - self._updated_at).total_seconds())
        self._left = min(self._burst, self._left + elapsed_s * self._rate)
        self._updated_at = max(now, self._updated_at)
        if self._left < 1:
            raise too_many_requests((1 - self._left) / self._rate)
        self._left -= 1


def too_many_requests(wait_s: float) -> ApiError:
    """Build the 429; `Retry-After` in whole seconds, rounded up (RFC 9110)."""
    return ApiError(
        429,
        "too_many_requests",
        "Too many requests.",
        headers=[("Retry-After", str(max(1, math.ceil(wait_s))))],
    )
