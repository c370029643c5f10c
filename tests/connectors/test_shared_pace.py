"""One pace for all clients of a vendor: who goes first, and who waits with whom.

Time is virtual: it passes only where nothing else is left to do.
"""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.connectors.errors import Throttled
from streams.connectors.pacing import Turn, Urgency, slow_down
from tests.support.pacing import (
    ORDERS,
    READS,
    STOCK,
    asking,
    in_virtual_time,
    is_free,
    most_within,
    now,
    pace,
)


def test_all_clients_together_stay_within_the_limit() -> None:
    async def run() -> None:
        async with asking(pace(rate=50), STOCK, ORDERS, ORDERS, READS) as sent:
            await asyncio.sleep(20)
        times = [at for at, _ in sent]
        assert 998 <= len(times) <= 1005
        assert most_within(times, 0.999) <= 50 + 5  # A rest's burst, once.
        assert most_within(times[5:], 0.999) <= 50

    in_virtual_time(run())


def test_the_group_shares_the_limit_and_knows_when_it_grows() -> None:
    async def run() -> None:
        size = [2]
        async with asking(pace(rate=40, workers=lambda: size[0]), STOCK) as sent:
            await asyncio.sleep(10)
            of_two = len(sent)
            size[0] = 4
            await asyncio.sleep(10)
        assert 199 <= of_two <= 203
        assert 99 <= len(sent) - of_two <= 103

    in_virtual_time(run())


def test_nobody_counted_is_still_one_who_may_ask() -> None:
    async def run() -> None:
        assert await is_free(pace(rate=1, workers=lambda: 0))

    in_virtual_time(run())


def test_stock_goes_first_then_orders_and_reads_are_not_starved() -> None:
    async def run() -> None:
        async with asking(pace(rate=50), READS, ORDERS, STOCK) as sent:
            await asyncio.sleep(60)
        shares = Counter(urgency for _, urgency in sent)
        total = len(sent)
        assert 0.65 < shares[STOCK] / total < 0.75
        assert 0.15 < shares[ORDERS] / total < 0.25
        assert 0.08 < shares[READS] / total < 0.15

    in_virtual_time(run())


def test_what_is_left_of_two_goes_to_the_more_urgent_one() -> None:
    async def run() -> None:
        async with asking(pace(rate=50), READS, ORDERS) as sent:
            await asyncio.sleep(60)
        shares = Counter(urgency for _, urgency in sent)
        assert 0.85 < shares[ORDERS] / len(sent) < 0.92

    in_virtual_time(run())


def test_a_lane_alone_has_the_whole_limit() -> None:
    async def run() -> None:
        async with asking(pace(rate=50), READS) as sent:
            await asyncio.sleep(10)
        assert len(sent) >= 499

    in_virtual_time(run())


def test_where_places_are_short_the_more_urgent_one_gets_the_next() -> None:
    async def run() -> None:
        shared = pace(concurrency=1)
        turn = await shared.lane(READS).turn()
        waiting: list[asyncio.Task[Turn]] = []
        for urgency in (READS, ORDERS, STOCK):
            waiting.append(asyncio.create_task(shared.lane(urgency).turn()))
            await asyncio.sleep(0)
        went: list[asyncio.Task[Turn]] = []
        while len(went) < len(waiting):
            turn.release()
            await asyncio.sleep(0.1)
            (went_now,) = [t for t in waiting if t.done() and t not in went]
            went.append(went_now)
            turn = went_now.result()
        assert went == waiting[::-1]

    in_virtual_time(run())


def test_a_turn_under_way_is_not_kept_waiting_by_those_without_a_place() -> None:
    async def run() -> None:
        shared = pace(concurrency=1, rate=10)
        turn = await shared.lane(READS).turn()
        await turn.next()
        async with asking(shared, STOCK) as sent:
            await turn.next()
            await turn.next()
            assert sent == []
            turn.release()
            await asyncio.sleep(1)
            assert sent

    in_virtual_time(run())


@pytest.mark.parametrize("hit", [STOCK, ORDERS, READS])
def test_being_told_to_wait_by_one_client_holds_every_other(hit: Urgency) -> None:
    async def run() -> None:
        shared = pace(rate=50)
        async with asking(shared, STOCK, ORDERS, READS) as sent:
            await asyncio.sleep(1)
            turn = await shared.lane(hit).turn()
            slow_down(turn, Throttled("", status=429, retry_after_s=7))
            turn.release()
            told_at = now()
            await asyncio.sleep(20)
        during = [at for at, _ in sent if told_at < at < told_at + 7]
        assert during == []
        after = {urgency for at, urgency in sent if at >= told_at + 7}
        assert after == set(Urgency)

    in_virtual_time(run())


def test_an_overload_of_one_client_leaves_fewer_places_for_all() -> None:
    async def run() -> None:
        shared = pace()
        for _ in range(100):
            shared.succeeded()
        turn = await shared.lane(READS).turn()
        turn.failed()
        turn.release()
        taken = [await shared.lane(STOCK).turn() for _ in range(4)]
        assert not await is_free(shared, STOCK)
        for each in taken:
            each.release()

    in_virtual_time(run())


def test_a_lane_that_waits_for_a_person_holds_nobody_else() -> None:
    async def run() -> None:
        shared = pace()
        shared.lane(STOCK).pause(15)
        assert not await is_free(shared, STOCK)
        assert await is_free(shared, ORDERS)
        async with asyncio.timeout(20):
            (await shared.lane(STOCK).turn()).release()
        assert 15 <= now() < 15.1

    in_virtual_time(run())


def test_a_request_of_a_turn_given_up_is_left_to_the_next() -> None:
    async def run() -> None:
        shared = pace(rate=0.1)
        turn = await shared.lane(STOCK).turn()
        await turn.next()
        waiting = asyncio.create_task(shared.lane(READS).turn())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(10):
            await turn.next()
        assert now() == pytest.approx(10)

    in_virtual_time(run())


def test_who_is_cancelled_just_when_let_go_gives_back_place_and_request() -> None:
    async def run() -> None:
        shared = pace(concurrency=1, rate=0.01)
        turn = await shared.lane(STOCK).turn()
        waiting = asyncio.create_task(shared.lane(STOCK).turn())
        await asyncio.sleep(0)
        turn.release()  # Nothing was sent: its request may go to the one who waits.
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await is_free(shared)
        assert now() < 1

    in_virtual_time(run())


Act = tuple[Urgency, int, float, bool]
acts = st.lists(
    st.tuples(
        st.sampled_from(Urgency),
        st.integers(0, 3),
        st.sampled_from([0.0, 0.01, 0.3]),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@given(acts, st.integers(1, 3))
def test_whoever_asks_gets_through_and_places_are_never_exceeded(
    plan: list[Act], concurrency: int
) -> None:
    async def run() -> None:
        shared = pace(concurrency=concurrency, rate=20)
        busy = [0]
        times: list[float] = []

        async def work(act: Act) -> None:
            urgency, requests, lasts_s, throttled = act
            turn = await shared.lane(urgency).turn()
            busy[0] += 1
            assert busy[0] <= concurrency
            for _ in range(requests):
                await turn.next()
                times.append(now())
                await asyncio.sleep(lasts_s)
            if throttled:
                turn.throttled(0.5)
            else:
                turn.succeeded()
            busy[0] -= 1
            turn.release()

        async with asyncio.timeout(600):
            await asyncio.gather(*(work(act) for act in plan))
        if times:
            assert most_within(times, 0.999) <= 20 + 2

    in_virtual_time(run())
