"""What tests share: a broker to talk to and names of their own on it."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from streams.engine.embedded import EmbeddedBroker


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests: nobody shall wait for them alone.

    Raises:
        pytest.UsageError: A test on the broker whose file `scripts/test` cannot tell.
    """
    slow = {each.path for each in items if each.get_closest_marker("slow")}
    items.sort(key=lambda each: each.path not in slow)
    on_broker = {each.path for each in items if each.get_closest_marker("kafka")}
    for path in on_broker:
        if "mark.kafka" not in path.read_text():
            raise pytest.UsageError(f"{path} must say `pytest.mark.kafka` itself")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield a broker's address: the one `scripts/test` started, or an embedded one."""
    address = os.environ.get("ONESHELF_TEST_BROKER", "")
    if address:
        yield address
        return
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as embedded:
        yield embedded.address


@pytest.fixture(scope="session")
def broker_kind() -> str:
    """Say what `broker` is: `apache` or `embedded`."""
    if not os.environ.get("ONESHELF_TEST_BROKER"):
        return "embedded"
    return os.environ.get("ONESHELF_TEST_BROKER_KIND", "apache")


@pytest.fixture
def topic_prefix() -> str:
    """Return a prefix that no other test uses, for topics, groups and transactions."""
    return f"t{uuid4().hex[:12]}-"
