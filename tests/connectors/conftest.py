"""A commercetools sandbox for each test, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import respx

from streams.connectors.commercetools import CommercetoolsClient
from streams.sandbox.commercetools import SandboxConfig, SandboxServer
from tests.connectors.mocked import mocked
from tests.connectors.sandbox import settings_for


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxConfig()) as running:
        yield running


@pytest.fixture
async def client(server: SandboxServer) -> AsyncIterator[CommercetoolsClient]:
    async with CommercetoolsClient(settings_for(server.url)) as connected:
        yield connected


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    """Answer in the vendor's place."""
    with mocked() as router:
        yield router
