"""What the demo tells while it runs: counters, workers, the last events in words."""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

RECENT_MAX = 12

Listener = Callable[[str, str], None]
"""Hears each sentence, with the time of day it belongs to."""


@dataclass(slots=True)
class WorkerView:
    """One worker, as seen from outside.

    Attributes:
        state: starting, serving, killed, restoring.
        lag: Records it has yet to apply.
    """

    state: str = "starting"
    lag: int = 0
    restarts: int = 0


@dataclass(slots=True)
class Story:
    """Everything there is to show."""

    seed: int
    phase: str = "Opening"
    clock: datetime | None = None
    progress: float = 0.0
    workers: dict[str, WorkerView] = field(default_factory=dict)
    numbers: Counter[str] = field(default_factory=Counter)
    recent: deque[tuple[str, str]] = field(
        default_factory=lambda: deque(maxlen=RECENT_MAX)
    )
    listener: Listener | None = None
    begun: float = field(default_factory=time.monotonic)

    def say(self, sentence: str) -> None:
        """Tell one thing that happened."""
        at = f"{self.clock:%H:%M}" if self.clock is not None else ""
        self.recent.append((at, sentence))
        if self.listener is not None:
            self.listener(at, sentence)

    def enter(self, phase: str) -> None:
        """Begin the next part of the demo."""
        self.phase = phase
        self.say(phase)

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since the demo began."""
        return time.monotonic() - self.begun
