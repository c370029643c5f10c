"""The exceptions list against its own OpenAPI document: schemathesis judges."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from prometheus_client import CollectorRegistry

from streams.web.app import Web
from tests.web.cases import FakeCases, desk_of
from tests.web.conftest import Worker
from tests.web.conftest import settings as web_settings
from tests.web.fakes import FakeJournal, FakeLedger, FakeSink


def filled() -> FakeCases:
    """Cases in every partition, enough to page through."""
    made = FakeCases()
    for number in range(12):
        made.park(number % 4, f"order-{number}", b"{}")
    return made


CASES = filled()


def document() -> dict[str, Any]:
    """Describe the routes of the list, with ids in the examples that there are."""
    web = Web(
        settings=web_settings(),
        ledger=FakeLedger(),
        sink=FakeSink(),
        journal=FakeJournal(),
        registry=CollectorRegistry(),
        exceptions=desk_of(CASES),
    )
    described: dict[str, Any] = web._pages.openapi()
    paths = described["paths"]
    described["paths"] = {
        path: paths[path]
        for path in paths
        if path.startswith(("/v1/exceptions", "/v1/effects"))
    }
    case_id = CASES.stands[0].cases()[0].case.case_id
    for operations in described["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "case_id":
                    parameter["schema"]["examples"] = [case_id]
    return described


@pytest.fixture(scope="module")
def running() -> Iterator[Worker]:
    """A worker in a thread of its own, as schemathesis asks without asyncio."""
    worker = Worker(desk=desk_of(CASES))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> None:
        await worker.serve().start()

    asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield worker
    asyncio.run_coroutine_threadsafe(worker.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


described = schemathesis.openapi.from_dict(document())


@described.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_every_operation_keeps_to_the_document(case: Any, running: Worker) -> None:
    case.call_and_validate(base_url=running.url)
