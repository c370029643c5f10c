"""What integration tests share: a shelf of their own on the broker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.harness import Shelf, shelf


@pytest.fixture
async def house(broker: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Shelf]:
    """Yield topics and a sandbox without workers; take down whatever was started."""
    async with shelf(broker, topic_prefix, tmp_path) as made:
        yield made


@pytest.fixture
async def zombies(
    broker: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Shelf]:
    """Yield a shelf whose broker evicts a silent worker soon."""
    async with shelf(broker, topic_prefix, tmp_path, session_timeout_s=6.0) as made:
        yield made
