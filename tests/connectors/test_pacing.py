"""How fast we ask: never more at once than allowed, and together when told to wait."""

import asyncio
import random
from datetime import UTC, datetime

import pytest

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
    full_jitter,
    slow_down,
)
from streams.connectors.session import RETRY_AFTER_MAX_S, retry_after_s
from tests.support.pacing import STOCK, is_free, pace


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
