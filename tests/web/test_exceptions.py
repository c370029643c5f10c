"""The exceptions list over HTTP, with the stage itself behind it."""

from typing import Any

import httpx
import pytest

from streams.engine.errors import BrokerUnavailable
from streams.topics import NEWSTORE_EVENTS, STOCK_LEVELS
from streams.web.ports import Remote, Unavailable
from tests.support.newstore import body, item, opened
from tests.web.cases import FakeCases, desk_of
from tests.web.conftest import Serve, Worker
from tests.web.fakes import PARTITIONS, FakeLedger


@pytest.fixture
def cases() -> FakeCases:
    """Two cases of one cause in two partitions, and one of another."""
    made = FakeCases()
    made.park(1, "order-1", b"{}")
    made.park(2, "order-2", b"{}")
    made.park(2, "order-3", b"[]", reason="wrong_type")
    return made


@pytest.fixture
async def worker(serve: Serve, cases: FakeCases) -> Worker:
    return await serve(desk=desk_of(cases))


async def listed(worker: Worker, **params: Any) -> list[dict[str, Any]]:
    answer = await worker.client.get("/v1/exceptions", params=params)
    assert answer.status_code == httpx.codes.OK, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def case_id(worker: Worker, entity: str) -> str:
    return next(
        str(one["id"]) for one in await listed(worker) if one["entity_id"] == entity
    )


async def act(worker: Worker, entity: str, what: str, **content: Any) -> httpx.Response:
    path = f"/v1/exceptions/{await case_id(worker, entity)}/{what}"
    return await worker.client.post(path, json=content)


# Reading


async def test_the_list_is_one_over_all_partitions_oldest_first(
    worker: Worker,
) -> None:
    items = await listed(worker)

    assert {one["entity_id"] for one in items} == {"order-1", "order-2", "order-3"}
    assert [one["place"] for one in items] == sorted(one["place"] for one in items)
    assert items[0]["sentence"].startswith("missing_field")


async def test_pages_follow_each_other_without_gap_or_repeat(worker: Worker) -> None:
    seen, after = [], ""
    while True:
        answer = await worker.client.get(
            "/v1/exceptions", params={"limit": 1, "after": after}
        )
        seen += [one["entity_id"] for one in answer.json()["items"]]
        after = answer.json()["next"]
        if after is None:
            break

    assert sorted(seen) == ["order-1", "order-2", "order-3"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"reason": "wrong_type"}, {"order-3"}),
        ({"kind": "malformed"}, {"order-1", "order-2", "order-3"}),
        ({"kind": "unknown_sku"}, set()),
        ({"owner": "bea"}, {"order-2"}),
        ({"state": "assigned"}, {"order-2"}),
        ({"state": "dismissed"}, {"order-3"}),
        ({"state": ["open", "dismissed"]}, {"order-1", "order-3"}),
        ({}, {"order-1", "order-2"}),
    ],
)
async def test_the_list_can_be_narrowed(
    worker: Worker, asked: dict[str, Any], found: set[str]
) -> None:
    await act(worker, "order-2", "assign", owner="bea")
    if "reason" not in asked and "kind" not in asked:
        await act(worker, "order-3", "dismiss")

    assert {one["entity_id"] for one in await listed(worker, **asked)} == found


async def test_groups_are_summed_over_partitions(worker: Worker) -> None:
    answer = await worker.client.get("/v1/exceptions/groups")

    first, second = answer.json()["items"]
    assert (first["reason"], first["unfinished"]) == ("missing_field", 2)
    assert (second["reason"], second["cases"]) == ("wrong_type", {"open": 1})


async def test_a_case_is_shown_with_its_bytes_and_its_history(worker: Worker) -> None:
    name = await case_id(worker, "order-3")

    shown = (await worker.client.get(f"/v1/exceptions/{name}")).json()

    (record,) = shown["parked_records"]
    assert (record["key"], record["body"], record["edited_body"]) == (
        "order-3",
        "[]",
        None,
    )
    assert [note["what"] for note in shown["history"]] == ["parked"]


@pytest.mark.parametrize("name", ["1-ffff", "9-ffff", "x", "1-", "123456-ab", "1-a_b"])
async def test_an_unknown_case_is_a_404(worker: Worker, name: str) -> None:
    for answer in (
        await worker.client.get(f"/v1/exceptions/{name}"),
        await worker.client.post(f"/v1/exceptions/{name}/retry", json={}),
    ):
        assert answer.status_code == httpx.codes.NOT_FOUND
        assert answer.json()["value"] == name


async def test_a_part_that_nobody_has_makes_the_list_unavailable(
    worker: Worker, cases: FakeCases
) -> None:
    cases.elsewhere[3] = Unavailable(2, "its owner restores its state")

    answer = await worker.client.get("/v1/exceptions")

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.headers["retry-after"] == "2"


# Acting


async def test_an_edit_and_a_retry_send_the_new_bytes(
    worker: Worker, cases: FakeCases
) -> None:
    edited = await act(worker, "order-1", "edit", body="[1]", by="ann", note="typo")
    assert edited.json()["state"] == "fixed"
    retried = await act(worker, "order-1", "retry", by="ann")

    assert retried.json()["state"] == "resubmitted"
    assert cases.stands[1].sent()[-1].value == b"[1]"
    (record,) = retried.json()["parked_records"]
    assert (record["body"], record["edited_body"]) == ("{}", "[1]")
    assert retried.json()["history"][-2]["who"] == "ann"


async def test_bytes_that_are_no_text_travel_in_base64(
    worker: Worker, cases: FakeCases
) -> None:
    await act(worker, "order-1", "edit", body_base64="/w==")
    await act(worker, "order-1", "retry")
    assert cases.stands[1].sent()[-1].value == b"\xff"

    wrong = await act(worker, "order-2", "edit", body_base64="#")
    nothing = await act(worker, "order-2", "edit")
    assert [wrong.status_code, nothing.status_code] == [422, 422]


async def test_which_record_to_edit_must_be_named_where_several_wait(
    worker: Worker, cases: FakeCases
) -> None:
    cases.park(1, "order-1", b"{}")
    unclear = await act(worker, "order-1", "edit", body="x")
    foreign = await act(worker, "order-1", "edit", body="x", record="a/0/9")
    named = await act(
        worker, "order-1", "edit", body="x", record=f"{NEWSTORE_EVENTS.name}/1/1"
    )

    assert [a.status_code for a in (unclear, foreign, named)] == [409, 409, 200]


async def test_what_the_state_forbids_is_a_conflict(worker: Worker) -> None:
    name = await case_id(worker, "order-1")
    await act(worker, "order-1", "dismiss", note="a test")

    answer = await worker.client.post(
        f"/v1/exceptions/{name}/assign", json={"owner": "ann"}
    )

    assert answer.status_code == httpx.codes.CONFLICT
    assert "dismissed" in answer.json()["detail"]


async def test_a_command_not_taken_yet_is_accepted(
    worker: Worker, cases: FakeCases
) -> None:
    cases.is_asleep = True

    answer = await act(worker, "order-1", "assign", owner="ann")

    assert answer.status_code == httpx.codes.ACCEPTED


async def test_a_broker_that_is_away_is_a_503(worker: Worker, cases: FakeCases) -> None:
    cases.failure = BrokerUnavailable("away", remedy="wait", retry_after_s=3)

    answer = await act(worker, "order-1", "dismiss")

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.headers["retry-after"] == "3"


async def test_a_group_is_retried_in_every_partition(
    worker: Worker, cases: FakeCases
) -> None:
    group = (await listed(worker, reason="missing_field"))[0]["group_id"]

    answer = await worker.client.post(f"/v1/exceptions/groups/{group}/retry", json={})

    assert answer.status_code == httpx.codes.ACCEPTED
    states = {one["entity_id"]: one["state"] for one in await listed(worker)}
    assert states == {
        "order-1": "resubmitted",
        "order-2": "resubmitted",
        "order-3": "open",
    }


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"owner": 1}', b'{"nobody": "x"}'])
async def test_a_body_that_is_wrong_is_a_422(worker: Worker, content: bytes) -> None:
    name = await case_id(worker, "order-1")

    answer = await worker.client.post(f"/v1/exceptions/{name}/assign", content=content)

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["remedy"]


# Trying out


async def test_a_dry_run_shows_the_stock_and_changes_nothing(
    worker: Worker, cases: FakeCases
) -> None:
    good = body(opened(item("u1", product_id="MUG")))
    await act(worker, "order-1", "edit", body=good.decode())
    name = await case_id(worker, "order-1")

    answer = await worker.client.post(f"/v1/exceptions/{name}/retry?dry_run=true")

    told = answer.json()
    assert (told["records"], told["parked"], told["left_out"]) == (1, [], 0)
    (level,) = told["levels"]
    assert level["sku"] == "MUG"
    assert level["before"] == {"on_hand": 0, "reserved": 0, "available": 0}
    assert level["after"]["on_hand"] == -1
    (entry,) = told["entries"]
    assert (entry["movement_id"], entry["quantity"]) == ("sale:u1", 1)
    assert told["outcomes"] == {"applied": 1}
    assert (await listed(worker))[0]["state"] == "fixed"
    assert len(cases.stands[1].sent()) == 1
    assert STOCK_LEVELS.name not in cases.stands[1].topics


async def test_a_dry_run_says_what_would_be_parked_again(worker: Worker) -> None:
    group = (await listed(worker, reason="missing_field"))[0]["group_id"]

    answer = await worker.client.post(
        f"/v1/exceptions/groups/{group}/retry?dry_run=true"
    )

    told = answer.json()
    assert (told["records"], told["levels"]) == (2, [])
    assert {one["reason"] for one in told["parked"]} == {"missing_field"}


# Many workers


@pytest.fixture
async def two(serve: Serve, cases: FakeCases) -> tuple[Worker, Worker]:
    """Two workers: the second has partition 2 of the list, and all of the ledger."""
    second_cases = FakeCases(stands=cases.stands)
    second = await serve(desk=desk_of(second_cases))
    ledger = FakeLedger()
    ledger.elsewhere = {each: Remote(second.url) for each in range(PARTITIONS)}
    first = await serve(ledger=ledger, desk=desk_of(cases))
    cases.elsewhere[2] = Remote(second.url)
    for each in (0, 1, 3):
        second_cases.elsewhere[each] = Remote(first.url)
    return first, second


async def test_any_worker_answers_for_the_whole_list(
    two: tuple[Worker, Worker],
) -> None:
    answers = [[one["id"] for one in await listed(worker, limit=2)] for worker in two]
    groups = [
        (await worker.client.get("/v1/exceptions/groups")).json() for worker in two
    ]

    assert answers[0] == answers[1]
    assert len(answers[0]) == 2
    assert groups[0] == groups[1]


async def test_any_worker_takes_what_people_ask(
    two: tuple[Worker, Worker], cases: FakeCases
) -> None:
    first, _ = two

    answer = await act(first, "order-2", "assign", owner="bea")
    assert answer.json()["owner"] == "bea"
    name = await case_id(first, "order-2")
    assert (await first.client.get(f"/v1/exceptions/{name}")).json()["owner"] == "bea"

    good = body(opened(item("u1", product_id="MUG")))
    await act(first, "order-2", "edit", body=good.decode())
    told = await first.client.post(f"/v1/exceptions/{name}/retry?dry_run=true")
    assert told.json()["outcomes"] == {"applied": 1}


async def test_another_workers_problem_is_passed_on(
    two: tuple[Worker, Worker],
) -> None:
    first, _ = two
    for path in ("2-ffff", "2-ffff/retry?dry_run=true"):
        method = first.client.post if "?" in path else first.client.get
        answer = await method(f"/v1/exceptions/{path}")

        assert answer.status_code == httpx.codes.NOT_FOUND
        assert answer.json()["type"] == "urn:oneshelf:problem:case-unknown"


# Keys


async def test_reading_and_acting_need_their_scopes(
    serve: Serve, cases: FakeCases, keys: str
) -> None:
    worker = await serve(desk=desk_of(cases), api_keys=keys)
    reader = {"Authorization": "Bearer reader"}
    boss = {"Authorization": "Bearer boss"}
    seen = await worker.client.get("/v1/exceptions", headers=reader)
    name = seen.json()["items"][0]["id"]
    path = f"/v1/exceptions/{name}/dismiss"

    refused = await worker.client.post(path, json={}, headers=reader)
    done = await worker.client.post(path, json={"by": "ann"}, headers=boss)

    assert (await worker.client.get("/v1/exceptions")).status_code == 401
    assert refused.status_code == httpx.codes.FORBIDDEN
    assert done.json()["history"][-1]["who"] == "ann (desk)"
