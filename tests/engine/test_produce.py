"""The log writer: acknowledged or refused in time, batched, in order, bounded."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.embedded import EmbeddedBroker
from streams.engine.errors import (
    AppendError,
    BrokerUnavailable,
    Misconfigured,
    RecordTooLarge,
    TopicMissing,
)
from streams.engine.headers import SCHEMA, TRACE, header
from streams.engine.produce import (
    RECORD_BYTES_MAX,
    Entry,
    LogWriter,
    _Buffer,
    new_traceparent,
)
from streams.settings import Settings
from streams.topics import NEWSTORE_EVENTS, STOCK_MOVEMENTS
from tests.edge.fakes import until
from tests.edge.topic import create_topic, read_topic, topic_names

TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")
# Nothing listens on this port of the loopback address.
NOBODY = "127.0.0.1:1"


@contextlib.asynccontextmanager
async def writing(
    broker: str, prefix: str, *, delivery_timeout_s: float = 30.0, create: bool = True
) -> AsyncIterator[LogWriter]:
    if create:
        await create_topic(broker, prefix + NEWSTORE_EVENTS.name)
    writer = LogWriter(
        Settings(broker=broker, topic_prefix=prefix),
        delivery_timeout_s=delivery_timeout_s,
    )
    try:
        yield writer
    finally:
        await writer.stop()


@pytest.mark.kafka
async def test_an_append_answers_where_the_record_lies(
    broker: str, topic_prefix: str
) -> None:
    async with writing(broker, topic_prefix) as writer:
        first = await writer.append(NEWSTORE_EVENTS, b"order-1", b"one")
        second = await writer.append(NEWSTORE_EVENTS, b"order-1", b"two")

    assert second == (first[0], first[1] + 1)
    records = await read_topic(broker, topic_prefix + NEWSTORE_EVENTS.name)
    found = {(record.partition, record.offset): record for record in records}
    assert found[first].value == b"one"
    assert found[second].value == b"two"
    assert found[second].key == b"order-1"


@pytest.mark.kafka
async def test_records_carry_their_schema_once_and_a_trace(
    broker: str, topic_prefix: str
) -> None:
    given_trace = new_traceparent()
    async with writing(broker, topic_prefix) as writer:
        await writer.append_many(
            NEWSTORE_EVENTS,
            [
                Entry(b"k", b"given", [(TRACE, given_trace), ("own", b"kept")]),
                Entry(b"k", b"none"),
                Entry(b"k", b"broken", [(TRACE, b"00-zz"), (SCHEMA, b"Old/0")]),
            ],
        )
    records = await read_topic(broker, topic_prefix + NEWSTORE_EVENTS.name)
    by_value = {record.value: record.headers for record in records}
    for headers in by_value.values():
        assert [v for name, v in headers if name == SCHEMA] == [b"NewStoreEvent/1"]
        (trace,) = [v for name, v in headers if name == TRACE]
        assert TRACEPARENT.fullmatch(trace)
    assert header(by_value[b"given"], TRACE) == given_trace
    assert header(by_value[b"given"], "own") == b"kept"
    assert header(by_value[b"none"], TRACE) != header(by_value[b"broken"], TRACE)


@pytest.mark.kafka
async def test_many_records_keep_their_order_per_key_and_each_its_position(
    broker: str, topic_prefix: str
) -> None:
    entries = [
        Entry(b"key-%d" % (number % 7), b"%d " % number + b"x" * 900)
        for number in range(3_000)
    ]
    async with writing(broker, topic_prefix) as writer:
        positions = await writer.append_many(NEWSTORE_EVENTS, entries)

    records = await read_topic(broker, topic_prefix + NEWSTORE_EVENTS.name)
    found = {(record.partition, record.offset): record.value for record in records}
    assert [found[position] for position in positions] == [e.value for e in entries]
    assert len(records) == len(entries)
    for key in {entry.key for entry in entries}:
        read = [int(r.value.split()[0]) for r in records if r.key == key]
        assert read == sorted(read)


@pytest.mark.kafka
async def test_concurrent_appends_share_requests(
    broker: str, topic_prefix: str
) -> None:
    async with writing(broker, topic_prefix) as writer:
        await writer.start()
        await writer.append(NEWSTORE_EVENTS, b"k", b"first")
        connection = writer._connection
        assert connection is not None
        sent = 0
        send_batch = connection.producer.send_batch

        async def counted(*args: object, **options: object) -> object:
            nonlocal sent
            sent += 1
            return await send_batch(*args, **options)

        connection.producer.send_batch = counted
        positions = await asyncio.gather(
            *(
                writer.append(NEWSTORE_EVENTS, b"key-%d" % number, b"x" * 200)
                for number in range(2_000)
            )
        )
    assert len(set(positions)) == 2_000
    # Three partitions, up to 256 KiB in a batch: a handful, not thousands.
    assert sent < 20


@pytest.mark.kafka
async def test_a_missing_topic_is_told_and_not_created(
    broker: str, topic_prefix: str
) -> None:
    async with writing(broker, topic_prefix, create=False) as writer:
        with pytest.raises(TopicMissing, match="does not exist") as refused:
            await writer.append(STOCK_MOVEMENTS, b"k", b"v")
        assert "oneshelf topics create" in refused.value.remedy
        assert topic_prefix + STOCK_MOVEMENTS.name not in await topic_names(broker)

        await create_topic(broker, topic_prefix + STOCK_MOVEMENTS.name)
        await writer.append(STOCK_MOVEMENTS, b"k", b"v")


@pytest.mark.kafka
async def test_a_record_of_the_largest_size_fits_and_one_byte_more_does_not(
    broker: str, topic_prefix: str
) -> None:
    async with writing(broker, topic_prefix) as writer:
        around = len(b"k") + len(SCHEMA) + len(b"NewStoreEvent/1") + len(TRACE) + 55
        largest = b"x" * (RECORD_BYTES_MAX - around)
        await writer.append(NEWSTORE_EVENTS, b"k", largest)
        with pytest.raises(RecordTooLarge, match=r"1,000,001 bytes") as refused:
            await writer.append(NEWSTORE_EVENTS, b"k", largest + b"x")
        assert "max.message.bytes" in str(refused.value)


@pytest.mark.kafka
async def test_a_batch_the_broker_finds_too_large_fails_and_the_next_append_works(
    broker: str, broker_kind: str, topic_prefix: str
) -> None:
    if broker_kind != "apache":
        pytest.skip("the embedded broker takes records of any size")
    name = topic_prefix + NEWSTORE_EVENTS.name
    await create_topic(broker, name, config={"max.message.bytes": "5000"})
    async with writing(broker, topic_prefix, create=False) as writer:
        with pytest.raises(RecordTooLarge):
            await writer.append(NEWSTORE_EVENTS, b"k", b"x" * 9_000)
        await writer.append(NEWSTORE_EVENTS, b"k", b"small")
    assert [r.value for r in await read_topic(broker, name)] == [b"small"]


async def test_without_a_broker_an_append_fails_with_the_remedy() -> None:
    writer = LogWriter(Settings(broker=NOBODY), delivery_timeout_s=5)
    with pytest.raises(BrokerUnavailable) as refused:
        await writer.append(NEWSTORE_EVENTS, b"k", b"v")
    with pytest.raises(BrokerUnavailable):
        await writer.start()
    await writer.stop()
    assert "127.0.0.1:1 did not take it: no connection" in refused.value.message
    assert "Check the network, ONESHELF_BROKER" in refused.value.remedy
    assert refused.value.retriable
    assert refused.value.retry_after_s > 0


async def test_a_broker_that_accepts_connections_and_says_nothing_fails_in_time() -> (
    None
):
    accepted: list[asyncio.StreamWriter] = []

    async def keep_silent(
        _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        accepted.append(writer)

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    writer = LogWriter(Settings(broker=f"127.0.0.1:{port}"), delivery_timeout_s=0.5)
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(
            *(writer.append(NEWSTORE_EVENTS, b"k", b"v") for _ in range(50)),
            return_exceptions=True,
        )
        await writer.stop()
    assert all(isinstance(outcome, BrokerUnavailable) for outcome in outcomes)
    for each in accepted:
        each.close()
    server.close()


@pytest.mark.kafka
async def test_an_outage_fails_in_time_and_the_writer_goes_on_afterwards(
    tmp_path: Path,
) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        async with writing(broker.address, "t-", delivery_timeout_s=1.5) as writer:
            await writer.append(NEWSTORE_EVENTS, b"k", b"before")
            broker.stop()
            began = time.monotonic()
            outcomes = await asyncio.gather(
                *(writer.append(NEWSTORE_EVENTS, b"k%d" % n, b"v") for n in range(200)),
                return_exceptions=True,
            )
            assert all(isinstance(outcome, BrokerUnavailable) for outcome in outcomes)
            # Generous: what is meant is that it ends at all.
            assert time.monotonic() - began < 30
            broker.start()

            for _ in range(100):
                with contextlib.suppress(AppendError):
                    await writer.append(NEWSTORE_EVENTS, b"k", b"after")
                    break
                await asyncio.sleep(0.1)
            assert writer._under_way == 0
            assert writer._buffer._free == writer._buffer._bytes_max
        records = await read_topic(broker.address, "t-" + NEWSTORE_EVENTS.name)
    values = [record.value for record in records if record.key == b"k"]
    assert values[0] == b"before"
    assert values[-1] == b"after"


@pytest.mark.kafka
async def test_an_error_of_many_tells_which_the_broker_has(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        async with writing(broker.address, "t-", delivery_timeout_s=1.5) as writer:
            await writer.start()
            entries = [Entry(b"k%d" % n, b"x" * 50_000) for n in range(200)]
            appending = asyncio.create_task(
                writer.append_many(NEWSTORE_EVENTS, entries)
            )
            await until(lambda: writer._under_way > 0 or appending.done())
            broker.stop()
            (outcome,) = await asyncio.gather(appending, return_exceptions=True)
            # The broker may have been quick enough to take them all.
            told = outcome.acknowledged if isinstance(outcome, AppendError) else outcome
            assert isinstance(told, list)
            assert len(told) == len(entries)
        broker.start()
        records = await read_topic(broker.address, "t-" + NEWSTORE_EVENTS.name)
    present = {(record.partition, record.offset) for record in records}
    assert {position for position in told if position is not None} <= present


async def test_a_misconfigured_broker_is_told_before_anything_is_sent() -> None:
    with pytest.raises(Misconfigured, match="No broker is configured"):
        LogWriter(Settings(broker=" "))


async def test_nothing_to_append_needs_no_broker() -> None:
    writer = LogWriter(Settings(broker=NOBODY))
    assert await writer.append_many(NEWSTORE_EVENTS, []) == []
    await writer.stop()


async def test_the_buffer_admits_in_turn_and_never_more_than_it_has() -> None:
    buffer = _Buffer(100)
    assert buffer.take(60)
    assert not buffer.take(50)
    large = asyncio.create_task(buffer.wait(50))
    small = asyncio.create_task(buffer.wait(10))
    await asyncio.sleep(0)
    # The small one would fit, but came later.
    assert not small.done()
    buffer.give(60)
    await asyncio.gather(large, small)
    assert not buffer.take(41)
    assert buffer.take(40)


async def test_what_is_larger_than_the_buffer_has_it_to_itself() -> None:
    buffer = _Buffer(100)
    assert buffer.take(500)
    assert not buffer.take(1)
    buffer.give(500)
    assert buffer.take(100)


async def test_a_caller_that_gives_up_waiting_leaves_the_buffer_as_it_was() -> None:
    buffer = _Buffer(100)
    assert buffer.take(100)
    gone = asyncio.create_task(buffer.wait(80))
    waiting = asyncio.create_task(buffer.wait(90))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    buffer.give(100)
    await waiting
    assert buffer.take(10)
    assert not buffer.take(1)


@given(st.binary(max_size=80))
def test_a_trace_context_is_kept_or_made_anew_but_never_broken(given: bytes) -> None:
    from streams.engine.produce import _with_trace

    (trace,) = [v for name, v in _with_trace([(TRACE, given)]) if name == TRACE]
    assert TRACEPARENT.fullmatch(trace)
