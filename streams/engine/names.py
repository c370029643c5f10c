"""Names on the broker: physical topics, changelogs, transactional ids, partitions."""

from functools import lru_cache

from streams.engine.hashing import partition_of
from streams.settings import Settings
from streams.topics import Topic

# Hashing a key in Python costs three microseconds; a retailer's SKUs repeat.
KEYS_REMEMBERED = 200_000


def physical(settings: Settings, topic: Topic) -> str:
    """Return a catalogue topic's name on the broker."""
    return f"{settings.topic_prefix}{topic.name}"


def changelog(settings: Settings, stage: str) -> str:
    """Return the name that Faust gives a table's changelog."""
    return f"{settings.app_id}-{stage}-changelog"


def transactional_id(settings: Settings, stage: str, partition: int) -> str:
    """Return the id whose owner alone may commit for this stage and partition."""
    return f"{settings.app_id}-{stage}-{partition}"


def worker_transactional_ids(settings: Settings, count: int) -> list[str]:
    """Return the ids under which a worker commits for all of its partitions."""
    own = f"{settings.app_id}-worker-{settings.worker_id}"
    return [own, *(f"{own}+{number}" for number in range(1, count))]


class Partitioner:
    """Kafka's default partitioner (murmur2 of the key), with a memory."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self._remembered = lru_cache(maxsize=KEYS_REMEMBERED)(self._hash)

    def __call__(self, key: bytes) -> int:
        return self._remembered(key)

    def _hash(self, key: bytes) -> int:
        return partition_of(key, self.partitions)
