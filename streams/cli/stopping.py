"""Ends what a command runs: at Ctrl-C, at SIGTERM, and where its terminal goes away."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TextIO, TypeVar

from streams.cli.interrupts import ended_at_once

T = TypeVar("T")

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
STOPPING = "Stopping; Ctrl-C again kills the rest."


class Stopped(Exception):
    """A signal ended the work; what the work had started is stopped."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return the exit code as shells number it."""
        return 128 + self.number


def run_until_stopped(work: Coroutine[Any, Any, T], say: Callable[[str], None]) -> T:
    """Do the work to its end, or until a signal cancels it; return its result.

    Another signal cancels it again: what is being stopped then hurries. Signals that
    our parent has us ignore (`nohup`) are ignored.

    Raises:
        Stopped: A signal came first.
    """
    try:
        # Until its handlers are there, nothing is started that a signal could leave.
        with ended_at_once():
            return asyncio.run(_until_stopped(work, say))
    except Stopped:
        # All that is left is to leave: a further Ctrl-C must not disturb that.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise


async def _until_stopped(work: Coroutine[Any, Any, T], say: Callable[[str], None]) -> T:
    task = asyncio.create_task(work)
    heard: list[signal.Signals] = []
    on_terminal = [each for each in (sys.stdout, sys.stderr) if each.isatty()]

    def stop(number: signal.Signals) -> None:
        heard.append(number)
        task.cancel()
        if number is signal.SIGHUP:
            _silence(on_terminal)
        if len(heard) == 1:
            say(STOPPING)

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)
    await asyncio.wait([task])
    if heard and task.cancelled():
        raise Stopped(heard[0])
    return task.result()


def _silence(streams: Iterable[TextIO]) -> None:
    """Write to nowhere what would go to the terminal: it is gone, and writing fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
