"""A pace and those who ask at it, in virtual time."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from streams.connectors.pacing import Lane, Pace, Urgency
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
