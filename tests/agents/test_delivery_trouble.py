"""Delivery when commerce refuses, fails, loses answers, or the worker dies."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.connectors.errors import (
    Ambiguous,
    ChannelMissing,
    ConnectorError,
    Refused,
    Throttled,
    TypeMissing,
)
from streams.domain.reference import Location
from streams.mapping.publications import decode_publication
from streams.tables import PUBLICATIONS
from tests.agents.memory import level
from tests.agents.publishing_worker import eventually, make, running, started
from tests.connectors.model import Gate, KnownChannels, Shop


def failing_for(sku: str, error: ConnectorError) -> Gate:
    async def fail(asked: str) -> None:
        if asked == sku:
            raise error

    return fail


async def test_a_poison_entry_is_parked_once_and_stops_nobody() -> None:
    here = make()
    error = Refused("no such field", reason="InvalidField", status=400)
    here.client.gate = failing_for("BAD", error)
    async with started(here):
        here.partition.levels(level(5, 1, sku="BAD"), level(7, 1, sku="GOOD"))
        await eventually(lambda: not here.counters.refused < 3)
        await here.settled()
        assert here.quantities() == {"GOOD": 7}
        assert here.delivery.refused() == 1
        parked = [one for result in here.partition.results for one in result.parked]
        assert [(p.value, p.field) for p in parked] == [("BAD|LDN01", "InvalidField")]
        here.client.gate = None
        await eventually(lambda: not here.delivery.refused())
        await here.settled()
    assert here.quantities() == {"GOOD": 7, "BAD": 5}
    stored = here.partition.view.get(PUBLICATIONS, [b"BAD|LDN01"])
    assert decode_publication(stored[b"BAD|LDN01"]).trouble is None


async def test_a_missing_type_is_said_once_and_tried_until_it_is_there() -> None:
    here = make()
    error = TypeMissing("run `oneshelf commercetools bootstrap`", reason="type")

    async def fail(_: str) -> None:
        raise error

    here.client.gate = fail
    async with started(here):
        here.partition.levels(*(level(5, 1, sku=f"S{i}") for i in range(20)))
        await eventually(lambda: not here.counters.misconfigured < 5)
        assert not here.delivery.settled()
        here.client.gate = None
        await here.settled()
    parked = [one for result in here.partition.results for one in result.parked]
    assert [one.sentence for one in parked] == [error.message]
    assert len(here.shop.entries) == 20


async def test_a_missing_channel_is_said_once_and_stops_no_other() -> None:
    class Half(KnownChannels):
        gone = True

        async def find(self, key: str) -> str:
            if self.gone and key == "par":
                raise ChannelMissing("no channel 'par'", reason="channel_missing")
            return await super().find(key)

    channels = Half()
    here = make(channels=channels)
    here.partition.reference.put_location(
        Location(location_id="PAR01", commercetools_channel_key="par")
    )
    async with started(here):
        for i in range(5):
            here.partition.levels(
                level(5, 1, sku=f"S{i}"), level(5, 1, sku=f"S{i}", location_id="PAR01")
            )
        await here.settled()
        assert len(here.shop.entries) == 5
        parked = [one for result in here.partition.results for one in result.parked]
        assert len(parked) == 1
        channels.gone = False
        await eventually(lambda: not here.delivery.refused())
        await here.settled()
    assert len(here.shop.entries) == 10


async def test_being_turned_away_loses_nothing() -> None:
    here = make()
    left = 5

    async def throttle(_: str) -> None:
        nonlocal left
        if left:
            left -= 1
            raise Throttled("slow down", status=429, retry_after_s=0.01)

    here.client.gate = throttle
    async with started(here):
        here.partition.levels(*(level(i, 1, sku=f"S{i}") for i in range(1, 9)))
        await here.settled()
    assert here.counters.throttled == 5
    assert here.quantities() == {f"S{i}": i for i in range(1, 9)}


async def test_another_history_is_said_after_a_while() -> None:
    here = make()
    here.partition.levels(level(5, 9))
    async with started(here):
        await here.settled()
    reset = make(shop=here.shop)
    async with started(reset):
        reset.partition.levels(level(3, 1))
        await eventually(lambda: reset.delivery.refused() == 1)
    (parked,) = [one for result in reset.partition.results for one in result.parked]
    assert parked.field == "overtaken"
    assert here.quantities() == {"TEE": 5}


async def test_a_report_that_fails_ends_the_delivery() -> None:
    async def fail(_key: bytes, _value: bytes) -> None:
        raise OSError("broker gone")

    here = make(report=fail)
    here.partition.levels(level(5, 1))
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(5):
            await here.delivery.run()
    assert raised.group_contains(OSError)


@given(st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_whatever_fails_and_whoever_crashes_all_is_told_once(
    seed: int, concurrency: int
) -> None:
    asyncio.run(_trading_day(random.Random(seed), concurrency))


async def _trading_day(rng: random.Random, concurrency: int) -> None:
    shop = Shop()
    here = make(shop=shop, concurrency=concurrency)
    stock = dict.fromkeys((f"S{i}" for i in range(4)), 0)
    trouble = True

    async def before(_: str) -> None:
        await asyncio.sleep(0)
        match trouble and rng.randrange(12):
            case 1:
                raise Ambiguous("dropped", reason="no_answer")
            case 2:
                raise Throttled("slow down", status=429, retry_after_s=0.001)

    async def after(_: str) -> None:
        await asyncio.sleep(0)
        if trouble and rng.randrange(6) == 0:
            raise Ambiguous("500 after the write", status=500)

    for sequence in range(1, 9):
        here.client.gate, here.client.after = before, after
        async with running(here.delivery):
            changed = rng.sample(sorted(stock), rng.randint(1, 4))
            for sku in changed:
                stock[sku] = max(0, stock[sku] + rng.randint(-3, 4))
            here.partition.levels(
                *(level(stock[sku], sequence, sku=sku) for sku in changed)
            )
            for _ in range(rng.randrange(12)):
                await asyncio.sleep(0)
            for entry_id in list(shop.entries):
                if rng.randrange(4) == 0:
                    shop.touch(entry_id)
        # The worker is gone, and with it whatever it had not reported.
        here = make(shop=shop, partition=here.partition, concurrency=concurrency)
    trouble = False
    async with running(here.delivery):
        await here.settled()
    told = here.quantities()
    assert told == {sku: stock[sku] for sku in told}
    assert all(stock[sku] == 0 for sku in stock if sku not in told)
