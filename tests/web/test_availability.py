"""What is available: shapes, unknown names, moving owners, odd names."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from streams.web import levels, models
from tests.web.conftest import Serve, Worker, stock
from tests.web.fakes import FakeLedger

LDN01 = {
    "location_id": "LDN01",
    "on_hand": 7,
    "reserved": 2,
    "safety_stock": 1,
    "available": 4,
    "damaged": 0,
    "in_transit": 12,
    "sequence": 9,
    "as_of": "2025-03-01T10:15:02.345000Z",
}
LDN02 = {
    "location_id": "LDN02",
    "on_hand": 3,
    "reserved": 0,
    "safety_stock": 0,
    "available": 3,
    "damaged": 1,
    "in_transit": 0,
    "sequence": 4,
    "as_of": "2025-03-01T10:15:02.345000Z",
}
TEE = {"sku": "TEE", "available": 7, "locations": [LDN01, LDN02], "staleness_s": 0.0}


async def test_a_sku_is_answered_with_all_its_locations(worker: Worker) -> None:
    answer = await worker.client.get("/v1/availability/TEE")

    assert answer.status_code == 200
    assert answer.json() == TEE
    assert list(answer.json()) == ["sku", "available", "locations", "staleness_s"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_location_is_answered_alone(worker: Worker) -> None:
    answer = await worker.client.get("/v1/availability/TEE/LDN02")

    assert answer.status_code == 200
    assert answer.json() == {"sku": "TEE", **LDN02, "staleness_s": 0.0}


async def test_staleness_is_told_in_whole_milliseconds(worker: Worker) -> None:
    worker.ledger.staleness_s = 1.23456

    answer = await worker.client.get("/v1/availability/TEE")

    assert answer.json()["staleness_s"] == 1.235


async def test_a_sku_does_not_take_in_skus_that_begin_with_its_name(
    worker: Worker,
) -> None:
    worker.ledger.put("TEE2", "LDN01", on_hand=50)

    answer = await worker.client.get("/v1/availability/TEE")

    assert answer.json() == TEE


async def test_an_oversold_location_offers_nothing_and_takes_nothing_from_others(
    worker: Worker,
) -> None:
    worker.ledger.put("CAP", "LDN01", on_hand=-2)
    worker.ledger.put("CAP", "LDN02", on_hand=5)

    answer = (await worker.client.get("/v1/availability/CAP")).json()

    assert [row["available"] for row in answer["locations"]] == [0, 5]
    assert answer["locations"][0]["on_hand"] == -2
    assert answer["available"] == 5


NAMES = [
    "A/B",
    "A B",
    "100%",
    "%41",
    "a+b",
    "Jäger",
    "鞋-42",
    "..",
    ".",
    "A.B",
    "?x",
    "#1",
    "query",
    "a;b=c",
    "x" * 256,
    "'quoted\"",
    "\\",
    "[1]",
    "~",
]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
async def test_any_name_reaches_its_row(serve: Serve, fast: bool) -> None:
    worker = await serve(fast=fast)
    ask = worker.client.get
    for sku in NAMES:
        worker.ledger.put(sku, sku, on_hand=3)
        worker.journal.rows[sku, sku] = [{"sequence": 1}]
        name = quote(sku, safe="").replace(".", "%2E")

        everywhere = (await ask(f"/v1/availability/{name}")).json()
        there = (await ask(f"/v1/availability/{name}/{name}")).json()
        journal = (await ask(f"/v1/ledger/{name}/{name}")).json()

        assert everywhere["sku"] == there["sku"] == there["location_id"] == sku
        assert (journal["sku"], journal["location_id"]) == (sku, sku)
    answer = await worker.client.post("/v1/availability/query", json={"skus": NAMES})
    assert [item["sku"] for item in answer.json()["items"]] == NAMES


PATHS = [
    "/v1/availability/TEE",
    "/v1/availability/TEE/LDN01",
    "/v1/availability/TEE?pretty=1",
    "/v1/availability/NONE",
    "/v1/availability/TEE/NONE",
    "/v1/availability/BUSY",
    "/v1/availability/BUSY/LDN01",
    "/v1/availability/%FF",
    "/v1/availability/TEE/%FF",
    "/v1/availability/",
    "/v1/availability/TEE/",
    "/v1/availability//LDN01",
    "/v1/availability/TEE/LDN01/more",
]


@pytest.mark.parametrize("path", PATHS)
async def test_fast_and_slow_path_answer_the_same_bytes(
    serve: Serve, path: str
) -> None:
    ledger = FakeLedger(staleness_s=0.4217)
    stock(ledger)
    ledger.put("BUSY", "LDN01", on_hand=1)
    ledger.restore("BUSY")
    fast = await serve(ledger)
    slow = await serve(ledger, fast=False)

    answers = [await web.client.get(path) for web in (fast, slow)]

    assert _essence(answers[0]) == _essence(answers[1])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer reader"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer feeder"},
        {"authorization": "Basic cmVhZGVy"},
    ],
)
async def test_fast_and_slow_path_let_in_the_same_callers(
    serve: Serve, headers: dict[str, str], keys: str
) -> None:
    answers = []
    for fast in (True, False):
        web = await serve(fast=fast, api_keys=keys)
        stock(web.ledger)
        answers.append(await web.client.get("/v1/availability/TEE", headers=headers))

    assert _essence(answers[0]) == _essence(answers[1])


async def test_an_unknown_sku_is_404_and_says_what_to_check(worker: Worker) -> None:
    answer = await worker.client.get("/v1/availability/tee")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:oneshelf:problem:sku-unknown"
    assert (answer.json()["field"], answer.json()["value"]) == ("sku", "tee")


async def test_an_unknown_location_of_a_known_sku_is_404(worker: Worker) -> None:
    answer = await worker.client.get("/v1/availability/TEE/MOON")

    assert answer.status_code == 404
    assert answer.json()["field"] == "location_id"
    assert answer.json()["value"] == "MOON"


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(0, "1"), (0.2, "1"), (3, "3"), (3.01, "4"), (1e9, "3600")],
)
async def test_a_restoring_owner_is_503_with_the_time_to_wait(
    worker: Worker, seconds: float, header: str
) -> None:
    worker.ledger.restore("TEE", seconds)

    for path in ("/v1/availability/TEE", "/v1/availability/TEE/LDN01"):
        answer = await worker.client.get(path)

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == header
        assert "the owner restores its state" in answer.json()["detail"]


async def test_a_fault_of_ours_is_a_500_problem_and_the_next_request_works(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    logs: list[MutableMapping[str, Any]],
) -> None:
    def broken(sku: bytes) -> Any:
        raise ZeroDivisionError

    for fast in (True, False):
        worker = await serve(fast=fast)
        stock(worker.ledger)
        with monkeypatch.context() as patch:
            patch.setattr(worker.ledger, "owner_of", broken)
            answer = await worker.client.get("/v1/availability/TEE")
        assert answer.status_code == 500
        assert answer.json()["type"] == "urn:oneshelf:problem:internal"
        assert (await worker.client.get("/v1/availability/TEE")).json() == TEE
        assert "ZeroDivisionError" in repr(logs[-1]["exc_info"])


def test_the_documented_shapes_are_the_answered_ones() -> None:
    pairs: list[tuple[Any, Any]] = [
        (levels.SkuLevels, models.SkuAvailability),
        (levels.LocationLevel, models.LocationAvailability),
        (levels.LocationAnswer, models.LocationAnswer),
        (levels.QueryAnswer, models.AvailabilityQueryAnswer),
    ]
    for answered, documented in pairs:
        assert set(answered.__struct_fields__) == set(documented.model_fields)


def _essence(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = [(k, v) for k, v in answer.headers.items() if k != "date"]
    return answer.status_code, answer.content, headers
