"""Runs child processes: logs to files, restarts what fails, stops all in order."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 20.0
# A child that has run this long was healthy: its next failure is a new story.
HEALTHY_AFTER_S = 30.0
STOP_TIMEOUT_S = 25.0


@dataclass(slots=True, kw_only=True)
class Child:
    """One process to keep running.

    Attributes:
        final_codes: Exit codes after which starting again does not help.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    final_codes: frozenset[int] = frozenset({0, 2})
    restarts: int = 0
    started_at: float = 0.0
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        process = self.process
        running = process is not None and process.returncode is None
        return process.pid if process is not None and running else None


class Supervisor:
    """Keeps children running until stopped."""

    def __init__(
        self,
        on_event: Callable[[str, Child], None] | None = None,
        *,
        backoff_first_s: float = BACKOFF_FIRST_S,
        stop_timeout_s: float = STOP_TIMEOUT_S,
    ) -> None:
        self.children: dict[str, Child] = {}
        self.refused: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._on_event = on_event or _log_event
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._backoff_first_s = backoff_first_s
        self._stop_timeout_s = stop_timeout_s

    async def start(self, child: Child) -> None:
        """Start a child and watch it."""
        self.children[child.name] = child
        await self._spawn(child)
        self._watchers[child.name] = asyncio.create_task(self._watch(child))

    async def stop(self) -> None:
        """Stop the children, the last started first; kill what does not end in time.

        Who is cancelled while waiting for this is in a hurry: the rest is killed.
        """
        # First of all nobody may start a child again that has been stopped.
        for watcher in self._watchers.values():
            watcher.cancel()
        try:
            await asyncio.gather(*self._watchers.values(), return_exceptions=True)
            for child in reversed(list(self.children.values())):
                await self._stop_one(child)
        except asyncio.CancelledError:
            await self._kill_all()
            raise

    async def _spawn(self, child: Child) -> None:
        child.log_file.parent.mkdir(parents=True, exist_ok=True)
        with child.log_file.open("ab") as output:
            child.process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **child.environment},
                # Ctrl-C in the terminal is ours to pass on, in order.
                start_new_session=True,
            )
        child.started_at = time.monotonic()
        self._on_event("started", child)

    async def _watch(self, child: Child) -> None:
        backoff = self._backoff_first_s
        while child.process is not None:
            code = await child.process.wait()
            if code in child.final_codes:
                self._on_event(f"ended with {code}", child)
                if not self.refused.done():
                    self.refused.set_result(child)
                return
            if time.monotonic() - child.started_at > HEALTHY_AFTER_S:
                backoff = self._backoff_first_s
            self._on_event(f"ended with {code}, restarting in {backoff:.1f} s", child)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, BACKOFF_MAX_S)
            child.restarts += 1
            try:
                await self._spawn(child)
            except OSError as error:
                # The process stays the ended one: the next round tries again.
                self._on_event(f"cannot be started: {error}", child)

    async def _stop_one(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._stop_timeout_s):
                await process.wait()
        except TimeoutError:
            self._on_event("killed: it did not stop in time", child)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _kill_all(self) -> None:
        running = [
            child.process
            for child in self.children.values()
            if child.process is not None and child.process.returncode is None
        ]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*(process.wait() for process in running))


def _log_event(what: str, child: Child) -> None:
    log.info("child", name=child.name, what=what, pid=child.pid)
