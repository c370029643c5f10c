"""Runs one worker process: until told to stop, or until it must not go on."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import structlog
import uvloop

from streams.config_check import problems_of
from streams.engine.admin import check_topics
from streams.engine.errors import EngineError
from streams.logs import configure_logs
from streams.settings import Settings
from streams.wiring import STAGES, Worker

log = structlog.get_logger(__name__)

EXIT_REFUSED = 2
"""The start-up check refused: a person must act; starting again does not help."""

EXIT_UNAVAILABLE = 3
"""The start-up check found no broker: nothing is wrong here, start again later."""

EXIT_FAILED = 70
"""Something failed that retrying did not mend; start the worker again."""

STOP_TIMEOUT_S = 20.0

FOLDS_NICER_BY = 4
"""Behind a front: where processors are scarce, who asks goes before what is folded."""

THREADS_SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another waits for it. Faust reads
the log in a thread of its own, with a few steps for each answer of the broker; with
Python's 5 ms for each of them, records arrive late as soon as the folds are busy."""


def main(settings: Settings) -> NoReturn:
    """Run a worker; end the process with its exit code."""
    configure_logs(settings.worker_id)
    uvloop.run(_run_and_leave(settings))
    raise SystemExit(EXIT_FAILED)


async def _run_and_leave(settings: Settings) -> None:
    code = await run(settings)
    # All that matters is closed, or must not be waited for: the event loop's own end
    # takes up to half a minute over threads, and for ever over a consumer that retries.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def run(
    settings: Settings, on_ready: Callable[[Worker], None] | None = None
) -> int:
    """Start, serve, stop at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    problems = problems_of(settings)
    for problem in problems:
        log.critical("worker_refused", setting=problem.setting, cause=problem.sentence)
    if problems:
        return EXIT_REFUSED
    try:
        await check_topics(settings, STAGES)
        worker = Worker(settings, progress=_log_progress)
    except (EngineError, ValueError, OSError) as error:
        return _refused(error)
    calm_garbage_collector()
    starting = asyncio.create_task(worker.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _settle_in(settings)
            log.info("worker_ready", url=worker.web.url)
            if on_ready is not None:
                on_ready(worker)
        return await _serve(worker, stopping)
    except (EngineError, OSError) as error:
        return _refused(error)
    except Exception as error:
        log.critical("worker_failed", cause=repr(error), exc_info=error)
        return EXIT_FAILED
    finally:
        stopping.cancel()
        starting.cancel()


def _settle_in(settings: Settings) -> None:
    """Share out the processors, now that all is loaded."""
    calm_garbage_collector()
    sys.setswitchinterval(THREADS_SWITCH_S)
    if settings.http_front:
        os.nice(FOLDS_NICER_BY)


def _refused(error: Exception) -> int:
    log.critical("worker_refused", cause=str(error))
    retriable = getattr(error, "retriable", False)
    return EXIT_UNAVAILABLE if retriable else EXIT_REFUSED


def calm_garbage_collector() -> None:
    """Collect cycles seldom: a batch makes many objects at once, and few cycles.

    With Python's defaults (700 new objects, all of them walked every 70,000) the
    collector walks the reference data again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _serve(worker: Worker, stopping: "asyncio.Task[bool]") -> int:
    if not stopping.done():
        failing = asyncio.create_task(worker.wait_for_failure())
        await asyncio.wait([failing, stopping], return_when=asyncio.FIRST_COMPLETED)
        if failing.done() and not stopping.done():
            log.critical("worker_failed", cause=repr(failing.result()))
            return EXIT_FAILED
        failing.cancel()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await worker.stop()
    except TimeoutError:
        log.warning("worker_stopped_hard", after_s=STOP_TIMEOUT_S)
        return EXIT_FAILED
    log.info("worker_stopped")
    return 0


def _log_progress(done: int, total: int) -> None:
    log.info("restoring", records=done, of=total)
