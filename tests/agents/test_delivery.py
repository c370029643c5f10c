"""What commerce is owed gets there: latest value, worst risk first, one at a time."""

import asyncio
from collections import Counter
from functools import partial

import pytest

from streams.delivery import owed
from streams.delivery.backlog import Backlog
from tests.agents.memory import NOW_MS, level
from tests.agents.publishing_worker import eventually, make, running, started


async def test_a_level_becomes_the_shops_quantity() -> None:
    async with started(make()) as here:
        here.partition.levels(level(5, 1))
        await here.settled()
    assert here.quantities() == {"TEE": 5}
    assert here.delivery.backlog() == 0


async def test_what_was_owed_before_the_start_is_told_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owed, "REBUILD_STEP", 100)
    here = make()
    here.partition.listener = None
    here.partition.levels(*(level(i, 1, sku=f"S{i:04}") for i in range(1, 151)))
    here.partition.listener = here.delivery
    async with started(here):
        await here.settled()
    assert len(here.shop.entries) == 150


async def test_a_thousand_changes_during_a_call_cost_two_calls() -> None:
    here = make()
    here.partition.levels(level(1000, 1))
    async with started(here):
        await here.settled()
        here.counters.calls = here.counters.writes = 0
        gate = asyncio.Event()
        arrived = asyncio.Event()

        async def wait(_: str) -> None:
            arrived.set()
            await gate.wait()

        here.client.gate = wait
        here.partition.levels(level(999, 2))
        await arrived.wait()
        for sequence in range(3, 1003):
            here.partition.levels(level(1001 - sequence, sequence))
        assert here.delivery.backlog() == 1
        gate.set()
        await here.settled()
    assert here.quantities() == {"TEE": -1}  # The model lets it sink; 1002 changes.
    assert (here.counters.calls, here.counters.writes) == (2, 2)
    assert here.counters.coalesced == 999


async def test_never_two_requests_at_once_for_one_entry() -> None:
    at_once: Counter[str] = Counter()
    worst: Counter[str] = Counter()

    async def enter(sku: str) -> None:
        at_once[sku] += 1
        worst[sku] = max(worst[sku], at_once[sku])
        await asyncio.sleep(0.001)
        at_once[sku] -= 1

    here = make(concurrency=8)
    here.client.gate = enter
    async with started(here):
        for sequence in range(1, 40):
            here.partition.levels(
                *(level(sequence, sequence, sku=f"S{i}") for i in range(6))
            )
            await asyncio.sleep(0.001)
        await here.settled()
    assert set(worst.values()) == {1}
    assert set(here.quantities().values()) == {39}


async def test_the_worst_risk_is_told_first() -> None:
    here = make(concurrency=1)
    units = {"PLENTY": 50, "SCARCE": 3, "GONE": 2}
    here.partition.levels(*(level(n, 1, sku=sku) for sku, n in units.items()))
    async with started(here):
        await here.settled()
    told: list[str] = []

    async def note(sku: str) -> None:
        told.append(sku)

    here.client.gate = note
    here.partition.levels(
        level(49, 2, sku="PLENTY"), level(2, 2, sku="SCARCE"), level(0, 2, sku="GONE")
    )
    async with started(here):
        await here.settled()
    assert told == ["GONE", "SCARCE", "PLENTY"]


async def test_a_reservation_that_commerce_counted_costs_no_call() -> None:
    async with started(make()) as here:
        here.partition.levels(level(5, 1))
        await here.settled()
        calls = here.counters.calls
        here.partition.levels(level(5, 2, available=4))
        await here.settled()
        assert here.counters.calls == calls


async def test_an_entry_goes_again_before_its_answer_is_folded() -> None:
    reports: list[tuple[bytes, bytes]] = []

    async def keep(key: bytes, value: bytes) -> None:
        reports.append((key, value))

    def enough(count: int) -> bool:
        return len(reports) >= count

    here = make(report=keep)
    async with started(here):
        for sequence in (1, 2, 3):
            here.partition.levels(level(sequence, sequence))
            await eventually(partial(enough, sequence))
        assert here.quantities() == {"TEE": 3}
        assert here.counters.conflicts == 0
        assert not here.delivery.settled()
        for key, value in reports:
            await here.partition.report(key, value)
        assert here.delivery.settled()


async def test_answers_lost_with_the_worker_cost_a_read_and_no_unit() -> None:
    async def lose(_key: bytes, _value: bytes) -> None:
        await asyncio.Event().wait()

    first = make(report=lose)
    first.partition.levels(level(5, 1))
    async with running(first.delivery):
        await eventually(lambda: bool(first.shop.entries))
    second = make(shop=first.shop, partition=first.partition)
    second.partition.levels(level(4, 2))
    async with started(second):
        await second.settled()
    assert second.quantities() == {"TEE": 4}
    assert len(second.shop.writes) == 2


async def test_a_lost_partition_is_left_alone_and_its_late_answer_harmless() -> None:
    here = make()
    gate = asyncio.Event()
    arrived = asyncio.Event()

    async def wait(_: str) -> None:
        arrived.set()
        await gate.wait()

    here.client.gate = wait
    async with started(here):
        here.partition.levels(level(5, 1), level(7, 1, sku="CAP"))
        await arrived.wait()
        here.delivery.closed(0)
        here.partition.listener = None
        assert len(here.delivery._backlog) == 0
        gate.set()
        await eventually(lambda: not here.delivery.backlog())
        assert here.delivery.settled()


async def test_a_partition_that_comes_back_is_told_the_rest() -> None:
    async with started(make()) as here:
        here.partition.levels(level(5, 1))
        await here.settled()
        here.delivery.closed(0)
        here.partition.listener = None
        here.partition.levels(level(6, 2))
        here.partition.listener = here.delivery
        here.delivery.opened(here.partition.view)
        await here.settled()
    assert here.quantities() == {"TEE": 6}


async def test_a_backlog_without_room_still_tells_everyone() -> None:
    here = make(backlog=Backlog(capacity=10))
    here.partition.levels(*(level(i, 1, sku=f"S{i:03}") for i in range(1, 101)))
    assert here.delivery.backlog() <= 13
    async with started(here):
        await here.settled()
    assert len(here.shop.entries) == 100


async def test_latency_counts_from_the_first_change_not_told() -> None:
    here = make()
    here.partition.levels(level(5, 1), at_ms=NOW_MS - 4000)
    here.partition.levels(level(4, 2), at_ms=NOW_MS - 1000)
    assert here.delivery.oldest_age_s() == pytest.approx(7.0)
    async with started(here):
        await here.settled()
    assert here.waited == [(4.0, 4)]
    assert here.delivery.oldest_age_s() == 0.0
