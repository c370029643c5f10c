"""The harness itself: a worker that ends unasked fails the test, whoever looks."""

import asyncio
from pathlib import Path

import pytest

from streams.readiness import free_port
from streams.worker import EXIT_REFUSED
from tests.integration.harness import EndedByItself, WorkerProcess, shelf

pytestmark = pytest.mark.kafka


async def an_accident(worker: WorkerProcess) -> None:
    """Let it die of something that the test knows nothing of."""
    worker.start()
    if worker.process is not None:
        worker.process.kill()
        await asyncio.to_thread(worker.process.wait)


async def test_a_worker_that_ends_unasked_fails_the_test(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with shelf(broker, topic_prefix, tmp_path) as made:
        worker = made.worker("w0")
        await an_accident(worker)

        with pytest.raises(EndedByItself, match=r"w0 ended by itself with \[-9\]"):
            made.assert_none_ended_by_itself()
        worker.surprises, worker.may_end = [], True


async def test_starting_it_again_does_not_hide_it(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with shelf(broker, topic_prefix, tmp_path) as made:
        worker = made.worker("w0")
        await an_accident(worker)
        worker.start()
        await worker.kill()

        with pytest.raises(EndedByItself):
            made.assert_none_ended_by_itself()
        worker.surprises = []


async def test_nobody_waits_for_a_worker_that_has_ended_unasked(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with shelf(broker, topic_prefix, tmp_path) as made:
        worker = made.worker("w0")
        # Nobody answers there.
        worker.start(broker=f"127.0.0.1:{free_port()}")

        with pytest.raises(EndedByItself, match=r"w0 ended by itself with \[3\]"):
            await made.all_ready()
        worker.may_end = True


async def test_what_the_test_did_itself_is_no_accident(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with shelf(broker, topic_prefix, tmp_path) as made:
        killed, stopped, refused = (made.worker(name) for name in "abc")
        killed.start()
        await killed.kill()
        stopped.start()
        await stopped.stop()
        refused.start(broker="")
        assert await refused.wait() == EXIT_REFUSED
