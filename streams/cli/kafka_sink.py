"""Where the stand-in's ConfluentCloud subscriptions go: our own broker."""

from collections.abc import Callable
from typing import Protocol

from streams.engine.produce import LogWriter
from streams.sandbox.commercetools import Notification, SandboxConfig, Sink, serve
from streams.sandbox.commercetools.messaging.subscriptions import CONFLUENT
from streams.settings import Settings
from streams.topics import COMMERCE_MESSAGES, Topic


class Writer(Protocol):
    """What of a `LogWriter` a sink needs."""

    async def append(
        self, topic: Topic, key: bytes | None, value: bytes | None
    ) -> object:
        """Append one record."""
        ...


class NoSuchTopic(Exception):
    """A subscription names a topic that is not the one for commercetools' messages."""


def kafka_sink(writer: Writer, topic_prefix: str) -> Sink:
    """Make the sink that appends messages to our topic, whatever the destination's key.

    Another topic than ours is not there: the subscription is refused, as the vendor
    refuses one that it cannot deliver to.
    """
    name = topic_prefix + COMMERCE_MESSAGES.name

    async def sink(notification: Notification) -> None:
        if notification.topic != name:
            raise NoSuchTopic(
                f"there is no topic '{notification.topic}', only '{name}'"
            )
        await writer.append(COMMERCE_MESSAGES, notification.key, notification.value)

    return sink


async def serve_with_kafka(
    config: SandboxConfig, settings: Settings, say: Callable[[str], None]
) -> None:
    """Serve the stand-in, its ConfluentCloud subscriptions appending to our broker."""
    writer = LogWriter(settings)
    sink = kafka_sink(writer, settings.topic_prefix)
    try:
        await serve(config, on_ready=say, sinks={CONFLUENT: sink})
    finally:
        await writer.stop()
