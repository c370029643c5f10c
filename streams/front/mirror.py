"""The front's copy of answers: what was asked is kept, and renewed by the worker."""

import asyncio
import contextlib
from collections.abc import Callable

from streams.front.frames import Told, Wanted
from streams.web.answers import complete

ANSWERS_MAX = 40_000
"""SKUs kept: some 2 KB each with four locations, so about 80 MB at most."""
SILENCE_S = 0.25
"""The worker says how it is every 50 ms; a longer silence makes answers older."""
ANSWER_PATIENCE_S = 0.5
"""A worker that does not tell an answer for so long is asked in the usual way."""
SILENCE_MAX_S = 2.0
"""After this nobody knows whether the worker still owns what it owned."""


class Mirror:
    """Answers for SKUs as the worker last told; None sends the question to it."""

    def __init__(
        self,
        say: Callable[[Wanted], None],
        monotonic: Callable[[], float],
        *,
        capacity: int = ANSWERS_MAX,
    ) -> None:
        self._say = say
        self._monotonic = monotonic
        self._capacity = capacity
        self._answers: dict[bytes, tuple[int, bytes]] = {}
        self._wanted: set[bytes] = set()
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._staleness: dict[int, float] = {}
        self._heard_at = float("-inf")

    def body(self, sku: bytes) -> bytes | None:
        """Return a SKU's answer; None where the worker must be asked."""
        known = self._answers.get(sku)
        if known is None:
            self._want(sku)
            return None
        partition, answer = known
        staleness_s = self._staleness.get(partition)
        silent_s = self._monotonic() - self._heard_at
        if staleness_s is None or silent_s > SILENCE_MAX_S:
            return None
        if silent_s > SILENCE_S:
            staleness_s += silent_s
        return complete(answer, staleness_s)

    async def wait_for(self, sku: bytes) -> bytes | None:
        """Return a SKU's answer, once the worker has told it if it is new here.

        None where it is not the worker's, or the worker does not say in time.
        """
        body = self.body(sku)
        if body is not None or sku not in self._wanted:
            return body
        loop = asyncio.get_running_loop()
        told = self._waiting.setdefault(sku, loop.create_future())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_PATIENCE_S):
                await asyncio.shield(told)
        return self.body(sku) if sku in self._answers else None

    def hear(self, told: Told) -> None:
        """Take over what the worker says."""
        if told.partitions is not None:
            self._staleness = told.partitions
            self._heard_at = self._monotonic()
        for sku, answer in told.answers.items():
            self._wanted.discard(sku)
            if (waiting := self._waiting.pop(sku, None)) is not None:
                waiting.set_result(None)
            if answer is None:
                self._answers.pop(sku, None)
            else:
                self._answers[sku] = answer
        self._forget_what_is_too_much()

    def _want(self, sku: bytes) -> None:
        if sku not in self._wanted:
            self._wanted.add(sku)
            self._say(Wanted([sku], []))

    def _forget_what_is_too_much(self) -> None:
        surplus = len(self._answers) - self._capacity
        if surplus > 0:
            # Those first asked for; if they are asked for again, they come back.
            dropped = [
                sku for sku, _ in zip(self._answers, range(surplus), strict=False)
            ]
            for sku in dropped:
                del self._answers[sku]
            self._say(Wanted([], dropped))
