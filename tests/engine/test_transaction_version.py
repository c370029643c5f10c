"""Kafka's transaction version 2: asked for, spoken, and left alone where it is not."""

from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest
from aiokafka.errors import (
    ConcurrentTransactions,
    InvalidProducerEpoch,
    NotLeaderForPartitionError,
)
from aiokafka.producer.transaction_manager import TransactionManager

from streams.engine import transaction_version
from streams.engine.admin import create_topics
from streams.engine.embedded import is_embedded
from streams.engine.membership import Member, commit_as_member
from streams.engine.names import physical
from streams.engine.security import client_arguments
from streams.engine.transaction_version import upgrade
from streams.settings import Settings
from streams.topics import STOCK_LEVELS

MEMBER = Member(-1, "", "")


def features(*rows: tuple[str, int]) -> bytes:
    """Features as a broker tells them: name, highest and lowest agreed version."""
    told: list[Any] = [(name, level, 0, {}) for name, level in rows]
    encoded: bytes = transaction_version._FEATURES.encode(told)
    return encoded


@pytest.mark.parametrize(
    ("told", "agreed"),
    [
        (b"", 0),
        (features(), 0),
        (features(("metadata.version", 29)), 0),
        (features(("metadata.version", 29), ("transaction.version", 1)), 1),
        (features(("group.version", 1), ("transaction.version", 2)), 2),
    ],
    ids=["an old broker", "none", "another", "an upgraded cluster", "a new one"],
)
def test_a_cluster_says_which_version_it_has_agreed_on(
    told: bytes, agreed: int
) -> None:
    assert transaction_version._agreed(told) == agreed


@pytest.mark.parametrize("agreed", [0, 1])
async def test_where_the_cluster_has_not_agreed_nothing_changes(agreed: int) -> None:
    class Client:
        def get_random_node(self) -> int:
            return 1

        async def send(self, _node_id: int, _request: object) -> Any:
            told = features(("transaction.version", agreed))
            return SimpleNamespace(tags={2: told} if agreed else {})

    producer: Any = SimpleNamespace(
        client=Client(), _txn_manager=TransactionManager("id", 1000), _sender=object()
    )

    assert not await upgrade(producer)
    assert type(producer._txn_manager) is TransactionManager


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (ConcurrentTransactions(), True),
        (NotLeaderForPartitionError(), True),
        (InvalidProducerEpoch(), False),
    ],
)
async def test_what_waits_for_the_transaction_before_is_sent_again(
    error: Exception, is_retried: bool
) -> None:
    sender: Any = SimpleNamespace(
        _retry_backoff=0.01, client=None, _txn_manager=TransactionManager("id", 1000)
    )
    handler = transaction_version._ProduceHandler(sender, {})

    assert handler._can_retry(error, object()) is is_retried


@pytest.mark.kafka
async def test_each_end_of_a_transaction_gives_out_a_new_epoch(
    broker: str, topic_prefix: str
) -> None:
    settings = Settings(
        broker=broker, app_id=f"{topic_prefix}app", topic_prefix=topic_prefix
    )
    if await is_embedded(settings):
        pytest.skip("the embedded broker speaks version 1 only")
    await create_topics(settings, [])
    topic = physical(settings, STOCK_LEVELS)
    producer = aiokafka.AIOKafkaProducer(
        transactional_id=f"{topic_prefix}id", **client_arguments(settings)
    )
    commit_as_member(producer, lambda: MEMBER)
    await producer.start()
    try:
        assert await upgrade(producer)
        epochs = []
        for number in range(3):
            async with producer.transaction():
                batch = producer.create_batch()
                batch.append(key=b"k", value=b"%d" % number, timestamp=None)
                sent = await producer.send_batch(batch, topic, partition=0)
                await sent
            epochs.append(producer._txn_manager.producer_epoch)
        async with producer.transaction():
            pass  # One that carries nothing needs no end.
    finally:
        await producer.stop()

    assert epochs == [1, 2, 3]
    assert await _values(topic, settings) == [b"0", b"1", b"2"]


async def _values(topic: str, settings: Settings) -> list[bytes | None]:
    consumer = aiokafka.AIOKafkaConsumer(
        topic,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **client_arguments(settings),
    )
    async with consumer:
        read: list[bytes | None] = []
        while len(read) < 3:
            polled = await consumer.getmany(timeout_ms=500)
            read += [each.value for records in polled.values() for each in records]
        return read
