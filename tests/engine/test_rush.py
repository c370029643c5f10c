"""A partition in a rush: urgent records first, the others in small parts."""

import asyncio
from typing import Any, cast

import pytest

from streams.engine import pace, partition
from streams.engine.delivery import Delivery
from streams.engine.pace import Pace, Precedence
from streams.topics import COMMERCE_ANSWERS, STOCK_MOVEMENTS
from tests.edge.fakes import until
from tests.engine.tallies import record
from tests.engine.test_partition import EPOCH, bench


async def test_urgent_records_go_before_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "RUSH_FROM", 1)
    monkeypatch.setattr(pace, "PART_RECORDS", 2)
    async with bench(
        pace=Pace(records_max=100), goes_first=lambda _, each: each.key == b"CUP"
    ) as it:
        it.task.open()
        records = [record(offset) for offset in range(5)]
        records += [record(5, b"CUP"), record(6)]
        it.task.accept(STOCK_MOVEMENTS, Delivery(cast(Any, records), 0, EPOCH))

        await until(lambda: it.task.runtime.next_offsets.get(STOCK_MOVEMENTS) == 7)

        assert it.stage.folded == [[5], [0, 1], [2, 3], [4, 6]]
        assert it.task.runtime.ahead == {STOCK_MOVEMENTS: set()}
        assert it.task.runtime.counts == {"in": 7}


async def test_in_a_rush_it_gives_way_before_each_fold_but_not_with_urgent_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "RUSH_FROM", 1)
    monkeypatch.setattr(pace, "PART_RECORDS", 1)
    monkeypatch.setattr(pace, "ALERT_S", 3600.0)
    monkeypatch.setattr(pace, "PATIENCE_S", 3600.0)
    precedence = Precedence()
    precedence.waits("ledger-0", 10)
    async with bench(
        pace=Pace(records_max=100, rank=1, gives_way_at=10, each_fold=True),
        goes_first=lambda _, each: each.key == b"CUP",
        precedence=precedence,
    ) as it:
        it.task.open()
        records = [record(0), record(1, b"CUP"), record(2), record(3)]
        it.task.accept(STOCK_MOVEMENTS, Delivery(cast(Any, records), 0, EPOCH))
        await until(lambda: it.stage.folded == [[1]])
        await asyncio.sleep(0.05)
        assert it.stage.folded == [[1]], "the ledger is behind"
        assert it.task.last_applied_ms == {}, "older records wait"

        urgent = Delivery(cast(Any, [record(4, b"CUP")]), 4, EPOCH)
        it.task.accept(STOCK_MOVEMENTS, urgent)
        await until(lambda: it.stage.folded == [[1], [4]])
        precedence.waits("ledger-0", 0)

        await until(lambda: it.stage.folded == [[1], [4], [0], [2], [3]])
        await until(lambda: it.task.last_applied_ms == {STOCK_MOVEMENTS: 3})


async def test_a_window_is_wanted_of_each_topic_by_itself() -> None:
    async with bench(batch_records_max=2, pace=Pace(window=3)) as it:
        it.task.open()
        await it.task._busy.acquire()  # Nothing is taken meanwhile.

        it.deliver(0, 1)
        assert it.task.wants(STOCK_MOVEMENTS)
        it.deliver(2)
        assert not it.task.wants(STOCK_MOVEMENTS)
        assert it.task.wants(COMMERCE_ANSWERS)
        it.task._busy.release()


async def test_all_windows_together_hold_no_more_than_a_worker_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "WINDOWS_RECORDS", 10)
    precedence = Precedence()
    async with bench(
        batch_records_max=2, pace=Pace(window=100, rank=1), precedence=precedence
    ) as it:
        it.task.open()
        await it.task._busy.acquire()
        precedence.waits("intake-7", 8, 1)

        it.deliver(0, 1)
        assert not it.task.wants(STOCK_MOVEMENTS), "it has a batch, and all have ten"
        precedence.waits("intake-7", 7, 1)
        assert it.task.wants(STOCK_MOVEMENTS)
        precedence.waits("intake-7", 900, 1)
        assert it.task.wants(COMMERCE_ANSWERS), "a batch is always wanted"
        it.task._busy.release()


async def test_a_window_has_no_more_bytes_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partition, "WINDOW_BYTES_MAX", 5)
    async with bench(batch_records_max=2, pace=Pace(window=100)) as it:
        it.task.open()
        await it.task._busy.acquire()

        it.task.accept(
            STOCK_MOVEMENTS,
            Delivery(cast(Any, [record(0, value=b"1234")]), 0, EPOCH),
        )
        assert it.task.wants(STOCK_MOVEMENTS)
        it.deliver(1)
        assert not it.task.wants(STOCK_MOVEMENTS)
        it.task._busy.release()
