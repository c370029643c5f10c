"""Delivery to a commercetools sandbox over real HTTP, with everything going wrong."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pytest
from pydantic import SecretStr

from streams.agents.publishing import PublishingStage
from streams.connectors.bootstrap import bootstrap
from streams.connectors.commercetools import ChannelIds, CommercetoolsClient
from streams.connectors.inventory import Counters, InventoryPublisher
from streams.connectors.pacing import Lane, Pace, Urgency
from streams.delivery.delivery import Delivery, Patience
from streams.domain.availability import Counting, EntryScope
from streams.sandbox.commercetools import (
    FaultKind,
    FaultRule,
    Lag,
    Sandbox,
    SandboxConfig,
    SandboxServer,
)
from streams.sandbox.commercetools.journal import Write
from streams.settings import CommercetoolsSettings
from tests.agents.memory import Partition, level, places
from tests.agents.publishing_worker import eventually

PLACES = places(LDN01="ldn", PAR01="par")
SKUS = [f"SKU-{number}" for number in range(6)]
HASTY = Patience(retry_base_s=0.005, retry_max_s=0.05)


def lane() -> Lane:
    pace = Pace(concurrency_max=8, requests_per_second=2000, rng=random.Random(1))
    return pace.lane(Urgency.STOCK)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    lag = Lag(min_s=0.0, max_s=0.2)
    with SandboxServer(SandboxConfig(lag=lag)) as running:
        yield running


@dataclass
class Worker:
    """A worker's delivery, connected to the sandbox."""

    server: SandboxServer
    partition: Partition
    delivery: Delivery
    counters: Counters

    def fault(self, rule: FaultRule) -> None:
        self.server.call(lambda sandbox: sandbox.faults.add(rule))

    def buy(self, sku: str, quantity: int) -> None:
        self.server.call(lambda s: s.purchase(sku, quantity, channel_key="ldn"))

    async def settled(self) -> None:
        await eventually(self.delivery.settled, timeout_s=60)

    def quantity(self, sku: str, channel_key: str | None = "ldn") -> int:
        def find(writes: list[Write]) -> int | None:
            held = [w for w in writes if (w.sku, w.channel_key) == (sku, channel_key)]
            return held[-1].quantity_after

        quantity = find(self.writes())
        assert quantity is not None
        return quantity

    def writes(self) -> list[Write]:
        """Read what the sandbox accepted for entries; late decrements are due first."""

        def read(sandbox: Sandbox) -> list[Write]:
            sandbox.settle()
            return list(sandbox.journal.read())

        return [write for write in self.server.call(read) if write.sku is not None]


def settings_for(url: str) -> CommercetoolsSettings:
    return CommercetoolsSettings(
        api_url=url,
        auth_url=url,
        project_key="oneshelf",
        client_id="sandbox-client",
        client_secret=SecretStr("sandbox-secret"),
    )


@asynccontextmanager
async def worker(
    server: SandboxServer,
    *,
    partition: Partition | None = None,
    counting: Counting = Counting.COMMERCE,
    entries: EntryScope = EntryScope.CHANNEL,
    prepared: bool = True,
    answer_timeout_s: float = 5.0,
) -> AsyncIterator[Worker]:
    """Run a worker until the block ends; then it is gone, without a good-bye."""
    if partition is None:
        partition = Partition(
            PublishingStage(entries=entries, counting=counting), PLACES
        )
        partition.tick()
    settings = settings_for(server.url)
    client = CommercetoolsClient(settings, answer_timeout_s=answer_timeout_s)
    async with client:
        if prepared:
            await bootstrap(client, PLACES.locations.values())
        counters = Counters()
        publisher = InventoryPublisher(
            client,
            ChannelIds(client),
            counting=counting,
            counters=counters,
            clock=lambda: datetime.now(UTC),
        )
        delivery = Delivery(
            publisher,
            lane(),
            partition.report,
            counters=counters,
            clock=lambda: datetime.now(UTC),
            rng=random.Random(1),
            patience=HASTY,
        )
        partition.listener = delivery
        delivery.opened(partition.view)
        task = asyncio.create_task(delivery.run())
        try:
            yield Worker(server, partition, delivery, counters)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def assert_each_delta_once(writes: list[Write]) -> None:
    """Check the sandbox's own log: quantity moved by what the target did, forwards."""
    told: dict[str, tuple[int, int]] = {}
    for write in writes:
        if write.kind not in ("created", "updated") or not write.fields:
            continue
        target = int(str(write.fields["oneshelfTarget"]))
        sequence = int(str(write.fields["oneshelfSequence"]))
        known = told.get(write.resource_id)
        if write.kind == "updated" and known is not None:
            assert sequence > known[1], "one state was told twice"
            assert write.delta == target - known[0], "a delta was counted twice"
        told[write.resource_id] = (target, sequence)
    assert len(told) == len(SKUS)


@dataclass
class Ledger:
    """The stock of some SKUs, posted as the ledger posts it."""

    partition: Partition
    stock: dict[str, int]
    target: dict[str, int]
    sequence: dict[str, int]

    @classmethod
    def of(cls, partition: Partition, units: int) -> "Ledger":
        ledger = cls(partition, defaultdict(int), defaultdict(int), defaultdict(int))
        for sku in SKUS:
            ledger.move(sku, units)
        return ledger

    def move(self, sku: str, quantity: int, *, counted: bool = False) -> None:
        before = max(0, self.stock[sku])
        self.stock[sku] += quantity
        change = max(0, self.stock[sku]) - before
        self.target[sku] += change - (quantity if counted else 0)
        self.sequence[sku] += 1
        self.partition.levels(
            level(
                self.target[sku],
                self.sequence[sku],
                sku=sku,
                available=max(0, self.stock[sku]),
            )
        )


def drop(when: Literal["before", "after"], probability: float = 0.2) -> FaultRule:
    return FaultRule(kind=FaultKind.DROP, when=when, probability=probability)


def failure(
    status: Literal[500, 502, 503, 504], when: Literal["before", "after"]
) -> FaultRule:
    return FaultRule(
        kind=FaultKind.FAILURE, status=status, when=when, probability=0.2, page="html"
    )


FAULTS: dict[str, list[FaultRule]] = {
    "nothing": [],
    "conflict storm": [FaultRule(kind=FaultKind.CONFLICT, probability=0.5)],
    "failing after the write": [failure(500, "after"), failure(502, "after")],
    "failing before the write": [failure(500, "before"), failure(503, "before")],
    "gone after the write": [drop("after")],
    "gone before the write": [drop("before")],
    "tokens revoked": [FaultRule(kind=FaultKind.REVOKE_TOKEN, probability=0.2)],
    "too many requests": [
        FaultRule(kind=FaultKind.RATE_LIMIT, probability=0.1, retry_after_s=0.05)
    ],
    "everything": [
        FaultRule(kind=FaultKind.CONFLICT, probability=0.2),
        FaultRule(kind=FaultKind.REVOKE_TOKEN, probability=0.05),
        FaultRule(kind=FaultKind.RATE_LIMIT, probability=0.05, retry_after_s=0.05),
        FaultRule(kind=FaultKind.LATENCY, latency_s=0.001, jitter_s=0.01),
        failure(500, "after"),
        failure(503, "before"),
        drop("after", 0.1),
    ],
}


@pytest.mark.parametrize("name", FAULTS)
async def test_entries_end_exact_and_each_delta_is_told_once(
    server: SandboxServer, name: str
) -> None:
    rng = random.Random(name)
    partition = None
    ledger: Ledger | None = None
    for _restart in range(3):
        async with worker(server, partition=partition) as here:
            partition = here.partition
            if ledger is None:
                ledger = Ledger.of(partition, 30)
                await here.settled()
            for rule in FAULTS[name]:
                here.fault(rule)
            await _trade(here, ledger, rng)
            server.call(lambda sandbox: sandbox.faults.clear())
    assert ledger is not None
    async with worker(server, partition=partition) as here:
        await here.settled()
        await eventually(lambda: not _pending(server))
        assert {sku: here.quantity(sku) for sku in SKUS} == ledger.stock
        assert_each_delta_once(here.writes())


def _pending(server: SandboxServer) -> int:
    def landings(sandbox: Sandbox) -> int:
        sandbox.settle()
        return len(sandbox.landings)

    return server.call(landings)


async def _trade(here: Worker, ledger: Ledger, rng: random.Random) -> None:
    """Sell and restock in stores, and sell in the web shop, which counts by itself."""
    orders: list[tuple[str, int]] = []
    for _ in range(60):
        sku = rng.choice(SKUS)
        match rng.randrange(4):
            case 0:
                quantity = rng.randint(1, 2)
                here.buy(sku, quantity)
                orders.append((sku, quantity))
            case 1 if orders:
                sold, quantity = orders.pop(0)
                ledger.move(sold, -quantity, counted=True)
            case 2:
                ledger.move(sku, rng.randint(1, 3))
            case _:
                ledger.move(sku, -1)
        await asyncio.sleep(rng.uniform(0, 0.01))
    for sold, quantity in orders:
        ledger.move(sold, -quantity, counted=True)


async def test_in_pool_counting_the_absolute_quantity_ends_right(
    server: SandboxServer,
) -> None:
    rng = random.Random(7)
    async with worker(server, counting=Counting.POOL, entries=EntryScope.BOTH) as here:
        here.fault(FaultRule(kind=FaultKind.CONFLICT, probability=0.3, quantity=2))
        here.fault(failure(500, "after"))
        here.fault(drop("after"))
        stock = {("LDN01", "TEE"): 0, ("PAR01", "TEE"): 0}
        for sequence in range(1, 40):
            for (location_id, sku), units in stock.items():
                units = max(0, units + rng.randint(-3, 4))
                stock[location_id, sku] = units
                here.partition.levels(
                    level(units, sequence, sku=sku, location_id=location_id)
                )
            await asyncio.sleep(rng.uniform(0, 0.01))
        await here.settled()
        assert here.quantity("TEE", "ldn") == stock["LDN01", "TEE"]
        assert here.quantity("TEE", "par") == stock["PAR01", "TEE"]
        assert here.quantity("TEE", None) == sum(stock.values())


async def test_what_was_there_before_us_is_adopted_with_one_correction(
    server: SandboxServer,
) -> None:
    async with worker(server) as here:
        server.call(
            lambda s: s.create_entry(
                {
                    "sku": "TEE",
                    "quantityOnStock": 9,
                    "supplyChannel": {"typeId": "channel", "key": "ldn"},
                }
            )
        )
        here.fault(
            FaultRule(kind=FaultKind.DROP, when="after", path="inventory/", count=1)
        )
        here.partition.levels(level(5, 1))
        await here.settled()
        here.partition.levels(level(4, 2))
        await here.settled()
        moved = [write.delta for write in here.writes()]
        assert moved == [9, -4, -1]
        assert here.counters.adopted == 1


async def test_a_missing_type_is_named_and_mended_while_we_wait(
    server: SandboxServer,
) -> None:
    async with worker(server, prepared=False) as here:
        server.call(lambda s: s.create_channel({"key": "ldn"}))
        here.partition.levels(level(5, 1))
        await eventually(lambda: here.counters.misconfigured > 0)
        (parked,) = [p for result in here.partition.results for p in result.parked]
        assert "oneshelf commercetools bootstrap" in parked.sentence
        assert not here.delivery.settled()


async def test_an_answer_that_comes_too_late_is_settled_by_reading(
    server: SandboxServer,
) -> None:
    async with worker(server, answer_timeout_s=0.3) as here:
        here.partition.levels(level(5, 1))
        await here.settled()
        slow = FaultRule(kind=FaultKind.LATENCY, when="after", latency_s=1, count=1)
        here.fault(slow)
        here.partition.levels(level(3, 2))
        await here.settled()
        assert [write.delta for write in here.writes()] == [5, -2]


async def test_a_thousand_changes_during_a_call_cost_two_writes(
    server: SandboxServer,
) -> None:
    async with worker(server) as here:
        here.partition.levels(level(1000, 1))
        await here.settled()
        before = here.counters.calls
        here.fault(FaultRule(kind=FaultKind.LATENCY, latency_s=0.5, count=1))
        here.partition.levels(level(999, 2))
        await eventually(lambda: here.counters.calls > before)
        for sequence in range(3, 1003):
            here.partition.levels(level(1001 - sequence, sequence, available=0))
        await here.settled()
        assert here.counters.calls == before + 2
        assert [write.delta for write in here.writes()] == [1000, -1, -1000]
