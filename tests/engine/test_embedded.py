"""The embedded broker starts, carries transactions, keeps data, explains itself."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.engine.embedded import EmbeddedBroker, is_embedded
from streams.engine.errors import BrokerUnavailable, Misconfigured
from streams.readiness import free_port
from streams.settings import Settings

TOPIC = "shelves"


async def create_topic(address: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 2, 1)])
    await admin.close()


async def send_in_transactions(address: str) -> None:
    """Commit two records and abort one."""
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id="test")
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(TOPIC, b"first", partition=0)
        await producer.send_and_wait(TOPIC, b"second", partition=1)
    await producer.begin_transaction()
    await producer.send_and_wait(TOPIC, b"never", partition=0)
    await producer.abort_transaction()
    await producer.stop()


async def read_committed(address: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=address,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    values: list[bytes] = []
    deadline = time.monotonic() + 30.0
    while len(values) < count and time.monotonic() < deadline:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            values += [record.value for record in records]
    # One poll more: an aborted record would arrive behind the committed ones.
    for records in (await consumer.getmany(timeout_ms=200)).values():
        values += [record.value for record in records]
    await consumer.stop()
    return values


@pytest.mark.kafka
async def test_a_committed_transaction_is_read_and_an_aborted_one_is_not(
    tmp_path: Path,
) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        await create_topic(broker.address)
        await send_in_transactions(broker.address)

        assert sorted(await read_committed(broker.address, 2)) == [b"first", b"second"]


@pytest.mark.kafka
async def test_a_clean_stop_keeps_the_data_and_the_port(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    address = broker.start()
    await create_topic(address)
    await send_in_transactions(address)
    broker.stop()

    assert broker.pid is None
    try:
        assert broker.start() == address
        assert sorted(await read_committed(address, 2)) == [b"first", b"second"]
    finally:
        broker.stop()


@pytest.mark.kafka
async def test_it_is_told_from_apache_kafka(
    tmp_path: Path, broker: str, broker_kind: str
) -> None:
    """A newer wheel may call its clusters otherwise: then see what else it does."""
    with EmbeddedBroker(tmp_path) as embedded:
        assert await is_embedded(Settings(broker=embedded.address))

    assert await is_embedded(Settings(broker=broker)) == (broker_kind == "embedded")


async def test_a_broker_that_does_not_answer_is_of_no_kind() -> None:
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        await is_embedded(Settings(broker=f"127.0.0.1:{free_port()}"))


@pytest.mark.kafka
def test_starting_twice_changes_nothing(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        pid = broker.pid

        assert broker.start() == broker.address
        assert broker.pid == pid


@pytest.mark.kafka
def test_it_listens_on_the_loopback_address_only(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        host, port = broker.address.split(":")

        assert host == "127.0.0.1"
        # Whoever listens on all addresses would answer on this one, too.
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", int(port)), timeout=1.0)


@pytest.mark.kafka
def test_it_starts_again_after_it_was_killed(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        first = broker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        while broker.pid is not None:
            time.sleep(0.01)

        broker.start()
        assert broker.pid not in (None, first)


@pytest.mark.kafka
def test_a_folder_in_use_is_refused_with_its_remedy(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path), pytest.raises(Misconfigured) as refused:
        EmbeddedBroker(tmp_path).start()

    assert str(refused.value) == (
        f"another embedded broker uses the folder {tmp_path}. Use another "
        "ONESHELF_DATA_DIR, or stop the other one: "
        f"noida-db down --data-dir {tmp_path}"
    )


def test_without_the_wheel_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "noida_db", None)

    with pytest.raises(Misconfigured) as refused:
        EmbeddedBroker(tmp_path).start()

    assert refused.value.remedy == (
        "Set ONESHELF_BROKER, or: pip install 'oneshelf[embedded]'"
    )
