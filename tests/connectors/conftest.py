"""A commercetools sandbox for each test, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from streams.connectors.commercetools import CommercetoolsClient
from streams.sandbox.commercetools import SandboxConfig, SandboxServer
from tests.connectors.sandbox import settings_for


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxConfig()) as running:
        yield running


@pytest.fixture
async def client(server: SandboxServer) -> AsyncIterator[CommercetoolsClient]:
    async with CommercetoolsClient(settings_for(server.url)) as connected:
        yield connected
