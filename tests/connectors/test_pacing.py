"""How fast we ask: never more at once than allowed, and together when told to wait.

Time is virtual: it passes only where nothing else is left to do.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.connectors.errors import (
    Ambiguous,
    ConnectorError,
    Refused,
    Throttled,
    Unavailable,
    VersionConflict,
)
from streams.connectors.pacing import (
    CUT_INTERVAL_S,
    FAILURES_BEFORE_PAUSE,
    Lane,
    Pace,
    Turn,
    Urgency,
    full_jitter,
    slow_down,
)
from streams.connectors.session import RETRY_AFTER_MAX_S, retry_after_s
from streams.simulation.virtual import VirtualLoop

STOCK, ORDERS, READS = Urgency


def in_virtual_time(run: Coroutine[Any, Any, None]) -> None:
    """Run to the end without waiting for anything."""
    loop = VirtualLoop(0.0)
    try:
        loop.finish(run)
    finally:
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


def pace(
    *,
    concurrency: int = 8,
    rate: float = 1e6,
    workers: Callable[[], int] = lambda: 1,
) -> Pace:
    return Pace(
        concurrency_max=concurrency,
        requests_per_second=rate,
        rng=random.Random(1),
        workers=workers,
    )


async def is_free(held: Pace, urgency: Urgency = STOCK) -> bool:
    try:
        async with asyncio.timeout(0.02):
            turn = await held.lane(urgency).turn()
    except TimeoutError:
        return False
    turn.release()
    return True


async def ask(lane: Lane, sent: list[tuple[float, Urgency]], urgency: Urgency) -> None:
    """Send one request after the other, as a courier does that never runs dry."""
    while True:
        turn = await lane.turn()
        await turn.next()
        sent.append((now(), urgency))
        turn.release()


@asynccontextmanager
async def asking(
    shared: Pace, *urgencies: Urgency
) -> AsyncIterator[list[tuple[float, Urgency]]]:
    """Have clients ask all they can until the block ends."""
    sent: list[tuple[float, Urgency]] = []
    tasks = [asyncio.create_task(ask(shared.lane(u), sent, u)) for u in urgencies]
    try:
        yield sent
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def most_within(times: Sequence[float], window_s: float) -> int:
    """Count the requests of the busiest window."""
    return max(sum(t <= u < t + window_s for u in times) for t in times)


async def test_it_begins_gently_and_grows_to_its_limit() -> None:
    held = pace()
    assert held.concurrency == 2
    for _ in range(100):
        held.succeeded()
    assert held.concurrency == 8


async def test_of_one_at_a_time_there_is_never_a_second() -> None:
    held = pace(concurrency=1)
    turn = await held.lane(STOCK).turn()
    assert not await is_free(held)
    turn.release()
    turn.release()  # Harmless.
    first = await held.lane(STOCK).turn()
    assert not await is_free(held)
    first.release()


async def test_one_overload_cuts_once_however_many_it_hits() -> None:
    held = pace()
    for _ in range(100):
        held.succeeded()
    for _ in range(4):
        held.failed()
    assert held.concurrency == 4


async def test_it_never_falls_below_one() -> None:
    held = pace(concurrency=1)
    for _ in range(3):
        held.failed()
    assert held.concurrency == 1
    assert CUT_INTERVAL_S > 0


async def test_being_told_to_wait_holds_everyone() -> None:
    held = pace()
    turn = await held.lane(STOCK).turn()
    turn.throttled(30)
    turn.release()
    assert not await is_free(held)
    assert 20 < held.paused_for_s <= 30


async def test_after_the_wait_it_goes_on() -> None:
    held = pace()
    held.throttled(0.01)
    async with asyncio.timeout(20):
        turn = await held.lane(STOCK).turn()
    assert held.paused_for_s == 0
    turn.release()


async def test_the_longest_wait_counts() -> None:
    held = pace()
    held.throttled(5.0)
    held.throttled(0.1)
    assert held.paused_for_s > 1


async def test_failures_in_a_row_pause_and_one_success_ends_the_row() -> None:
    held = pace()
    for _ in range(FAILURES_BEFORE_PAUSE - 1):
        held.failed()
    held.succeeded()
    held.failed()
    assert held.paused_for_s == 0
    for _ in range(FAILURES_BEFORE_PAUSE):
        held.failed()
    assert held.paused_for_s > 0


async def test_a_turn_pays_for_its_first_request_only() -> None:
    held = pace(rate=0.01)  # A burst of one, then one in 100 s.
    turn = await held.lane(STOCK).turn()
    async with asyncio.timeout(20):
        await turn.next()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await turn.next()
    turn.release()


async def test_a_turn_that_sent_nothing_gives_its_request_back() -> None:
    held = pace(rate=0.01)
    turn = await held.lane(STOCK).turn()
    turn.release()
    async with asyncio.timeout(20):
        again = await held.lane(STOCK).turn()
    await again.next()
    again.release()
    assert not await is_free(held)


async def test_a_turn_given_up_while_waiting_leaves_its_place() -> None:
    held = pace(concurrency=1, rate=1e6)
    held.throttled(0.2)
    assert not await is_free(held)
    async with asyncio.timeout(20):
        (await held.lane(STOCK).turn()).release()


# --- One pace for all clients of a vendor ---


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


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (Throttled("", status=429, retry_after_s=3), "throttled 3"),
        (Throttled("", status=429), "throttled None"),
        (Unavailable("", status=503), "throttled None"),
        (Throttled("", status=403, retry_after_s=60), "throttled 60"),
        (Unavailable(""), "failed"),
        (Ambiguous("", status=500), "failed"),
        (Ambiguous("", status=504, retry_after_s=1), "throttled 1"),
        (VersionConflict("", status=409), ""),
        (Refused("", status=400), ""),
    ],
)
def test_only_what_may_mean_too_many_requests_slows_us_down(
    error: ConnectorError, heard: str
) -> None:
    class Hearing:
        heard = ""

        async def next(self) -> None: ...

        def succeeded(self) -> None: ...

        def failed(self) -> None:
            self.heard = "failed"

        def throttled(self, retry_after_s: float | None) -> None:
            self.heard = f"throttled {retry_after_s}"

    turn = Hearing()
    slow_down(turn, error)
    assert turn.heard == heard


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


@pytest.mark.parametrize("attempt", [0, 1, 5, 1000])
def test_jitter_stays_below_its_ceiling(attempt: int) -> None:
    rng = random.Random(attempt)
    drawn = [full_jitter(rng, 0.2, 10.0, attempt) for _ in range(200)]
    ceiling = min(10.0, 0.2 * 2.0 ** min(attempt, 30))
    assert 0 <= min(drawn) < ceiling / 4
    assert ceiling * 3 / 4 < max(drawn) <= ceiling


NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("0", 0.0),
        ("7", 7.0),
        ("99999", RETRY_AFTER_MAX_S),
        ("Sat, 21 Nov 2026 09:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 08:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 09:00:30 -0000", 30.0),
    ],
)
def test_retry_after_is_read(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds
