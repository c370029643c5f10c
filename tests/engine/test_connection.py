"""The writer's connection: what is asked of the broker once, however many wait."""

import asyncio
from typing import Any

import pytest

from streams.engine.connection import TOPIC_LOOKS
from streams.engine.produce import LogWriter
from streams.settings import Settings
from streams.topics import NEWSTORE_EVENTS
from tests.edge.topic import create_topic


@pytest.mark.kafka
async def test_many_first_appends_ask_for_the_topic_once(
    broker: str, topic_prefix: str
) -> None:
    """With hundreds of topics on the broker, an answer for each ran out of time."""
    await create_topic(broker, topic_prefix + NEWSTORE_EVENTS.name)
    writer = LogWriter(Settings(broker=broker, topic_prefix=topic_prefix))
    try:
        connection = await writer._connected()
        fetch, asked = connection.producer.client.fetch_all_metadata, 0

        async def counted() -> Any:
            nonlocal asked
            asked += 1
            return await fetch()

        connection.producer.client.fetch_all_metadata = counted
        places = await asyncio.gather(
            *(writer.append(NEWSTORE_EVENTS, b"%d" % n, b"x") for n in range(300))
        )
    finally:
        await writer.stop()

    # Once more for each look in which the broker did not know its new topic yet.
    assert asked <= TOPIC_LOOKS
    assert len(set(places)) == 300
