"""What integration tests share: a shelf of their own on the broker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.worker import EXIT_FAILED
from tests.integration.harness import Shelf, shelf


@pytest.fixture
def forgiven(broker_kind: str) -> frozenset[int]:
    """Return the exit codes after which a worker may be started again unasked.

    The embedded broker loses some members that join at once; Apache Kafka does not.
    """
    return frozenset({EXIT_FAILED} if broker_kind == "embedded" else ())


@pytest.fixture
async def house(
    broker: str, topic_prefix: str, tmp_path: Path, forgiven: frozenset[int]
) -> AsyncIterator[Shelf]:
    """Yield topics and a sandbox without workers; take down whatever was started."""
    async with shelf(broker, topic_prefix, tmp_path, forgiven) as made:
        yield made


@pytest.fixture
async def zombies(
    broker: str, topic_prefix: str, tmp_path: Path, forgiven: frozenset[int]
) -> AsyncIterator[Shelf]:
    """Yield a shelf whose broker evicts a silent worker soon."""
    async with shelf(
        broker, topic_prefix, tmp_path, forgiven, session_timeout_s=6.0
    ) as made:
        yield made
