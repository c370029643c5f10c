"""The front's copy of answers: what was asked is kept, and renewed by the worker."""

from collections.abc import Callable

from streams.front.frames import Told, Wanted
from streams.web.answers import complete

ANSWERS_MAX = 40_000
"""SKUs kept: some 2 KB each with four locations, so about 80 MB at most."""
SILENCE_S = 0.25
"""The worker says how it is every 50 ms; a longer silence makes answers older."""
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

    def hear(self, told: Told) -> None:
        """Take over what the worker says."""
        if told.partitions is not None:
            self._staleness = told.partitions
            self._heard_at = self._monotonic()
        for sku, answer in told.answers.items():
            self._wanted.discard(sku)
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
