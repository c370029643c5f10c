"""Injected exits for fault tests: a worker that dies at a named step of the commit."""

import os
import signal
from collections.abc import Callable

from streams.engine.commit import no_crash
from streams.settings import Settings

STEPS = (
    "before_transaction",
    "changelog_sent",
    "outputs_sent",
    "offsets_sent",
    "before_commit",
    "after_commit",
    "after_store",
)


def crash_point(settings: Settings) -> Callable[[str], None]:
    """Return what to call at each step: nothing, or a kill -9 at the chosen one.

    `settings.crash_at` is `step` or `step:n`, the n-th time the step is reached.
    """
    if not settings.crash_at:
        return no_crash
    wanted, _, times = settings.crash_at.partition(":")
    left = int(times or "1")

    def maybe_crash(step: str) -> None:
        nonlocal left
        if step == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return maybe_crash
