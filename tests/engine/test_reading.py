"""Reading topics from outside: to the present end, and backwards for a key."""

import pytest

from streams.engine import reading
from streams.engine.admin import create_topics
from streams.engine.errors import BrokerUnavailable
from streams.engine.follow import Follower
from streams.engine.names import Partitioner
from streams.engine.produce import LogWriter
from streams.engine.reading import LogReader
from streams.settings import Settings
from streams.topics import LOCATIONS, PRODUCTS, STOCK_MOVEMENTS, Topic
from tests.edge.fakes import until


@pytest.fixture
async def settings(broker: str, topic_prefix: str) -> Settings:
    made = Settings(
        broker=broker,
        app_id=f"{topic_prefix}app",
        topic_prefix=topic_prefix,
        partitions=3,
    )
    await create_topics(made, [])
    return made


async def write(settings: Settings, topic: Topic, *rows: tuple[bytes, bytes]) -> None:
    writer = LogWriter(settings)
    try:
        for key, value in rows:
            await writer.append(topic, key, value)
    finally:
        await writer.stop()


async def values(
    reader: LogReader, topic: Topic, starts: dict[int, int] | None = None
) -> list[bytes | None]:
    return [
        record.value
        async for records in reader.read(topic, starts)
        for record in records
    ]


@pytest.mark.kafka
async def test_a_topic_is_read_up_to_its_present_end(settings: Settings) -> None:
    await write(settings, STOCK_MOVEMENTS, (b"a", b"1"), (b"b", b"2"), (b"c", b"3"))

    async with LogReader(settings) as reader:
        assert sorted(map(str, await values(reader, STOCK_MOVEMENTS))) == [
            "b'1'",
            "b'2'",
            "b'3'",
        ]
        ends = await reader.ends(STOCK_MOVEMENTS)
        assert sum(ends.values()) == 3
        assert await values(reader, STOCK_MOVEMENTS, ends) == []
        assert await values(reader, PRODUCTS) == []

        await write(settings, STOCK_MOVEMENTS, (b"a", b"4"))
        assert await values(reader, STOCK_MOVEMENTS, ends) == [b"4"]


@pytest.mark.kafka
async def test_a_keys_newest_records_come_first_across_windows(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BACKWARD_WINDOW", 4)
    rows = [(b"mine" if n % 3 == 0 else b"mine2", b"%d" % n) for n in range(15)]
    await write(settings, STOCK_MOVEMENTS, *rows)
    partition = Partitioner(3)(b"mine")

    async with LogReader(settings) as reader:
        newest = await reader.latest(STOCK_MOVEMENTS, partition, b"mine", 3)
        every = await reader.latest(STOCK_MOVEMENTS, partition, b"mine", 50)
        none = await reader.latest(STOCK_MOVEMENTS, partition, b"nobody", 5)

    assert [record.value for record in newest] == [b"12", b"9", b"6"]
    assert [record.value for record in every] == [b"12", b"9", b"6", b"3", b"0"]
    assert none == []


@pytest.mark.kafka
async def test_what_a_group_never_committed_is_zero(settings: Settings) -> None:
    async with LogReader(settings) as reader:
        assert await reader.committed(STOCK_MOVEMENTS) == {0: 0, 1: 0, 2: 0}


async def test_a_reader_without_a_broker_names_it() -> None:
    with pytest.raises(BrokerUnavailable, match=r"'127\.0\.0\.1:1' does not answer"):
        async with LogReader(Settings(broker="127.0.0.1:1")):
            pass


async def test_a_reader_must_be_opened() -> None:
    with pytest.raises(RuntimeError, match="async with LogReader"):
        await LogReader(Settings()).ends(STOCK_MOVEMENTS)


@pytest.mark.kafka
async def test_a_follower_has_read_everything_when_started_and_goes_on(
    settings: Settings,
) -> None:
    rows = [(b"sku-%d" % n, b"%d" % n) for n in range(20)]
    await write(settings, PRODUCTS, *rows)
    await write(settings, LOCATIONS, (b"LDN01", b"store"))
    heard: dict[tuple[Topic, bytes], bytes | None] = {}
    follower = Follower(
        settings,
        (LOCATIONS, PRODUCTS),
        lambda topic, key, value: heard.update({(topic, key): value}),
    )

    await follower.start()
    try:
        assert len(heard) == 21
        assert heard[LOCATIONS, b"LDN01"] == b"store"

        await write(settings, PRODUCTS, (b"sku-3", b"changed"), (b"late", b"new"))
        await until(lambda: (PRODUCTS, b"late") in heard)
        await until(lambda: heard[PRODUCTS, b"sku-3"] == b"changed")
    finally:
        await follower.stop()


@pytest.mark.kafka
async def test_a_follower_that_does_not_wait_hears_of_everything_all_the_same(
    settings: Settings,
) -> None:
    rows = [(b"sku-%d" % n, b"%d" % n) for n in range(20)]
    await write(settings, PRODUCTS, *rows)
    heard: dict[bytes, bytes | None] = {}
    follower = Follower(
        settings, (PRODUCTS,), lambda _, key, value: heard.update({key: value})
    )

    await follower.start(at_once=True)
    try:
        await until(lambda: len(heard) == 20)
        await write(settings, PRODUCTS, (b"late", b"new"))
        await until(lambda: b"late" in heard)
    finally:
        await follower.stop()
