"""The API against its own OpenAPI document: schemathesis asks, all its checks judge."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from streams.engine.errors import BrokerUnavailable
from streams.web.ports import Unavailable
from tests.web.conftest import Worker
from tests.web.test_server import web


@pytest.fixture(scope="module")
def running() -> Iterator[Worker]:
    """A worker in a thread of its own, as schemathesis asks without asyncio."""
    worker = Worker()
    # The names in the document's examples, so that they are answered with 200.
    worker.ledger.put("TEE-BLACK-M", "LDN01", on_hand=7, reserved=2, safety_stock=1)
    worker.ledger.put("TEE-BLACK-M", "LDN02", on_hand=-1, damaged=1)
    entries = [{"sequence": number, "kind": "sale"} for number in range(1, 60)]
    worker.journal.rows["TEE-BLACK-M", "LDN01"] = entries
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


described = schemathesis.openapi.from_dict(web()._pages.openapi())


ask = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@described.parametrize()
@ask
def test_every_operation_keeps_to_the_document(case: Any, running: Worker) -> None:
    case.call_and_validate(base_url=running.url)


@described.parametrize()
@ask
def test_a_worker_that_cannot_answer_keeps_to_the_document_too(
    case: Any, running: Worker
) -> None:
    ledger, sink = running.ledger, running.sink
    ledger.elsewhere = dict.fromkeys(range(4), Unavailable(2, "it restores"))
    ledger.not_ready_because = "it restores"
    sink.failure = BrokerUnavailable("gone", remedy="wait", retry_after_s=1)
    try:
        answer = case.call(base_url=running.url)
    finally:
        ledger.elsewhere, ledger.not_ready_because, sink.failure = {}, "", None

    case.validate_response(answer, excluded_checks=[not_a_server_error])
    if answer.status_code == 503:
        assert answer.headers["retry-after"]
    else:
        assert answer.status_code < 500
