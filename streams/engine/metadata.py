"""Learning where partitions are, without waiting for it."""

from collections.abc import Iterable

import aiokafka


async def acquaint(
    consumer: aiokafka.AIOKafkaConsumer, tps: Iterable[aiokafka.TopicPartition]
) -> None:
    """Have a consumer learn at once where these partitions are.

    Asked for the ends of partitions that it has never heard of, aiokafka 0.14 learns
    one topic after the other, with a tenth of a second for each.
    """
    client = consumer._client  # noqa: SLF001 - aiokafka shows it nowhere else
    await client.set_topics(client._topics | {tp.topic for tp in tps})  # noqa: SLF001 - see above
