"""Who goes first in a worker: urgent records, then the stock's path, then the rest."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

PRESSED_RECORDS = 1000
"""So many records waiting on the stock's path mean that it is behind."""
PATIENCE_S = 2.0
"""Giving way ends after this, so that nothing starves."""

ALERT_S = 2.0
"""For so long after an urgent record, others go in parts."""
PART_RECORDS = 125
"""Records of a part."""
RUSH_FROM = 2000
"""A rush: urgent records have come, and so many records wait on the stock's path, far
more than when it keeps up."""
RUSH_PARTS = 4
"""In a rush, so many parts of a worker at a time: urgent records wait for little, and
for no long transaction, because nobody can read past one that is open."""
WINDOWS_RECORDS = 64_000
"""All windows of a worker hold no more than these, some 80 MB, and a batch each."""


class Pace(NamedTuple):
    """How a stage takes its work.

    Attributes:
        linger_s: After a commit, the least wait for more records (the first goes at
            once); 0 lets the engine choose.
        records_max: Records of one fold, so that it does not keep others from their
            turn; None for as many as a poll brings.
        far_behind: From so many records on, one fold takes all that a poll brings:
            then it counts what each costs, not how long a turn takes.
        rank: Who goes before whom: the stage is in the way of those of a higher rank.
        gives_way_at: The stage waits while so many records wait at stages of a lower
            rank; None: for nobody.
        each_fold: It does so before each fold, not only before all that waits.
        window: Records of a source held in memory, to find the urgent ones among them;
            0 for no more than a poll brings.
    """

    linger_s: float = 0.0
    records_max: int | None = None
    far_behind: int | None = None
    rank: int = 0
    gives_way_at: int | None = None
    each_fold: bool = False
    window: int = 0

    def fold_size(self, waiting: int, *, in_parts: bool = False) -> int:
        """Return how many of the records that wait one fold takes at most."""
        if self.records_max is None:
            return waiting
        if in_parts:
            return min(self.records_max, PART_RECORDS)
        if self.far_behind is not None and waiting >= self.far_behind:
            return waiting
        return self.records_max


STOCK = Pace(records_max=1000, far_behind=2500)
"""Web shops wait for these: ledger, publishing."""
INTAKE = Pace(records_max=500, rank=1, gives_way_at=1000, each_fold=True, window=16_000)
"""Web shops wait for it, too; but what piles up piles up before it, where it is looked
through for urgent records."""
ORDERS = Pace(linger_s=0.1, records_max=250, rank=2, gives_way_at=PRESSED_RECORDS)
"""What follows an order's events; a tenth of a second more is not seen here."""
PATIENT = Pace(linger_s=0.25, records_max=250, rank=2, gives_way_at=PRESSED_RECORDS)
"""Nor is a quarter here: windows count from when the log took the news."""


class Precedence:
    """Knows how many records wait at each rank of a worker's stages, and of rushes."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._waiting: dict[str, tuple[int, int]] = {}
        self._news = asyncio.Event()
        self._urgent_at = float("-inf")
        self._parts = 0

    def waits(self, task: str, records: int, rank: int = 0) -> None:
        """Note how many records wait for a task."""
        _, before = self._waiting.get(task, (rank, 0))
        self._waiting[task] = rank, records
        if records < before:
            self._tell()

    def urgent(self) -> None:
        """Note that an urgent record has come."""
        self._urgent_at = self._monotonic()
        self._tell()

    def is_alert(self) -> bool:
        """Say whether an urgent record came only just now."""
        return self._monotonic() - self._urgent_at < ALERT_S

    def is_rush(self) -> bool:
        """Say whether urgent records come while the stock's path is behind."""
        return self.is_alert() and self._before(ORDERS.rank) >= RUSH_FROM

    def is_pressed(self, pace: Pace) -> bool:
        """Say whether a stage of this pace is to give way now."""
        if pace.gives_way_at is None:
            return False
        # In a rush it does so earlier, and what is before it stays short.
        most = pace.gives_way_at // 2 if self.is_rush() else pace.gives_way_at
        return self._before(pace.rank) >= most

    def has_room(self, rank: int) -> bool:
        """Say whether the windows of this rank may hold more, all of them together."""
        waiting = self._waiting.values()
        return sum(records for of, records in waiting if of == rank) < WINDOWS_RECORDS

    def _before(self, rank: int) -> int:
        waiting = self._waiting.values()
        return sum(records for of, records in waiting if of < rank)

    async def give_way(self, pace: Pace, unless: Callable[[], bool]) -> None:
        """Wait while those are behind that go first, but not for ever.

        Args:
            unless: Says whether there is something by now that gives way to nobody.
        """
        await self._wait_while(lambda: self.is_pressed(pace) and not unless())

    async def take_part(self, unless: Callable[[], bool]) -> None:
        """In a rush, wait for others' parts to end; `end_part` ends ours.

        Args:
            unless: Says whether there is something urgent by now.
        """
        await self._wait_while(
            lambda: self._parts >= RUSH_PARTS and self.is_rush() and not unless()
        )
        self._parts += 1

    def end_part(self) -> None:
        """Let the next one take its part."""
        self._parts -= 1
        self._tell()

    async def _wait_while(self, is_held_up: Callable[[], bool]) -> None:
        if not is_held_up():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while is_held_up():
                    await self._news.wait()

    def _tell(self) -> None:
        # Whoever waits looks again; whoever comes later waits for the next news.
        self._news.set()
        self._news = asyncio.Event()
