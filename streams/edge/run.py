"""Runs a store edge as a process: input, outbox, forwarder, a line now and then."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

from streams.edge.http import serving
from streams.edge.intake import Answer, LineIntake
from streams.edge.producer import EdgeProducer, EdgeStatus
from streams.engine.produce import LogWriter
from streams.settings import Settings

REPORT_INTERVAL_S = 5.0

Report = Callable[[EdgeStatus], None]

_log = structlog.get_logger(__name__)


async def run_edge(
    settings: Settings,
    spool_dir: Path,
    *,
    stdin: int | None = None,
    http_port: int | None = None,
    answer: Answer | None = None,
    report: Report | None = None,
    report_interval_s: float = REPORT_INTERVAL_S,
    delivery_timeout_s: float = 10.0,
) -> EdgeStatus:
    """Accept and forward events; return the last status.

    Ends at SIGTERM or SIGINT: then nothing more is taken, and what is not delivered
    within seconds stays in the spool. Without HTTP it also ends when `stdin` has ended
    and everything is delivered.

    Args:
        stdin: File descriptor to read events from, one JSON object a line.
        http_port: Loopback port to listen on; 0 takes a free one.
        answer: Gets a JSON line for every input line, once it is durable.
        report: Gets the status every interval and at the end; logged where None.

    Raises:
        Misconfigured, SpoolBusy, SpoolUnusable, PortTaken: It cannot start.
    """
    writer = LogWriter(settings, delivery_timeout_s=delivery_timeout_s)
    edge = EdgeProducer(spool_dir, writer, clock=_now)
    tell = report or _log_status
    try:
        with _stop_signals() as stop:
            async with edge, _listening(edge, http_port):
                await _work(
                    edge, stdin, http_port, answer, stop, tell, report_interval_s
                )
            status = edge.status()
            tell(status)
            return status
    finally:
        await writer.stop()


async def _work(
    edge: EdgeProducer,
    stdin: int | None,
    http_port: int | None,
    answer: Answer | None,
    stop: asyncio.Event,
    tell: Report,
    interval_s: float,
) -> None:
    """Run until a stop, a fault, or the end of all there is to do."""
    awaited = {
        asyncio.create_task(stop.wait(), name="edge-stop"),
        asyncio.create_task(edge.failed(), name="edge-failed"),
    }
    background = {asyncio.create_task(_report(edge, tell, interval_s))}
    if stdin is not None:
        finishes = http_port is None
        intake = asyncio.create_task(_take_lines(edge, stdin, answer, drain=finishes))
        (awaited if finishes else background).add(intake)
    try:
        while True:
            done, _ = await asyncio.wait(
                awaited | background, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            if done & awaited:
                return
            background -= done
    finally:
        for task in awaited | background:
            task.cancel()
        await asyncio.wait(awaited | background)


async def _take_lines(
    edge: EdgeProducer, stdin: int, answer: Answer | None, *, drain: bool
) -> None:
    await LineIntake(edge, answer=answer).run(stdin)
    _log.info("edge_input_ended")
    if drain:
        await edge.drained()


async def _report(edge: EdgeProducer, tell: Report, interval_s: float) -> None:
    while True:
        await asyncio.sleep(interval_s)
        tell(edge.status())


@contextlib.asynccontextmanager
async def _listening(edge: EdgeProducer, port: int | None) -> AsyncIterator[None]:
    if port is None:
        yield
        return
    async with serving(edge, port) as actual:
        _log.info("edge_listening", host="127.0.0.1", port=actual)
        yield


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _log_status(status: EdgeStatus) -> None:
    _log.info(
        "edge_progress",
        accepted=status.accepted,
        delivered=status.delivered,
        rejected=status.rejected,
        backlog=status.backlog_count,
        backlog_bytes=status.backlog_bytes,
        oldest_age_s=status.oldest_age_s,
        delivery_error=status.delivery_error,
    )


def _now() -> datetime:
    return datetime.now(UTC)
