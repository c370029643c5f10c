"""A worker's transactions: small commits share one, large ones go side by side.

Sharing spares the broker and us; but a worker that has much to catch up on would wait
for one transaction after the other, with nothing left to fold meanwhile.
"""

import asyncio
from collections.abc import Sequence

from streams.engine.commit import Commit
from streams.engine.transactions import Home, KafkaTransactions

LARGE_RECORDS = 2_000
"""A commit of so many records has little to gain from company: a transaction costs
as much as folding some hundred."""


class Lanes:
    """Transactional producers of one worker; each partition's commits follow another.

    Any of them may carry any partition's commit: a commit's first row names its
    writer, and a partition hands in its next commit when it knows of the one before.
    """

    def __init__(self, lanes: Sequence[KafkaTransactions]) -> None:
        """Args: lanes: The first is shared; the others carry large commits."""
        self._lanes = lanes

    async def open(self) -> None:
        """Open all anew. Raises `CommitUnknown`."""
        await asyncio.gather(*(lane.open() for lane in self._lanes))

    async def reopen(self) -> None:
        """Open those on which a commit has failed since. Raises `CommitUnknown`."""
        await asyncio.gather(*(lane.reopen() for lane in self._lanes))

    async def close(self) -> None:
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    async def commit(self, home: Home, commit: Commit) -> int:
        """Commit by the shared lane, or by a free one; see `KafkaTransactions`."""
        return await self._lane_for(commit).commit(home, commit)

    def _lane_for(self, commit: Commit) -> KafkaTransactions:
        shared, *others = self._lanes
        if commit.records < LARGE_RECORDS:
            return shared
        return next((lane for lane in others if not lane.is_busy), shared)


class PartitionLog:
    """One partition's share of the transactions: where its commits go."""

    def __init__(
        self,
        transactions: KafkaTransactions | Lanes,
        home: Home,
        *,
        is_alone: bool = True,
    ) -> None:
        """Args: is_alone: Nobody else uses these transactions: they close with it."""
        self.transactions = transactions
        self.home = home
        self._is_alone = is_alone

    async def open(self) -> None:
        """Open the transactions anew. Raises `CommitUnknown`."""
        await self.transactions.open()

    async def reopen(self) -> None:
        """Open them if a commit has failed since. Raises `CommitUnknown`."""
        await self.transactions.reopen()

    async def close(self) -> None:
        """Let go of what nobody else uses."""
        if self._is_alone:
            await self.transactions.close()

    async def commit(self, commit: Commit) -> int:
        return await self.transactions.commit(self.home, commit)
