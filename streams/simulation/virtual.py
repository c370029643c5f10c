"""An event loop in virtual time: production's coroutines run, and nothing ever waits.

Time passes only inside `run_until`; what is due then happens in its order, always the
same way.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

FAR_S = 1e12
"""Later than everything: run until nothing is left to wait for."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock is a number; it stops where it would wait longer than allowed."""

    def __init__(self, now_s: float) -> None:
        self._now_s = self._until_s = now_s
        self.failures: list[BaseException] = []
        super().__init__(_Selector(self))
        self.set_exception_handler(_keep)

    def time(self) -> float:
        return self._now_s

    def run_until(self, until_s: float) -> None:
        """Let everything happen that is due by then.

        Raises:
            BaseException: Something that nobody awaits has failed.
        """
        self._until_s = max(until_s, self._now_s)
        self.run_forever()
        self._now_s = max(self._now_s, until_s)
        if self.failures:
            raise self.failures.pop(0)

    def finish(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, however long that takes; time passes."""
        self._until_s = FAR_S
        return self.run_until_complete(coroutine)

    def passed(self, wait_s: float | None) -> None:
        """Let time pass instead of waiting, or stop where it may not."""
        if wait_s is None or self._now_s + wait_s > self._until_s:
            self.stop()
        else:
            self._now_s += wait_s


class _Selector(selectors.DefaultSelector):
    """Never waits for the outside: there is none."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._loop.passed(timeout)
        return []


def _keep(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception") or RuntimeError(context["message"])
    if isinstance(loop, VirtualLoop):
        loop.failures.append(error)
