"""Verification sees what never reached the ledger, although all the rest agrees."""

from pathlib import Path

import pytest

from streams.engine.admin import create_topics, delete_topics
from streams.engine.produce import LogWriter
from streams.settings import Settings
from streams.topics import EXCEPTIONS, NEWSTORE_EVENTS
from streams.verify import verify
from streams.wiring import STAGES

pytestmark = pytest.mark.kafka


async def test_a_record_that_no_stage_took_in_is_a_difference(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        broker=broker,
        app_id=topic_prefix.strip(".-"),
        topic_prefix=topic_prefix,
        data_dir=tmp_path,
    )
    await create_topics(settings, STAGES)
    try:
        assert (await verify(settings)).is_clean
        writer = LogWriter(settings)
        await writer.append(NEWSTORE_EVENTS, b"o-1", b"{}")
        await writer.stop()

        found = await verify(settings)
    finally:
        await delete_topics(settings, STAGES)

    assert found.faults["every record is taken in"] == [
        "intake: 1 records on newstore-events, 0 taken in"
    ]
    assert not found.is_clean


async def test_what_is_parked_and_in_no_case_is_a_difference(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        broker=broker,
        app_id=topic_prefix.strip(".-"),
        topic_prefix=topic_prefix,
        data_dir=tmp_path,
    )
    await create_topics(settings, STAGES)
    try:
        writer = LogWriter(settings)
        await writer.append(EXCEPTIONS, b"o-1", b"{}")
        await writer.stop()

        found = await verify(settings)
    finally:
        await delete_topics(settings, STAGES)

    assert found.faults["parked = in cases"] == ["0 parked, 1 on exceptions"]
    assert found.faults["every record is taken in"] == [
        "exceptions: 1 records on exceptions, 0 taken in"
    ]
