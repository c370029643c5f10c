"""Answers reported some at a time: each alone would cost the stage a transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

REPORT_LINGER_S = 0.25
"""What commerce was told is known here at once; the log may hear of it a moment later:
who comes after us and has not heard asks the entry itself."""

Answer = tuple[bytes, bytes]
Append = Callable[[Sequence[Answer]], Awaitable[object]]
"""Appends answers (key, value) to `commerce-answers`; returns when they are durable."""


class Reports:
    """Gathers answers for a moment and appends them together (fits delivery.Report)."""

    def __init__(self, append: Append, *, linger_s: float = REPORT_LINGER_S) -> None:
        self._append = append
        self._linger_s = linger_s
        self._waiting: list[Answer] = []
        self._sending: asyncio.Task[None] | None = None

    async def __call__(self, key: bytes, value: bytes) -> None:
        """Report an answer; returns when it is durable."""
        self._waiting.append((key, value))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="reports")
            self._sending.add_done_callback(_look_at)
        # One who is cancelled must not cancel it for the others.
        await asyncio.shield(self._sending)

    async def _send(self) -> None:
        await asyncio.sleep(self._linger_s)
        # Whoever comes from now on waits for the next one.
        answers, self._waiting = self._waiting, []
        self._sending = None
        await self._append(answers)


def _look_at(task: "asyncio.Task[None]") -> None:
    # Whoever waited may have been cancelled: then its error is nobody's.
    if not task.cancelled():
        task.exception()
