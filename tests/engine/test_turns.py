"""When partitions commit and fold: in company, and one at a time."""

import asyncio
import itertools
import time
from typing import Any, cast

import pytest

from streams.engine import partition
from streams.engine.commit import Turns
from streams.engine.delivery import Delivery
from streams.engine.partition import PartitionTask
from streams.topics import COMMERCE_ANSWERS, STOCK_MOVEMENTS
from tests.edge.fakes import until
from tests.engine.tallies import record, total
from tests.engine.test_partition import EPOCH, bench


async def test_one_wait_for_company_serves_all_sources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wait for each source in turn would make every one wait for all others."""
    waits = 0
    wait = PartitionTask._wait_for_company

    async def counted(self: PartitionTask) -> None:
        nonlocal waits
        waits += 1
        await wait(self)

    monkeypatch.setattr(PartitionTask, "_wait_for_company", counted)
    async with bench() as it:
        it.task.open()
        it.deliver(0)
        answers = Delivery(cast(Any, [record(0)]), 0, EPOCH)
        it.task.accept(COMMERCE_ANSWERS, answers)
        await until(lambda: len(it.task.last_applied_ms) == 2)

    assert waits == 1


async def test_commits_that_take_long_are_made_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partition, "LINGER_MIN_S", 0.0)
    monkeypatch.setattr(partition, "LINGER_MAX_S", 3600.0)
    async with bench() as it:
        it.task.open()
        it.task._commit_s = 1000.0
        it.task.committed_at = time.monotonic()
        it.deliver(0)
        await asyncio.sleep(0.05)
        assert total(it.task.runtime) == 0, "it waits for company"

        it.task.accept(
            STOCK_MOVEMENTS,
            Delivery(cast(Any, [record(n) for n in range(1, 502)]), 1, EPOCH),
        )
        await it.total(502)


async def test_between_two_folds_others_get_the_loop() -> None:
    """Folds of many partitions in one go would keep whoever asks waiting for all."""
    turns, order = Turns(), list[str]()

    async def fold(name: str) -> None:
        for _ in range(2):
            await turns()
            order.append(name)

    async def others() -> None:
        for _ in range(20):
            order.append("-")
            await asyncio.sleep(0)

    await asyncio.gather(others(), fold("a"), fold("b"), fold("c"))

    assert sorted("".join(order).replace("-", "")) == list("aabbcc")
    assert not any(
        first != "-" and second != "-" for first, second in itertools.pairwise(order)
    )
