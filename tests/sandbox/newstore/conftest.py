"""A served stand-in for the tests of this folder, empty at the start of each."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from streams.sandbox.newstore import Sandbox, SandboxServer
from tests.sandbox.newstore.desk import Desk
from tests.sandbox.newstore.serving import CONFIG, DEADLINE_S, Hub, sign_in


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    async with found.http:
        await found.sign_in()
        yield found


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(CONFIG) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[httpx.Client]:
    server.call(Sandbox.reset)
    with httpx.Client(base_url=server.url, timeout=DEADLINE_S) as found:
        sign_in(found)
        yield found


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub()
    yield found
    found.close()
