"""A worker's publishing side in memory: stage, delivery, publisher, and the shop."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from streams.agents.publishing import PublishingStage
from streams.connectors.inventory import Counters, InventoryPublisher
from streams.connectors.pacing import Pace, Urgency
from streams.delivery.backlog import Backlog
from streams.delivery.delivery import Delivery, Patience, Report
from streams.domain.availability import Counting, EntryScope
from tests.agents.memory import NOW, Partition, places
from tests.connectors.model import Direct, KnownChannels, Shop

HASTY = Patience(
    retry_base_s=0.001,
    retry_max_s=0.01,
    refused_base_s=0.01,
    refused_max_s=0.02,
    misconfigured_s=0.01,
    channel_max_s=0.02,
)


@dataclass
class Setting:
    """A worker's publishing side, with a shop in memory behind it."""

    shop: Shop
    client: Direct
    partition: Partition
    delivery: Delivery
    counters: Counters
    waited: list[tuple[float, int]] = field(default_factory=list)

    async def settled(self) -> None:
        await eventually(self.delivery.settled)

    def quantities(self) -> dict[str, int]:
        return {e.sku: e.quantity_on_stock for e in self.shop.entries.values()}


def make(
    *,
    concurrency: int = 4,
    report: Report | None = None,
    backlog: Backlog | None = None,
    shop: Shop | None = None,
    partition: Partition | None = None,
    channels: KnownChannels | None = None,
) -> Setting:
    shop = shop or Shop()
    client = Direct(shop)
    counters = Counters()
    stage = PublishingStage(entries=EntryScope.CHANNEL, counting=Counting.COMMERCE)
    partition = partition or Partition(stage, places(LDN01="ldn"))
    publisher = InventoryPublisher(
        client,
        channels or KnownChannels(),
        counting=Counting.COMMERCE,
        counters=counters,
        clock=lambda: NOW,
    )
    waited: list[tuple[float, int]] = []
    delivery = Delivery(
        publisher,
        Pace(
            concurrency_max=concurrency,
            requests_per_second=1e6,
            rng=random.Random(1),
        ).lane(Urgency.STOCK),
        report or partition.report,
        counters=counters,
        clock=lambda: NOW + timedelta(seconds=3),
        rng=random.Random(1),
        observe_latency=lambda seconds, units: waited.append((seconds, units)),
        patience=HASTY,
        backlog=backlog,
    )
    partition.listener = delivery
    delivery.opened(partition.view)
    return Setting(shop, client, partition, delivery, counters, waited)


@asynccontextmanager
async def running(delivery: Delivery) -> AsyncIterator[None]:
    task = asyncio.create_task(delivery.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def started(setting: Setting) -> AsyncIterator[Setting]:
    async with running(setting.delivery):
        yield setting


async def eventually(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 (anything may be waited for)
            await asyncio.sleep(0.001)
