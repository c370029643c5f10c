"""Reads changelogs into stores, all of a worker's partitions at once, with progress."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiokafka
import structlog
from aiokafka import TopicPartition

from streams.engine.commit import SEQUENCE_KEY, StateStore
from streams.engine.errors import StateAheadOfLog
from streams.engine.recovery import Restoration

log = structlog.get_logger(__name__)

RECORDS_PER_POLL = 20_000
PROGRESS_EVERY_S = 1.0

Progress = Callable[[int, int], None]
"""Hears how many changelog records are read, of how many."""


@dataclass(slots=True)
class Changelog:
    """One partition's changelog and the store it restores."""

    tp: TopicPartition
    store: StateStore


async def restore(
    changelogs: Sequence[Changelog],
    client: Mapping[str, Any],
    progress: Progress | None = None,
) -> int:
    """Bring the stores up to the end of their changelogs; return the records read.

    Raises:
        StateAheadOfLog: A store holds more than its changelog does.
    """
    if not changelogs:
        return 0
    consumer = aiokafka.AIOKafkaConsumer(
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=100,
        **client,
    )
    await consumer.start()
    try:
        return await _read_to_end(consumer, changelogs, progress)
    finally:
        await consumer.stop()


async def _read_to_end(
    consumer: aiokafka.AIOKafkaConsumer,
    changelogs: Sequence[Changelog],
    progress: Progress | None,
) -> int:
    ends, pending = await _begin(consumer, changelogs)
    restorations = list(pending.values())
    total = await _left(consumer, ends, pending)
    said = time.monotonic()
    while pending:
        # A transaction's marker moves the position, and is no record to wait for.
        polled = await consumer.getmany(timeout_ms=50, max_records=RECORDS_PER_POLL)
        for tp, records in polled.items():
            if tp in pending:
                pending[tp].feed(records)
        for tp in list(pending):
            if await consumer.position(tp) >= ends[tp]:
                del pending[tp]
                consumer.pause(tp)
        if progress is not None and time.monotonic() - said >= PROGRESS_EVERY_S:
            said = time.monotonic()
            progress(total - await _left(consumer, ends, pending), total)
    if progress is not None and total:
        progress(total, total)
    refused = sum(restoration.refused for restoration in restorations)
    if refused:
        log.warning("changelog_records_refused", records=refused)
    return sum(restoration.restored for restoration in restorations)


async def _begin(
    consumer: aiokafka.AIOKafkaConsumer, changelogs: Sequence[Changelog]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, Restoration]]:
    """Go to where each store stands; return the ends, and what has to be read."""
    tps = [changelog.tp for changelog in changelogs]
    consumer.assign(tps)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(tps)
    firsts = await consumer.beginning_offsets(tps)
    pending: dict[TopicPartition, Restoration] = {}
    for changelog in changelogs:
        tp, store = changelog.tp, changelog.store
        held = store.changelog_offset()
        if held >= ends[tp]:
            raise StateAheadOfLog(f"{tp.topic} {tp.partition}", held, ends[tp])
        begin = max(held + 1, firsts[tp])
        if begin < ends[tp]:
            consumer.seek(tp, begin)
            pending[tp] = Restoration(store, highest_sequence=_sequence(store))
        else:
            consumer.pause(tp)
    return ends, pending


async def _left(
    consumer: aiokafka.AIOKafkaConsumer,
    ends: Mapping[TopicPartition, int],
    tps: Iterable[TopicPartition],
) -> int:
    return sum([ends[tp] - await consumer.position(tp) for tp in tps])


def _sequence(store: StateStore) -> int:
    raw = store.get_many([SEQUENCE_KEY])[0]
    return 0 if raw is None else int(raw)
