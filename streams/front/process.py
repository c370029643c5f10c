"""Serving through a front: the worker's side of the process that callers talk to."""

import asyncio
import contextlib
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import structlog

from streams.front.feed import FollowedAnswers
from streams.front.frames import Opening, Told, Wanted, frame, frames
from streams.settings import Settings
from streams.web.ports import LedgerPort
from streams.web.server import Application, CannotListen, WebServer, listen

log = structlog.get_logger(__name__)

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
LISTEN_PATIENCE_S = 5.0
"""A front whose worker was killed lets go of its port at once, but not before."""
BEAT_S = 0.05


class FrontFailed(RuntimeError):
    """The front did not start, or ended by itself; the worker must start anew."""


class FrontedServer:
    """Serves an application as `WebServer` does, with a front before it.

    The worker listens; the front accepts. Look-ups are answered there from what the
    worker tells at each commit, events are stored from there, and all the rest is
    asked of the application over a socket that only this machine's user can open.
    """

    def __init__(
        self,
        app: Application,
        settings: Settings,
        answers: FollowedAnswers,
        ledger: LedgerPort,
    ) -> None:
        self._settings = settings
        self._answers = answers
        self._ledger = ledger
        # Short: the path of a Unix socket holds about a hundred characters.
        self._folder = tempfile.TemporaryDirectory(prefix="oneshelf-")
        self._path = str(Path(self._folder.name) / "inner")
        inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        inner.bind(self._path)
        inner.setblocking(False)
        self._inner = WebServer(app, "worker", 0, listener=inner)
        self._port = settings.http_port
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._is_leaving = False

    @property
    def port(self) -> int:
        """The port in use; differs from the one asked for when that was 0."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        host = self._settings.http_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def start(self) -> None:
        """Listen, and return once requests are answered.

        Raises:
            CannotListen: The host and port cannot be had.
            FrontFailed: The front did not start.
        """
        await self._inner.start()
        with await self._listened() as listener:
            self._port = int(listener.getsockname()[1])
            ours, theirs = socket.socketpair()
            with theirs:
                fds = theirs.fileno(), listener.fileno()
                # It takes a millisecond, and runs our own module with two numbers.
                self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - see above
                    [sys.executable, "-m", "streams.front", *map(str, fds)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=fds,
                )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._writer.write(frame(Opening(pickle.dumps(self._settings), self._path)))
        self._answers.follow(self._say)
        self._tasks = [
            asyncio.create_task(self._hear(reader), name="front"),
            asyncio.create_task(self._beat(), name="front-beat"),
        ]
        await self._until_ready()

    async def stop(self) -> None:
        """Finish the requests under way, then close everything."""
        self._is_leaving = True
        self._answers.follow(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            try:
                await asyncio.to_thread(self._process.wait, STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        await self._inner.stop()
        self._folder.cleanup()

    async def wait_for_failure(self) -> BaseException:
        """Return once the front has ended although nobody asked it to."""
        await asyncio.gather(*self._tasks[:1], return_exceptions=True)
        if self._is_leaving:
            await asyncio.Event().wait()
        return FrontFailed("the front process ended; its log says why")

    async def _listened(self) -> socket.socket:
        end = time.monotonic() + LISTEN_PATIENCE_S
        while True:
            try:
                return listen(self._settings.http_host, self._port)
            except CannotListen:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(BEAT_S)

    async def _until_ready(self) -> None:
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                [ready, self._tasks[0]],
                timeout=START_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ready.cancel()
        if not self._ready.is_set():
            raise FrontFailed("the front process did not start; its log says why")

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        async for wanted in frames(reader, Wanted):
            if wanted.is_ready:
                self._ready.set()
            self._answers.wish(wanted)

    async def _beat(self) -> None:
        while True:
            self._say(Told({}, self._ledger.staleness()))
            await asyncio.sleep(BEAT_S)

    def _say(self, told: Told) -> None:
        if self._writer is not None:
            with contextlib.suppress(ConnectionError):
                self._writer.write(frame(told))
