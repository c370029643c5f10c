"""The feed of the ledger benchmark, and an oracle of what must come out of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiokafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.domain.movements import Movement, MovementKind
from streams.engine.names import Partitioner
from streams.mapping.stock import decode_entry, decode_level, encode_movement

PARTITIONS = 4
LOCATIONS = ("LDN01", "LDN02", "MAN01", "DC001")
BEGIN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
EFFECT = {MovementKind.SALE: -1, MovementKind.RETURN: 1, MovementKind.RECEIPT: 1}
RESENT_SHARE = 0.02


def movements(number: int, keys: int, seed: int = 1) -> Iterator[Movement]:
    """Yield a shops' day: sales, returns, receipts, and some of them sent again."""
    rng = random.Random(seed)
    skus = keys // len(LOCATIONS)
    last: Movement | None = None
    for index in range(number):
        if last is not None and rng.random() < RESENT_SHARE:
            yield last
            continue
        draw = rng.random()
        kind = (
            MovementKind.SALE
            if draw < 0.8
            else MovementKind.RETURN
            if draw < 0.9
            else MovementKind.RECEIPT
        )
        unit = str(UUID(int=rng.getrandbits(128), version=4))
        last = Movement(
            movement_id=f"{kind}:{unit}",
            kind=kind,
            sku=f"SKU-{rng.randrange(skus):06d}",
            quantity=12 if kind is MovementKind.RECEIPT else 1,
            occurred_at=BEGIN + timedelta(milliseconds=10 * index),
            location_id=rng.choice(LOCATIONS),
            event_name="order.opened",
            document_type="order",
            document_id=str(UUID(int=rng.getrandbits(128), version=4)),
            origin=f"newstore-events/3/{index}",
        )
        yield last


@dataclass(frozen=True, slots=True)
class Oracle:
    """What any correct ledger holds after a feed."""

    applied: int
    on_hand: dict[tuple[str, str], int]


def oracle_of(feed: Iterator[Movement]) -> Oracle:
    """Count by hand: each movement id once."""
    seen: set[str] = set()
    on_hand: Counter[tuple[str, str]] = Counter()
    for movement in feed:
        if movement.movement_id not in seen:
            seen.add(movement.movement_id)
            place = movement.sku, movement.location_id
            on_hand[place] += EFFECT[movement.kind] * movement.quantity
    return Oracle(len(seen), dict(on_hand))


async def create(broker: str, names: list[str]) -> None:
    """Create topics with the benchmark's partition count."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        known = set(await admin.list_topics())
        topics = [NewTopic(n, PARTITIONS, 1) for n in names if n not in known]
        if topics:
            await admin.create_topics(topics)
    finally:
        await admin.close()
    await asyncio.sleep(1.0)


async def fill(broker: str, topic: str, feed: Iterator[Movement]) -> None:
    """Write a feed to a topic, keyed by SKU."""
    partition_for = Partitioner(PARTITIONS)
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=broker, enable_idempotence=True, max_batch_size=1_000_000
    )
    await producer.start()
    try:
        batches = {p: producer.create_batch() for p in range(PARTITIONS)}
        for movement in feed:
            key, value = movement.sku.encode(), encode_movement(movement)
            partition = partition_for(key)
            added = batches[partition].append(key=key, value=value, timestamp=None)
            if added is None:
                full = batches[partition]
                full.close()
                await producer.send_batch(full, topic, partition=partition)
                batches[partition] = producer.create_batch()
                batches[partition].append(key=key, value=value, timestamp=None)
        for partition, batch in batches.items():
            batch.close()
            await producer.send_batch(batch, topic, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()


async def check(broker: str, entries: str, levels: str, oracle: Oracle) -> list[str]:
    """Read what a contender wrote, committed records only; list what is wrong."""
    journal = await _read(broker, entries)
    ids = Counter(decode_entry(value).movement_id for value in journal)
    wrong = []
    if len(ids) != oracle.applied:
        wrong.append(f"{len(ids)} movements in the journal, not {oracle.applied}")
    repeated = sum(times - 1 for times in ids.values())
    if repeated:
        wrong.append(f"{repeated} journal entries too many")
    held: dict[tuple[str, str], int] = {}
    for value in await _read(broker, levels):
        level = decode_level(value)
        held[level.sku, level.location_id] = level.on_hand
    differing = sum(held.get(place) != n for place, n in oracle.on_hand.items())
    if differing or len(held) != len(oracle.on_hand):
        wrong.append(f"{differing} of {len(oracle.on_hand)} levels are wrong")
    return wrong


async def _read(broker: str, topic: str) -> list[bytes]:
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=broker,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        values: list[bytes] = []
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for records in (await consumer.getmany(timeout_ms=300)).values():
                values += [record.value for record in records]
        return values
    finally:
        await consumer.stop()
