"""A bad broker: what is said of it, with which exit code, and within a bounded time."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.engine.admin import wanted_topics
from streams.settings import Settings
from streams.wiring import STAGES
from tests.support.command import Said

BOUND_S = 45.0
REMEDY = (
    "Check that it runs and that ONESHELF_BROKER names its host and port, for example "
    "127.0.0.1:9092"
)
COMMANDS = {
    "topics create": ["topics", "create"],
    "verify": ["verify", "--wait", "0"],
    "explain": ["explain", "TEE", "LDN01"],
}


def oneshelf(folder: Path, *words: str, **settings: str) -> Said:
    """Run the command as a process of its own, within the time it may take."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ONESHELF_")
    }
    given = {f"ONESHELF_{name.upper()}": value for name, value in settings.items()}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "streams.cli", *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **given},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens: bound, so that nobody else takes it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_broker_that_is_not_there_is_exit_code_3_with_the_remedy(
    tmp_path: Path, nobody: str, words: list[str]
) -> None:
    said = oneshelf(tmp_path, *words, broker=nobody)

    assert said.code == 3
    assert said.out == ""
    assert said.err.strip() == (
        f"error: The Kafka broker at '{nobody}' does not answer. {REMEDY}"
    )


def test_a_file_for_a_broker_that_is_not_there_says_how_much_was_sent(
    tmp_path: Path, nobody: str
) -> None:
    (tmp_path / "events.jsonl").write_text('{"name":"a"}\n{"name":"b"}\n')

    said = oneshelf(tmp_path, "replay", "events.jsonl", broker=nobody)

    assert said.code == 3
    assert said.err.strip() == (
        f"error: The broker at {nobody} did not take it: no connection. Check the "
        "network, ONESHELF_BROKER and its TLS and SASL settings. At least 0 of 2 were "
        "sent. Send all of it again: what is there already counts once."
    )


def test_a_worker_whose_broker_is_not_there_ends_with_3_to_be_started_again(
    tmp_path: Path, nobody: str
) -> None:
    said = oneshelf(tmp_path, "worker", broker=nobody)

    assert said.code == 3
    assert f"The Kafka broker at '{nobody}' does not answer. {REMEDY}" in said.err


def test_a_doctor_finds_that_the_broker_is_not_there(
    tmp_path: Path, nobody: str
) -> None:
    said = oneshelf(tmp_path, "doctor", broker=nobody)

    assert said.code == 1
    assert said.out.splitlines()[-1] == (
        f"wrong broker: The Kafka broker at '{nobody}' does not answer. {REMEDY}"
    )


@pytest.mark.parametrize("words", [*COMMANDS.values(), ["worker"]], ids=str)
def test_no_broker_at_all_is_exit_code_2(tmp_path: Path, words: list[str]) -> None:
    said = oneshelf(tmp_path, *words)

    assert said.code == 2
    assert said.err.startswith("error: No broker is configured. Set ONESHELF_BROKER to")


def settings_for(broker: str, prefix: str, partitions: int) -> Settings:
    return Settings(
        _env_file=None,
        broker=broker,
        app_id=f"{prefix}app",
        topic_prefix=prefix,
        partitions=partitions,
    )


@pytest.fixture
async def admin(broker: str, topic_prefix: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    yield client
    topics = await client.list_topics()
    await client.delete_topics([name for name in topics if topic_prefix in name])
    await client.close()


@pytest.mark.kafka
@pytest.mark.parametrize("words", [["worker"], ["verify"], ["explain", "A", "B"]])
def test_missing_topics_are_named_with_the_command_that_creates_them(
    tmp_path: Path, broker: str, topic_prefix: str, words: list[str]
) -> None:
    names = wanted_topics(settings_for(broker, topic_prefix, 2), STAGES)

    said = oneshelf(
        tmp_path,
        *words,
        broker=broker,
        topic_prefix=topic_prefix,
        app_id=f"{topic_prefix}app",
        partitions="2",
    )

    assert said.code == 2
    assert (
        f"Missing topics: {', '.join(sorted(names))}. Create them with `oneshelf "
        "topics create`"
    ) in said.err


@pytest.mark.kafka
def test_sending_to_a_topic_that_is_missing_loses_nothing_and_says_so(
    tmp_path: Path, broker: str, topic_prefix: str
) -> None:
    (tmp_path / "events.jsonl").write_text('{"name":"a"}\n')
    names = {"broker": broker, "topic_prefix": topic_prefix}

    said = oneshelf(tmp_path, "replay", "events.jsonl", **names)

    assert said.code == 3
    assert said.err.strip() == (
        f"error: The topic {topic_prefix}newstore-events does not exist. Create it "
        "with `oneshelf topics create`, or mend ONESHELF_TOPIC_PREFIX. At least 0 of 1 "
        "were sent. Send all of it again: what is there already counts once."
    )


@pytest.mark.kafka
async def test_a_wrong_partition_count_is_refused_before_anything_is_touched(
    tmp_path: Path, broker: str, topic_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    settings = settings_for(broker, topic_prefix, 2)
    topics = list(wanted_topics(settings, STAGES).values())
    odd = topics[0].name
    await admin.create_topics(
        [
            NewTopic(
                name=topic.name,
                num_partitions=3 if topic.name == odd else 2,
                replication_factor=1,
            )
            for topic in topics
        ]
    )
    names = {
        "broker": broker,
        "topic_prefix": topic_prefix,
        "app_id": settings.app_id,
        "partitions": "2",
    }
    sentence = (
        f"Topic '{odd}' has 3 partitions, but ONESHELF_PARTITIONS is 2. Set "
        "ONESHELF_PARTITIONS=3 if all topics have that count. A live ledger's count "
        "cannot be changed in place: begin a new one with another ONESHELF_APP_ID and "
        "ONESHELF_TOPIC_PREFIX, and replay into it"
    )

    begun = time.monotonic()
    worker = oneshelf(tmp_path, "worker", **names)
    create = oneshelf(tmp_path, "topics", "create", **names)

    assert time.monotonic() - begun < 2 * BOUND_S
    assert (worker.code, create.code) == (2, 2)
    assert sentence in worker.err.replace("\\'", "'")
    assert create.err.strip() == f"error: {sentence}"
    assert not (tmp_path / "data").exists()
