"""Many SKUs at once: order, repeats, unknown ones, all or nothing."""

import asyncio
import time

from tests.web.conftest import Worker


async def ask(worker: Worker, *skus: str) -> tuple[int, dict[str, object]]:
    answer = await worker.client.post(
        "/v1/availability/query", json={"skus": list(skus)}
    )
    return answer.status_code, answer.json()


async def test_items_come_in_the_order_asked_and_unknown_ones_are_named(
    worker: Worker,
) -> None:
    worker.ledger.put("CAP", "LDN01", on_hand=2)

    answer = await worker.client.post(
        "/v1/availability/query", json={"skus": ["NO", "TEE", "NIX", "CAP"]}
    )

    tee = (await worker.client.get("/v1/availability/TEE")).json()
    cap = (await worker.client.get("/v1/availability/CAP")).json()
    assert answer.json() == {"items": [tee, cap], "unknown": ["NO", "NIX"]}


async def test_a_repeated_sku_is_answered_once(worker: Worker) -> None:
    status, answer = await ask(worker, "TEE", "NO", "TEE", "NO")

    assert status == 200
    assert len(answer["items"]) == 1  # type: ignore[arg-type]  # A list, as JSON.
    assert answer["unknown"] == ["NO"]


async def test_one_sku_and_five_hundred_are_answered_but_not_501(
    worker: Worker,
) -> None:
    for number in range(501):
        worker.ledger.put(f"S{number}", "LDN01", on_hand=number)
    skus = [f"S{number}" for number in range(501)]

    assert (await ask(worker, *skus[:1]))[0] == 200
    status, answer = await ask(worker, *skus[:500])
    assert status == 200
    assert [item["available"] for item in answer["items"]] == list(range(500))  # type: ignore[attr-defined]  # A list, as JSON.
    status, problem = await ask(worker, *skus)
    assert status == 422
    assert problem["field"] == "skus"


async def test_one_unavailable_owner_makes_the_whole_query_unavailable(
    worker: Worker,
) -> None:
    worker.ledger.put("BUSY", "LDN01", on_hand=2)
    worker.ledger.restore("BUSY")

    answer = await worker.client.post(
        "/v1/availability/query", json={"skus": ["TEE", "BUSY"]}
    )

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "3"
    assert answer.json()["value"] == "BUSY"


async def test_a_large_query_lets_others_in_between(worker: Worker) -> None:
    """Ownership may move between turns; each SKU is read from who owns it then."""
    for number in range(500):
        worker.ledger.put(f"S{number}", "LDN01", on_hand=1)
    turns = 0
    asked = worker.ledger.owner_of

    def counted(sku: bytes) -> object:
        nonlocal turns
        turns += 1
        return asked(sku)

    worker.ledger.owner_of = counted  # type: ignore[method-assign, assignment]  # A spy around the fake's own answer.
    seen: list[int] = []

    async def watch() -> None:
        deadline = time.monotonic() + 10
        while turns < 500 and time.monotonic() < deadline:
            seen.append(turns)
            await asyncio.sleep(0)

    query = asyncio.create_task(ask(worker, *(f"S{n}" for n in range(500))))
    await watch()
    assert (await query)[0] == 200
    assert len({count for count in seen if 0 < count < 500}) >= 5
