"""Ctrl-C while modules are being loaded. Imports nothing that takes time to load."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process, without a word, while there is nothing to stop.

    Python's own way, an exception, is lost in some modules and a traceback in others.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
