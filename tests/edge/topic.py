"""Reading and making topics on a real broker, for the tests of what writes to them."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def create_topic(
    address: str,
    name: str,
    *,
    partitions: int = 3,
    config: dict[str, str] | None = None,
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        topic = NewTopic(name, partitions, 1, topic_configs=config)
        await admin.create_topics([topic])
    finally:
        await admin.close()


async def topic_names(address: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def read_topic(address: str, name: str, *, partitions: int = 3) -> list[Any]:
    """Return every record from the beginning to the end, partition by partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        places = [TopicPartition(name, partition) for partition in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        records: list[Any] = []
        for place, end in ends.items():
            while await consumer.position(place) < end:
                batches = await consumer.getmany(place, timeout_ms=500)
                records += batches.get(place, [])
        return records
    finally:
        await consumer.stop()
