"""Creates the topics and checks them: a worker refuses to run on wrong ones."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from streams.engine.errors import (
    BrokerUnavailable,
    TopicRefused,
    TopicsMissing,
    WrongPartitionCount,
)
from streams.engine.names import changelog, physical
from streams.engine.reaching import refusal
from streams.engine.security import client_arguments
from streams.settings import Settings
from streams.topics import ALL, Topic

log = structlog.get_logger(__name__)

DAY_MS = 24 * 60 * 60 * 1000
# A fenced owner's late record is refused while restoring; that needs the record it came
# after to be still there, so compaction leaves the newest part of a changelog alone.
CHANGELOG_COMPACTION_LAG_MS = 10 * 60 * 1000
# How long deletions stay in a changelog. A store left alone for longer would miss some
# and bring deleted rows back, so it is rebuilt instead (see `store.is_stale`).
CHANGELOG_DELETIONS_KEPT_DAYS = 7
CREATE_TIMEOUT_S = 30


def wanted_topics(settings: Settings, stages: Iterable[str]) -> dict[str, NewTopic]:
    """List every topic and changelog, by its name on the broker."""
    wanted = {}
    for topic in ALL:
        name = physical(settings, topic)
        wanted[name] = _new(settings, name, _topic_config(topic))
    for stage in stages:
        name = changelog(settings, stage)
        wanted[name] = _new(settings, name, _changelog_config())
    return wanted


async def create_topics(settings: Settings, stages: Iterable[str]) -> list[str]:
    """Create the topics that do not exist yet; return their names.

    Raises:
        BrokerUnavailable: The broker does not answer.
        TopicRefused: The broker does not create a topic.
        WrongPartitionCount: A topic exists with another number of partitions.
    """
    wanted = wanted_topics(settings, stages)
    created: list[str] = []
    async with _Admin(settings) as admin:
        existing = await admin.partition_counts(wanted)
        missing = [topic for name, topic in wanted.items() if name not in existing]
        if missing:
            created = await admin.create(missing)
            existing = await admin.appeared(wanted)
    _check_counts(settings, existing)
    return created


async def delete_topics(settings: Settings, stages: Iterable[str]) -> None:
    """Delete every topic and changelog of these settings, with all that is in them.

    Raises:
        BrokerUnavailable: The broker does not answer.
    """
    async with _Admin(settings) as admin:
        wanted = wanted_topics(settings, stages)
        existing = await admin.partition_counts(wanted)
        if existing:
            await admin.delete(list(existing))


async def check_topics(settings: Settings, stages: Iterable[str]) -> None:
    """Refuse to run on missing topics or wrong partition counts.

    Raises:
        BrokerUnavailable: The broker does not answer.
        TopicsMissing: A topic does not exist.
        WrongPartitionCount: A topic has another number of partitions.
    """
    wanted = wanted_topics(settings, stages)
    async with _Admin(settings) as admin:
        existing = await admin.partition_counts(wanted)
    missing = [name for name in wanted if name not in existing]
    if missing:
        raise TopicsMissing(missing)
    _check_counts(settings, existing)


def _check_counts(settings: Settings, existing: Mapping[str, int]) -> None:
    for name, count in existing.items():
        if count != settings.partitions:
            raise WrongPartitionCount(name, count, settings.partitions)


def _new(settings: Settings, name: str, config: dict[str, str]) -> NewTopic:
    return NewTopic(
        name=name,
        num_partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        topic_configs=config,
    )


def _topic_config(topic: Topic) -> dict[str, str]:
    if topic.compacted:
        return {"cleanup.policy": "compact"}
    days = topic.retention_days
    return {"retention.ms": "-1" if days < 0 else str(days * DAY_MS)}


def _changelog_config() -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": str(CHANGELOG_COMPACTION_LAG_MS),
        "delete.retention.ms": str(CHANGELOG_DELETIONS_KEPT_DAYS * DAY_MS),
    }


class _Admin:
    """An admin client whose errors name the broker and the remedy."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = AIOKafkaAdminClient(**client_arguments(settings))

    async def __aenter__(self) -> "_Admin":
        try:
            await self._client.start()
        except (KafkaError, OSError) as error:
            await self._client.close()
            mend = await refusal(self._settings)
            raise mend or unavailable(self._settings.broker, error) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def partition_counts(self, names: Iterable[str]) -> dict[str, int]:
        asked = list(names)
        # Asking for unknown topics by name may create them on some brokers.
        known = set(await self._client.list_topics())
        described: Sequence[Mapping[str, Any]] = (
            await self._client.describe_topics(
                [name for name in asked if name in known]
            )
            if known & set(asked)
            else []
        )
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def create(self, topics: Sequence[NewTopic]) -> list[str]:
        """Create topics; return those that nobody else created meanwhile."""
        answer = await self._client.create_topics(
            list(topics), timeout_ms=CREATE_TIMEOUT_S * 1000
        )
        created = []
        # aiokafka 0.14 leaves the answer for each topic to its caller.
        for name, code, *message in answer.topic_errors:
            if code == 0:
                created.append(name)
            elif code != TopicAlreadyExistsError.errno:
                raise TopicRefused(name, (message and message[0]) or for_code(code)())
        await self._wait_for_leaders([topic.name for topic in topics])
        return created

    async def _wait_for_leaders(self, names: Sequence[str]) -> None:
        """Return once every partition has a leader: until then nobody can write."""
        deadline = time.monotonic() + CREATE_TIMEOUT_S
        while time.monotonic() < deadline:
            described = await self._client.describe_topics(list(names))
            partitions = [each for topic in described for each in topic["partitions"]]
            if len(described) == len(names) and all(
                each["error_code"] == 0 and each["leader"] >= 0 for each in partitions
            ):
                return
            await asyncio.sleep(0.1)

    async def appeared(self, names: Iterable[str]) -> dict[str, int]:
        """Return partition counts once all are known: brokers hear of topics late."""
        wanted = set(names)
        try:
            async with asyncio.timeout(CREATE_TIMEOUT_S):
                while True:
                    counts = await self.partition_counts(wanted)
                    if wanted <= counts.keys():
                        return counts
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TopicsMissing(sorted(wanted - counts.keys())) from None

    async def delete(self, names: list[str]) -> None:
        await self._client.delete_topics(names, timeout_ms=30_000)


def unavailable(broker: str, error: Exception) -> BrokerUnavailable:
    """Name an unreachable broker and the remedy."""
    # That nobody listens there is what `KafkaConnectionError` says in its own words.
    cause = "" if isinstance(error, KafkaConnectionError) else f" ({error!r})"
    return BrokerUnavailable(
        f"The Kafka broker at {broker!r} does not answer{cause}",
        remedy="Check that it runs and that ONESHELF_BROKER names its host and port, "
        "for example 127.0.0.1:9092",
        retry_after_s=5.0,
    )
