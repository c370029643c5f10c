"""Two workers share the SKUs: either answers for all, over one hop at most."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from streams.web import forwarding
from streams.web.ports import Remote
from tests.web.conftest import Serve, Worker
from tests.web.fakes import FakeLedger

SKUS = [f"SKU-{number}" for number in range(40)] + ["A/B", "..", "50%", "鞋"]


async def pair(serve: Serve, **values: Any) -> tuple[Worker, Worker]:
    """Two workers: the first owns partitions 0 and 1, the second 2 and 3."""
    first = await serve(FakeLedger(worker_id="worker-0", staleness_s=0.1), **values)
    second = await serve(FakeLedger(worker_id="worker-1", staleness_s=0.2), **values)
    for partition in (2, 3):
        first.ledger.elsewhere[partition] = Remote(second.url)
    for partition in (0, 1):
        second.ledger.elsewhere[partition] = Remote(first.url)
    for sku in SKUS:
        for worker in (first, second):
            if is_local(worker, sku):
                worker.ledger.put(sku, "LDN/1", on_hand=len(sku))
    return first, second


def is_local(worker: Worker, sku: str) -> bool:
    return not isinstance(worker.ledger.owner_of(sku.encode()), Remote)


async def test_either_worker_gives_the_same_bytes_for_every_sku(serve: Serve) -> None:
    first, second = await pair(serve)
    passed_on = 0
    for sku in SKUS:
        name = _quoted(sku)
        for path in (f"/v1/availability/{name}", f"/v1/availability/{name}/LDN%2F1"):
            answers = [await web.client.get(path) for web in (first, second)]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert answers[0].content == answers[1].content
            assert answers[0].headers["content-type"] == "application/json"
        passed_on += not is_local(first, sku)
    assert 0 < passed_on < len(SKUS)


async def test_an_owners_404_and_503_come_back_as_they_are(serve: Serve) -> None:
    first, second = await pair(serve)
    sku = next(sku for sku in SKUS if not is_local(first, sku))

    missing = await first.client.get(f"/v1/availability/{_quoted(sku)}/MOON")
    second.ledger.restore(sku, seconds=6)
    restoring = await first.client.get(f"/v1/availability/{_quoted(sku)}")

    assert missing.status_code == 404
    assert missing.json()["field"] == "location_id"
    assert missing.headers["content-type"] == "application/problem+json"
    assert restoring.status_code == 503
    assert restoring.headers["retry-after"] == "6"


async def test_a_query_gathers_from_all_owners_in_the_order_asked(serve: Serve) -> None:
    first, second = await pair(serve)
    asked = ["NONE", *SKUS, "NIX"]

    answers = [
        await web.client.post("/v1/availability/query", json={"skus": asked})
        for web in (first, second)
    ]

    assert answers[0].content == answers[1].content
    assert [item["sku"] for item in answers[0].json()["items"]] == SKUS
    assert answers[0].json()["unknown"] == ["NONE", "NIX"]
    assert {item["staleness_s"] for item in answers[0].json()["items"]} == {0.1, 0.2}


async def test_a_query_fails_whole_where_one_owner_restores(serve: Serve) -> None:
    first, second = await pair(serve)
    sku = next(sku for sku in SKUS if not is_local(first, sku))
    second.ledger.restore(sku, seconds=6)

    answer = await first.client.post("/v1/availability/query", json={"skus": SKUS})

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "6"


async def test_the_journal_is_asked_of_the_owner(serve: Serve) -> None:
    first, second = await pair(serve)
    sku = next(sku for sku in SKUS if not is_local(first, sku))
    second.journal.rows[sku, "LDN/1"] = [{"sequence": n} for n in (1, 2, 3)]

    answer = await first.client.get(f"/v1/ledger/{_quoted(sku)}/LDN%2F1?limit=2")

    assert answer.json()["entries"] == [{"sequence": 3}, {"sequence": 2}]


async def test_workers_that_point_at_each_other_stop_after_one_hop(
    serve: Serve,
) -> None:
    first, second = await pair(serve)
    for partition in range(4):
        first.ledger.elsewhere[partition] = Remote(second.url)
        second.ledger.elsewhere[partition] = Remote(first.url)

    for request in (
        first.client.get("/v1/availability/SKU-1"),
        first.client.post("/v1/availability/query", json={"skus": ["SKU-1"]}),
        first.client.get("/v1/ledger/SKU-1/LDN01"),
    ):
        answer = await request
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"] == "urn:oneshelf:problem:owner-moving"


async def test_a_request_that_was_passed_on_is_still_answered_by_its_owner(
    serve: Serve,
) -> None:
    first, _ = await pair(serve)
    sku = next(sku for sku in SKUS if is_local(first, sku))

    answer = await first.client.get(
        f"/v1/availability/{_quoted(sku)}", headers={"x-oneshelf-hop": "1"}
    )

    assert answer.status_code == 200


async def test_an_owner_that_is_gone_is_503(serve: Serve) -> None:
    first, second = await pair(serve)
    sku = next(sku for sku in SKUS if not is_local(first, sku))
    await second.server.stop()

    answer = await first.client.get(f"/v1/availability/{_quoted(sku)}")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["value"] == second.url


async def test_an_owner_that_hangs_is_503_in_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "ANSWER_TIMEOUT_S", 0.1)
    worker = await serve()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            writer.close()

    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        for partition in range(4):
            worker.ledger.elsewhere[partition] = Remote(f"http://127.0.0.1:{port}")
        answer = await worker.client.get("/v1/availability/TEE")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:oneshelf:problem:owner-silent"


async def test_the_callers_key_is_passed_on_and_checked_by_the_owner(
    serve: Serve, keys: str
) -> None:
    first, _ = await pair(serve, api_keys=keys)
    sku = next(sku for sku in SKUS if not is_local(first, sku))
    path = f"/v1/availability/{_quoted(sku)}"

    for key, status in (("reader", 200), ("feeder", 403), ("wrong", 401)):
        headers = {"authorization": f"Bearer {key}"}
        assert (await first.client.get(path, headers=headers)).status_code == status


def _quoted(sku: str) -> str:
    return quote(sku, safe="").replace(".", "%2E")
