"""commercetools' messages: accepted only when stored, and stored as they are."""

import hashlib
import json
from typing import Any

import pytest

from streams.engine.errors import AppendError, BrokerUnavailable, RecordTooLarge
from streams.topics import COMMERCE_MESSAGES
from streams.web.bodies import Bodies
from tests.support.commerce_messages import (
    ORDER_ID,
    body,
    cloud_event,
    created,
    message,
    state_changed,
    trial_notice,
)
from tests.web.conftest import Serve, Worker

PATH = "/v1/events/commercetools"


@pytest.mark.parametrize(
    "said",
    [created(), cloud_event(created()), trial_notice(), message("MoonLanded"), {}, 7],
)
async def test_a_message_is_stored_byte_for_byte(worker: Worker, said: Any) -> None:
    raw = json.dumps(said, indent=1).encode()

    answer = await worker.client.post(PATH, content=raw)

    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": True,
        "topic": "commerce-messages",
        "records": 1,
    }
    ((topic, _, value, headers),) = worker.sink.records
    assert (topic, value) == (COMMERCE_MESSAGES.name, raw)
    assert headers["oneshelf-schema"] == b"CommerceMessage/1"


@pytest.mark.parametrize("said", [created(), cloud_event(created()), cloud_event(None)])
async def test_messages_of_an_order_share_its_key(worker: Worker, said: Any) -> None:
    await worker.client.post(PATH, content=body(said))

    assert worker.sink.records[0][1] == ORDER_ID.encode()


async def test_an_array_becomes_its_messages_in_order(worker: Worker) -> None:
    said = [created(), state_changed(), trial_notice()]

    answer = await worker.client.post(PATH, content=body(said))

    assert answer.json()["records"] == 3
    assert [json.loads(record[2]) for record in worker.sink.records] == said


async def test_an_array_of_nothing_is_accepted(worker: Worker) -> None:
    answer = await worker.client.post(PATH, content=b" []")

    assert (answer.status_code, answer.json()["records"]) == (200, 0)


async def test_a_cloud_event_in_binary_mode_keeps_its_attributes(
    worker: Worker,
) -> None:
    attributes = {"ce-id": "msg-1", "ce-type": "com.commercetools.order.message.X"}

    await worker.client.post(PATH, content=body(created()), headers=attributes)

    headers = worker.sink.records[0][3]
    assert headers["ce_id"] == b"msg-1"
    assert headers["ce_type"] == b"com.commercetools.order.message.X"


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"[1, 2", b"\xff\xfe", b"[" * 100_000, b"null"]
)
async def test_what_is_no_message_is_stored_for_intake_to_park(
    worker: Worker, raw: bytes
) -> None:
    answer = await worker.client.post(PATH, content=raw)

    assert answer.status_code == 200
    ((_, key, value, _),) = worker.sink.records
    assert value == raw
    assert key == hashlib.sha256(raw).hexdigest().encode()


FAILURES: list[tuple[AppendError, int, str | None]] = [
    (BrokerUnavailable("gone", remedy="wait", retry_after_s=4.2), 503, "5"),
    (RecordTooLarge("commerce-messages", b"k", 10, 5), 413, None),
]


@pytest.mark.parametrize(("failure", "status", "retry_after"), FAILURES)
async def test_messages_that_were_not_stored_are_not_accepted(
    worker: Worker, failure: AppendError, status: int, retry_after: str | None
) -> None:
    worker.sink.failure = failure

    answer = await worker.client.post(PATH, content=body([created(), state_changed()]))

    assert answer.status_code == status
    assert answer.headers.get("retry-after") == retry_after


async def test_a_body_over_the_limit_is_turned_away(serve: Serve) -> None:
    worker = await serve(bodies=Bodies(bytes_max=100))

    answer = await worker.client.post(PATH, content=body(created()))

    assert answer.status_code == 413
    assert worker.sink.records == []


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("newstore-secret", 401), ("commerce-secret", 200), ("feeder", 200)],
)
async def test_only_its_own_key_or_one_that_ingests_is_let_in(
    serve: Serve, keys: str, key: str, status: int
) -> None:
    worker = await serve(
        api_keys=keys, webhook_key="newstore-secret", commerce_key="commerce-secret"
    )
    headers = {"authorization": f"Bearer {key}"} if key else {}

    answer = await worker.client.post(PATH, content=body(created()), headers=headers)

    assert answer.status_code == status


async def test_the_key_of_commercetools_does_not_open_newstores_door(
    serve: Serve,
) -> None:
    worker = await serve(webhook_key="a", commerce_key="b")
    headers = {"authorization": "Bearer b"}

    answer = await worker.client.post(
        "/v1/events/newstore", content=b"{}", headers=headers
    )

    assert answer.status_code == 401
