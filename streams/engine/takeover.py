"""Taking over a changelog: whoever left a transaction open there is fenced first."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiokafka
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.engine.headers import header
from streams.engine.metadata import acquaint
from streams.engine.recovery import WRITER

log = structlog.get_logger(__name__)

SETTLE_TIMEOUT_S = 40.0
"""The broker itself gives up on a transaction after 15 s, and looks every 10 s."""
POLL_MS = 200
PAUSE_S = 0.05

Fence = Callable[[str], Any]
"""Opens a transactional id, which ends whatever its owner had begun; a coroutine."""


class StillUnsettled(Exception):
    """A transaction in a changelog has not ended in time; try again."""


async def settle(
    tps: Sequence[TopicPartition], client: Mapping[str, Any], fence: Fence
) -> None:
    """Return once no transaction is open in any of these changelogs.

    The group has a new generation by now: what was not committed as a member of the
    old one cannot be any more. What was may still become final: it shows as an open
    transaction, whose writer is named by the first record of each commit.

    Raises:
        StillUnsettled: A transaction stayed open for long.
    """
    if not tps:
        return
    committed = aiokafka.AIOKafkaConsumer(isolation_level="read_committed", **client)
    written = aiokafka.AIOKafkaConsumer(
        enable_auto_commit=False, isolation_level="read_uncommitted", **client
    )
    async with committed, written:
        await asyncio.gather(acquaint(committed, tps), acquaint(written, tps))
        fenced: set[str] = set()
        deadline = asyncio.get_running_loop().time() + SETTLE_TIMEOUT_S
        while begins := await _unsettled(committed, written, tps):
            writers = await _writers(written, begins) - fenced
            for writer in sorted(writers):
                log.info("open_transaction_fenced", transactional_id=writer)
                await fence(writer)
            fenced |= writers
            if asyncio.get_running_loop().time() > deadline:
                raise StillUnsettled(
                    ", ".join(f"{tp.topic} {tp.partition}" for tp in begins)
                )
            await asyncio.sleep(PAUSE_S)


async def _unsettled(
    committed: aiokafka.AIOKafkaConsumer,
    written: aiokafka.AIOKafkaConsumer,
    tps: Sequence[TopicPartition],
) -> dict[TopicPartition, int]:
    """Return where transactions are open: the first offset that is not settled."""
    # In this order: a transaction that ends in between makes no difference.
    ends = await written.end_offsets(tps)
    stable = await committed.end_offsets(tps)
    return {tp: stable[tp] for tp in tps if stable[tp] < ends[tp]}


async def _writers(
    written: aiokafka.AIOKafkaConsumer, begins: Mapping[TopicPartition, int]
) -> set[str]:
    written.assign(list(begins))
    for tp, offset in begins.items():
        written.seek(tp, offset)
    polled = await written.getmany(timeout_ms=POLL_MS)
    return {
        writer.decode()
        for records in polled.values()
        for record in records
        if (writer := header(record.headers, WRITER)) is not None
    }


async def fence(transactional_id: str, client: Mapping[str, Any]) -> None:
    """Open a transactional id and let it go: its owner is settled and fenced."""
    producer = aiokafka.AIOKafkaProducer(transactional_id=transactional_id, **client)
    try:
        await producer.start()
    except (KafkaError, OSError, TimeoutError) as error:
        raise StillUnsettled(f"cannot fence {transactional_id}: {error!r}") from error
    finally:
        await producer.stop()
