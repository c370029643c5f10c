"""Virtual time: coroutines wait as long as they like, and nobody else does."""

import asyncio

import pytest

from streams.simulation.virtual import VirtualLoop


def test_time_passes_only_as_far_as_it_may() -> None:
    loop, woken = VirtualLoop(0.0), []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((seconds, loop.time()))

    tasks = [loop.create_task(sleep(seconds)) for seconds in (3600.0, 5.0)]
    loop.run_until(60.0)

    assert woken == [(5.0, 5.0)]
    assert loop.time() == 60.0

    loop.run_until(4000.0)

    assert woken == [(5.0, 5.0), (3600.0, 3600.0)]
    assert all(task.done() for task in tasks)
    loop.close()


def test_what_is_set_from_outside_is_heard_at_the_next_run() -> None:
    loop, event = VirtualLoop(10.0), asyncio.Event()

    async def wait() -> float:
        await event.wait()
        return loop.time()

    task = loop.create_task(wait())
    loop.run_until(20.0)
    event.set()
    loop.run_until(30.0)

    assert task.result() == 20.0
    loop.close()


def test_a_failure_that_nobody_awaits_is_raised() -> None:
    loop = VirtualLoop(0.0)

    def fail() -> None:
        raise ValueError("late")

    loop.call_later(5, fail)

    with pytest.raises(ValueError, match="late"):
        loop.run_until(10)
    loop.close()
