"""Looking again and again: what is read on from an offset misses nothing."""

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from streams.domain.publications import Publication, Told
from streams.engine.admin import create_topics
from streams.engine.commit import Commit
from streams.engine.embedded import is_embedded
from streams.engine.lanes import PartitionLog
from streams.engine.names import changelog, transactional_id
from streams.engine.reading import LogReader
from streams.engine.security import client_arguments
from streams.engine.transactions import Home, KafkaTransactions
from streams.mapping.publications import encode_row
from streams.settings import CommercetoolsSettings, Settings
from streams.settle import Pending, Watch
from streams.tables import PUBLICATIONS
from streams.wiring import STAGES

OWED = Publication("ldn", 3, 3, 1, 1, 0, 0)
TOLD = OWED._replace(told=Told(3, 3, 1, "e-1", 1, 3, 0))


class Crash(Exception):
    """The process dies here."""


@pytest.fixture
async def settings(broker: str, topic_prefix: str) -> Settings:
    made = Settings(
        broker=broker,
        app_id=f"{topic_prefix}app",
        topic_prefix=topic_prefix,
        partitions=1,
        commercetools=CommercetoolsSettings(api_url="http://shop.invalid"),
        _env_file=None,
    )
    await create_topics(made, STAGES)
    return made


async def log_of(settings: Settings, crash_at: str = "") -> PartitionLog:
    """Open the publishing stage's log as the engine does."""

    def step(reached: str) -> None:
        if reached == crash_at:
            raise Crash

    own = KafkaTransactions(
        transactional_id=transactional_id(settings, PUBLICATIONS.stage, 0),
        group_id=settings.app_id,
        physical=lambda name: f"{settings.topic_prefix}{name}",
        client=dict(client_arguments(settings)),
        crash_point=step,
        one_life_per_id=await is_embedded(settings),
    )
    log = PartitionLog(own, Home(changelog(settings, PUBLICATIONS.stage), 0))
    await log.open()
    return log


async def write(log: PartitionLog, row: Publication) -> None:
    key = PUBLICATIONS.prefix + b"TEE|LDN01"
    await log.commit(Commit(sequence=1, changelog=[(key, encode_row(row))], outputs={}))


@pytest.mark.kafka
async def test_what_a_killed_workers_successor_tells_is_seen_by_who_watched_before(
    settings: Settings,
) -> None:
    async with LogReader(settings) as reader, AsyncExitStack() as logs:

        async def log(crash_at: str = "") -> PartitionLog:
            opened = await log_of(settings, crash_at)
            logs.push_async_callback(opened.close)
            return opened

        watch = Watch(settings, reader)
        with pytest.raises(Crash):
            await write(await log("before_commit"), OWED)
        successor = await log()
        await write(successor, OWED)
        assert (await watch.pending()).entries == 1
        await write(successor, TOLD)
        assert (await watch.pending()).entries == 0


def test_nothing_pending_is_said_and_false() -> None:
    assert not Pending()
    assert str(Pending()) == "nothing"
    assert bool(replace(Pending(), orders=1))
    assert str(Pending({"stock-levels": 2}, entries=3, orders=1)) == (
        "2 on stock-levels, 3 entries to tell commercetools, 1 orders under way"
    )
