"""How the worker is: live, ready, metrics, and the document of the API."""

import json
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from streams.web.metrics import ROUTES
from tests.web.conftest import Serve, Worker


async def test_a_working_process_is_live(worker: Worker) -> None:
    answer = await worker.client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"live": True})


async def test_a_stopped_worker_is_not_live(worker: Worker) -> None:
    worker.ledger.is_live = False

    answer = await worker.client.get("/health/live")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:oneshelf:problem:not-live"


async def test_a_ready_worker_describes_itself(worker: Worker) -> None:
    answer = await worker.client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "worker": worker.ledger.status()}


async def test_a_restoring_worker_says_why_and_how_far(worker: Worker) -> None:
    worker.ledger.not_ready_because = "2 of 4 partitions are restoring"

    answer = await worker.client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["detail"] == "2 of 4 partitions are restoring"
    assert answer.json()["worker"] == worker.ledger.status()


async def test_metrics_are_those_of_the_worker_and_of_the_web(serve: Serve) -> None:
    registry = CollectorRegistry()
    Counter("movements", "Movements", registry=registry).inc(3)
    worker = await serve(registry=registry)
    worker.ledger.put("TEE", "LDN01", on_hand=1)
    for path in ("TEE", "TEE", "TEE/LDN01", "NONE", "A%2FB/C"):
        await worker.client.get(f"/v1/availability/{path}")
    await worker.client.get("/secret-of-someone")

    answer = await worker.client.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "movements_total 3.0" in answer.text
    count = "oneshelf_http_request_seconds_count"
    one, two = "/v1/availability/{sku}", "/v1/availability/{sku}/{location_id}"
    assert f'{count}{{route="{one}",status="200"}} 2.0' in answer.text
    assert f'{count}{{route="{one}",status="404"}} 1.0' in answer.text
    assert f'{count}{{route="{two}",status="200"}} 1.0' in answer.text
    assert f'{count}{{route="{two}",status="404"}} 1.0' in answer.text
    assert f'{count}{{route="other",status="404"}} 1.0' in answer.text
    assert "secret" not in answer.text


async def document(worker: Worker) -> dict[str, Any]:
    answer = await worker.client.get("/v1/openapi.json")
    assert answer.status_code == 200
    content: dict[str, Any] = answer.json()
    return content


async def test_the_document_is_openapi_3_1_and_describes_every_route(
    worker: Worker,
) -> None:
    described = await document(worker)

    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == ROUTES - {"/v1/openapi.json"}
    for operations in described["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]
            assert "200" in operation["responses"]


async def test_answers_are_like_the_documents_examples(worker: Worker) -> None:
    described = await document(worker)
    example = described["components"]["schemas"]["SkuAvailability"]["examples"][0]
    row = example["locations"][0]
    names = ("on_hand", "reserved", "safety_stock", "in_transit", "sequence")
    worker.ledger.put(
        example["sku"], row["location_id"], **{name: row[name] for name in names}
    )
    worker.ledger.staleness_s = example["staleness_s"]

    answer = await worker.client.get(f"/v1/availability/{example['sku']}")

    assert answer.json() == example


async def test_nothing_is_loaded_from_elsewhere(worker: Worker) -> None:
    for path in ("/docs", "/redoc"):
        assert (await worker.client.get(path)).status_code == 404
    assert "http" not in json.dumps(await document(worker)).replace('"http"', "")
