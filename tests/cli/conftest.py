"""A person at a terminal, and a worker's web behind it."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Said, Terminal
from tests.web.conftest import Worker
from tests.web.test_orders import FakeOrders


@pytest.fixture
def orders() -> FakeOrders:
    return FakeOrders()


@pytest.fixture
def worker(orders: FakeOrders) -> Iterator[Worker]:
    """A worker's web in a thread of its own, as commands ask without asyncio."""
    made = Worker(orders=orders)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> None:
        await made.serve().start()

    asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch, capsys)


class Run:
    """A person at a terminal."""

    def __init__(self, terminal: Terminal, url: str) -> None:
        self._terminal = terminal
        self._url = url

    def __call__(self, *words: str, **settings: str) -> Said:
        return self._terminal.run(*words, "--worker", self._url, **settings)


@pytest.fixture
def shell(terminal: Terminal, worker: Worker) -> Run:
    return Run(terminal, worker.url)
