"""A stand-in served from a thread with a loop of its own."""

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from streams.sandbox.listening import listen, loop_factory, url_of

START_TIMEOUT_S = 20.0


class Address(Protocol):
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


class Served(Protocol):
    """A stand-in that says where it listens."""

    @property
    def config(self) -> Address: ...


S = TypeVar("S", bound=Served)
T = TypeVar("T")


class ThreadedServer(ABC, Generic[S]):
    """A sandbox behind a real port."""

    name: str

    def __init__(self, sandbox: S) -> None:
        self.sandbox = sandbox
        self.url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()

    @abstractmethod
    async def serve(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve until `end`; call `ready` once requests are answered."""

    @abstractmethod
    def end(self) -> None:
        """Have `serve` come to its end; called from another thread."""

    def worked(self) -> None:
        """Hear that something was done to the sandbox past its API."""
        return

    def start(self) -> Self:
        """Listen and return once requests are answered; `url` says where."""
        listener = listen(self.sandbox.config.host, self.sandbox.config.port)
        self.url = url_of(listener)
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name=self.name, daemon=True
        )
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise TimeoutError("The sandbox did not start")
        return self

    def stop(self) -> None:
        """Stop listening and wait for the thread to end."""
        if self._thread is None:
            return
        self.end()
        self._thread.join()
        self._thread = None

    def call(self, operation: Callable[[S], T]) -> T:
        """Run an operation on the sandbox, on its own thread, and return its result."""
        if self._loop is None or self._thread is None:
            raise RuntimeError("The sandbox is not running")

        async def run() -> T:
            try:
                return operation(self.sandbox)
            finally:
                self.worked()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, listener: socket.socket) -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner, listener:
            self._loop = runner.get_loop()
            runner.run(self.serve(listener, self._ready.set))
