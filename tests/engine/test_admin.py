"""Topics are created as the catalogue says, and a worker refuses other ones."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.engine.admin import check_topics, create_topics, wanted_topics
from streams.engine.errors import (
    BrokerUnavailable,
    TopicRefused,
    TopicsMissing,
    WrongPartitionCount,
)
from streams.settings import Settings
from streams.topics import ALL
from tests.edge.topic import create_topic

STAGES = ("intake", "ledger")


def settings(broker: str, prefix: str, partitions: int = 3) -> Settings:
    return Settings(
        broker=broker,
        app_id=f"{prefix}app",
        topic_prefix=prefix,
        partitions=partitions,
    )


@pytest.mark.kafka
async def test_topics_are_created_once(broker: str, topic_prefix: str) -> None:
    mine = settings(broker, topic_prefix)

    created = await create_topics(mine, STAGES)

    assert sorted(created) == sorted(
        [f"{topic_prefix}{topic.name}" for topic in ALL]
        + [f"{topic_prefix}app-{stage}-changelog" for stage in STAGES]
    )
    assert await create_topics(mine, STAGES) == []
    await check_topics(mine, STAGES)


@pytest.mark.kafka
async def test_a_topic_that_went_missing_is_named_and_created_again(
    broker: str, topic_prefix: str
) -> None:
    mine = settings(broker, topic_prefix)
    await create_topics(mine, ["intake"])

    with pytest.raises(TopicsMissing) as missing:
        await check_topics(mine, STAGES)

    name = f"{topic_prefix}app-ledger-changelog"
    assert str(missing.value) == (
        f"Missing topics: {name}. Create them with `oneshelf topics create`"
    )
    assert await create_topics(mine, STAGES) == [name]


@pytest.mark.kafka
async def test_a_topic_with_another_partition_count_is_refused(
    broker: str, topic_prefix: str
) -> None:
    name = f"{topic_prefix}exceptions"
    await create_topic(broker, name, partitions=2)
    mine = settings(broker, topic_prefix)

    with pytest.raises(WrongPartitionCount) as refused:
        await create_topics(mine, STAGES)
    with pytest.raises(WrongPartitionCount):
        await check_topics(mine, STAGES)

    assert str(refused.value).startswith(
        f"Topic '{name}' has 2 partitions, but ONESHELF_PARTITIONS is 3. "
    )


@pytest.mark.kafka
async def test_a_topic_that_the_broker_does_not_create_is_named(
    broker: str, topic_prefix: str
) -> None:
    greedy = settings(broker, topic_prefix).model_copy(update={"replication_factor": 5})

    with pytest.raises(TopicRefused) as refused:
        await create_topics(greedy, STAGES)

    assert str(refused.value).startswith(
        f"The broker does not create topic '{topic_prefix}"
    )
    assert "replication" in str(refused.value).lower()
    assert ".." not in str(refused.value)


@pytest.mark.kafka
async def test_changelogs_are_compacted_and_the_journal_is_kept(
    broker: str, broker_kind: str, topic_prefix: str
) -> None:
    wanted = wanted_topics(settings(broker, topic_prefix), STAGES)
    journal = wanted[f"{topic_prefix}ledger-entries"]
    state = wanted[f"{topic_prefix}app-ledger-changelog"]
    assert journal.topic_configs == {"retention.ms": "-1"}
    assert state.topic_configs["cleanup.policy"] == "compact"
    if broker_kind == "embedded":
        # It keeps everything, and tells nothing of its topics' configuration.
        return
    await create_topics(settings(broker, topic_prefix), STAGES)

    assert (await config(broker, state.name))["cleanup.policy"] == "compact"
    assert (await config(broker, journal.name))["retention.ms"] == "-1"


async def config(broker: str, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic)
        (answer,) = await admin.describe_configs([asked])
    finally:
        await admin.close()
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def test_a_broker_that_does_not_answer_is_named_with_the_remedy() -> None:
    nobody = Settings(broker="127.0.0.1:1")

    with pytest.raises(BrokerUnavailable) as unreachable:
        await check_topics(nobody, STAGES)

    assert str(unreachable.value) == (
        "The Kafka broker at '127.0.0.1:1' does not answer. Check that it runs and "
        "that ONESHELF_BROKER names its host and port, for example 127.0.0.1:9092"
    )
