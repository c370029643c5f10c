"""Who goes first in a worker: the stock's path; the rest waits while it is behind."""

import asyncio
import contextlib
from typing import NamedTuple

PRESSED_RECORDS = 1000
"""So many records waiting on the stock's path mean that it is behind."""
PATIENCE_S = 2.0
"""Giving way ends after this, so that nothing starves."""


class Pace(NamedTuple):
    """How a stage takes its work.

    Attributes:
        linger_s: After a commit, the least wait for more records (the first goes at
            once); 0 lets the engine choose.
        records_max: Records of one fold, so that it does not keep others from their
            turn; None for as many as a poll brings.
        far_behind: From so many records on, one fold takes all that a poll brings:
            then it counts what each costs, not how long a turn takes.
        gives_way: The stage waits while the stock's path is behind.
    """

    linger_s: float = 0.0
    records_max: int | None = None
    far_behind: int | None = None
    gives_way: bool = False

    def fold_size(self, waiting: int) -> int:
        """Return how many of the records that wait one fold takes at most."""
        if self.records_max is None:
            return waiting
        if self.far_behind is not None and waiting >= self.far_behind:
            return waiting
        return self.records_max


STOCK = Pace(records_max=1000, far_behind=2500)
"""Web shops wait for these: intake, ledger, publishing."""
ORDERS = Pace(linger_s=0.1, records_max=250, gives_way=True)
"""What follows an order's events; a tenth of a second more is not seen here."""
PATIENT = Pace(linger_s=0.25, records_max=250, gives_way=True)
"""Nor is a quarter here: windows count from when the log took the news."""


class Precedence:
    """Knows how many records wait on the stock's path of a worker."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        self._calm = asyncio.Event()
        self._calm.set()

    def waits(self, task: str, records: int) -> None:
        """Note how many records wait for a task of the stock's path."""
        self._waiting[task] = records
        if sum(self._waiting.values()) < PRESSED_RECORDS:
            self._calm.set()
        else:
            self._calm.clear()

    def is_pressed(self) -> bool:
        """Say whether the stock's path is behind."""
        return not self._calm.is_set()

    async def give_way(self) -> None:
        """Wait while the stock's path is behind, but not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._calm.wait()
