"""Why is it 3: the journal of a row over HTTP."""

import pytest

from streams.engine.errors import BrokerUnavailable
from tests.web.conftest import Worker


@pytest.fixture
def journal(worker: Worker) -> Worker:
    worker.journal.rows["TEE", "LDN01"] = [
        {"sequence": number, "kind": "sale"} for number in range(1, 1202)
    ]
    return worker


async def entries(worker: Worker, query: str = "") -> list[int]:
    answer = await worker.client.get(f"/v1/ledger/TEE/LDN01{query}")
    assert answer.status_code == 200
    assert list(answer.json()) == ["sku", "location_id", "entries"]
    return [entry["sequence"] for entry in answer.json()["entries"]]


async def test_the_newest_fifty_entries_come_first(journal: Worker) -> None:
    assert await entries(journal) == list(range(1201, 1151, -1))


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_a_limit_is_kept(journal: Worker, limit: int) -> None:
    assert len(await entries(journal, f"?limit={limit}")) == limit


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5", "", "9" * 5000])
async def test_a_limit_outside_its_range_is_refused(
    journal: Worker, limit: str
) -> None:
    answer = await journal.client.get(f"/v1/ledger/TEE/LDN01?limit={limit}")

    assert answer.status_code == 422
    assert answer.json()["field"] == "limit"


async def test_a_row_without_entries_is_404(journal: Worker) -> None:
    answer = await journal.client.get("/v1/ledger/TEE/MOON")

    assert answer.status_code == 404
    assert answer.json()["field"] == "location_id"


async def test_a_journal_that_cannot_be_read_is_503(journal: Worker) -> None:
    journal.journal.failure = BrokerUnavailable(
        "no broker", remedy="start it", retry_after_s=7
    )

    answer = await journal.client.get("/v1/ledger/TEE/LDN01")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"


async def test_a_journal_of_a_restoring_owner_is_503(journal: Worker) -> None:
    journal.ledger.restore("TEE")

    answer = await journal.client.get("/v1/ledger/TEE/LDN01")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "3"
