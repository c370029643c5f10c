"""The logs of a worker's partitions: on Apache Kafka they share its producers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition

from streams.engine import names
from streams.engine.lanes import Lanes, PartitionLog
from streams.engine.membership import Member
from streams.engine.takeover import fence, settle
from streams.engine.transactions import Home, KafkaTransactions
from streams.settings import Settings

LANES = 4
"""Producers of a worker: more large commits at a time gain nothing on one core."""


class Logs:
    """Makes the partitions' logs, and opens them when the group has a new generation.

    The embedded broker does not look at memberships: there each partition has a
    producer, and whoever opens it fences the owner before.
    """

    def __init__(
        self,
        settings: Settings,
        client: Mapping[str, Any],
        crash_point: Callable[[str], None],
        *,
        is_embedded: bool,
    ) -> None:
        self._settings = settings
        self._client = client
        self._crash_point = crash_point
        self._is_embedded = is_embedded
        self._member: Member | None = None
        self._shared: Lanes | None = None
        if not is_embedded:
            own = names.worker_transactional_ids(settings, LANES)
            self._shared = Lanes(
                [self._transactions(each, self._membership) for each in own]
            )

    def of(self, stage: str, partition: int) -> PartitionLog:
        """Make the log of a stage's partition; it is not open yet."""
        home = Home(names.changelog(self._settings, stage), partition)
        if self._shared is not None:
            return PartitionLog(self._shared, home, is_alone=False)
        own = names.transactional_id(self._settings, stage, partition)
        return PartitionLog(self._transactions(own, None), home)

    async def open(self, member: Member, logs: Sequence[PartitionLog]) -> None:
        """Open logs as a member; nobody else's commit can follow once it returns.

        Raises:
            CommitUnknown: The broker did not answer; try again.
            StillUnsettled: A transaction of the owner before stayed open; try again.
        """
        self._member = member
        if self._shared is None:
            await asyncio.gather(*(each.open() for each in logs))
            return
        await self._shared.open()
        homes = [TopicPartition(*each.home) for each in logs]
        await settle(homes, self._client, lambda writer: fence(writer, self._client))

    async def close(self) -> None:
        """Let the shared producers go."""
        if self._shared is not None:
            await self._shared.close()

    def _transactions(
        self, transactional_id: str, member: Callable[[], Member] | None
    ) -> KafkaTransactions:
        prefix = self._settings.topic_prefix
        return KafkaTransactions(
            transactional_id=transactional_id,
            group_id=self._settings.app_id,
            physical=lambda topic: f"{prefix}{topic}",
            client=self._client,
            crash_point=self._crash_point,
            one_life_per_id=self._is_embedded,
            member=member,
        )

    def _membership(self) -> Member:
        if self._member is None:
            raise RuntimeError("nothing was opened yet")
        return self._member
