"""NewStore's events: accepted only when stored, and stored as they are."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from streams.engine.errors import (
    AppendError,
    BrokerRefused,
    BrokerUnavailable,
    RecordTooLarge,
    TopicMissing,
)
from streams.topics import NEWSTORE_EVENTS
from streams.web.bodies import Bodies
from tests.web.conftest import Serve, Worker, until

PATH = "/v1/events/newstore"
ORDER = {
    "tenant": "acme",
    "name": "order.opened",
    "published_at": "2025-03-01T10:15:02.345Z",
    "payload": {"id": "5c1f"},
}
KEY = {"authorization": "Bearer newstore-secret"}


async def test_an_accepted_event_says_where_it_is_stored(worker: Worker) -> None:
    first = await worker.client.post(PATH, json=ORDER)
    second = await worker.client.post(PATH, json=ORDER)

    assert first.status_code == second.status_code == 200
    assert first.json() == {
        "accepted": True,
        "topic": "newstore-events",
        "partition": 2,
        "offset": 0,
    }
    assert second.json()["offset"] == 1


async def test_an_event_is_stored_byte_for_byte_with_schema_and_key(
    worker: Worker,
) -> None:
    body = b'{ "name" : "order.moved",  "payload":{"id":"f","order_id":"o"}}\n'

    await worker.client.post(PATH, content=body)

    ((topic, key, value, headers),) = worker.sink.records
    assert (topic, key, value) == (NEWSTORE_EVENTS.name, b"o", body)
    assert headers["oneshelf-schema"] == b"NewStoreEvent/1"


BODIES_TAKEN = {
    "an unknown event name": b'{"name":"moon.risen","payload":{"id":"1"}}',
    "no name": b'{"payload":{"id":"1"}}',
    "broken JSON": b'{"name": "order.op',
    "not JSON": b"hello",
    "not UTF-8": b"\xff\xfe\x00",
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "a deep nest": b"[" * 100_000,
    "an id that is a list": b'{"payload":{"id":[1]}}',
    "a huge number": b'{"payload":{"id":' + b"9" * 5000 + b"}}",
    "a lone surrogate": b'{"payload":{"id":"\\ud800"}}',
    "a NUL in the id": b'{"payload":{"id":"a\\u0000b"}}',
}


@pytest.mark.parametrize("body", BODIES_TAKEN.values(), ids=BODIES_TAKEN.keys())
async def test_whatever_an_event_holds_it_is_stored(
    worker: Worker, body: bytes
) -> None:
    answer = await worker.client.post(PATH, content=body)

    assert answer.status_code == 200
    ((_, key, value, _),) = worker.sink.records
    assert value == body
    assert key


async def test_an_event_without_an_entity_is_keyed_by_its_content(
    worker: Worker,
) -> None:
    await worker.client.post(PATH, content=b"hello")

    assert worker.sink.records[0][1] == hashlib.sha256(b"hello").hexdigest().encode()


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
async def test_the_content_type_does_not_matter(
    worker: Worker, content_type: str
) -> None:
    answer = await worker.client.post(
        PATH, content=json.dumps(ORDER), headers={"content-type": content_type}
    )

    assert answer.status_code == 200


FAILURES: list[tuple[AppendError, int, str | None]] = [
    (BrokerUnavailable("gone", remedy="wait", retry_after_s=4.2), 503, "5"),
    (TopicMissing("no topic", remedy="create it"), 503, "2"),
    (BrokerRefused("no rights", remedy="grant them"), 503, "2"),
    (RecordTooLarge("newstore-events", b"k", 10, 5), 413, None),
]


@pytest.mark.parametrize(("failure", "status", "retry_after"), FAILURES)
@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
async def test_an_event_that_was_not_stored_is_not_accepted(
    serve: Serve,
    failure: AppendError,
    status: int,
    retry_after: str | None,
    fast: bool,
) -> None:
    worker = await serve(fast=fast)
    worker.sink.failure = failure

    answer = await worker.client.post(PATH, json=ORDER)

    assert answer.status_code == status
    assert answer.headers.get("retry-after") == retry_after
    assert answer.headers["content-type"] == "application/problem+json"
    assert "gone" not in answer.text


async def test_a_refused_event_is_logged_without_its_content(
    worker: Worker, logs: list[MutableMapping[str, Any]]
) -> None:
    worker.sink.failure = BrokerUnavailable("gone", remedy="wait", retry_after_s=1)

    await worker.client.post(PATH, content=b'{"email":"jane@example.org"}', headers=KEY)

    (logged,) = logs
    assert logged == {
        "event": "event_refused",
        "reason": "gone",
        "bytes": 28,
        "log_level": "warning",
    }


async def test_after_the_broker_is_back_events_are_accepted(worker: Worker) -> None:
    worker.sink.failure = BrokerUnavailable("gone", remedy="wait", retry_after_s=1)
    assert (await worker.client.post(PATH, json=ORDER)).status_code == 503

    worker.sink.failure = None

    assert (await worker.client.post(PATH, json=ORDER)).status_code == 200


async def test_a_fault_of_ours_is_500_so_that_the_source_tries_again(
    worker: Worker,
) -> None:
    worker.sink.failure = ZeroDivisionError()

    assert (await worker.client.post(PATH, json=ORDER)).status_code == 500


async def test_a_silent_broker_is_503_after_a_while(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> tuple[int, int]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(worker.sink, "append", never)
    monkeypatch.setattr(worker.web._webhook._storing, "_timeout_s", 0.05)

    answer = await worker.client.post(PATH, json=ORDER)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"


LIMIT = 1024 * 1024


async def chunks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 65_536):
        yield b"x" * min(65_536, size - start)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
@pytest.mark.parametrize(
    ("size", "status"), [(LIMIT - 1, 200), (LIMIT, 200), (LIMIT + 1, 413)]
)
async def test_a_body_may_have_one_mebibyte(
    serve: Serve, size: int, status: int, *, chunked: bool, fast: bool
) -> None:
    worker = await serve(fast=fast)

    content: Any = chunks(size) if chunked else b"x" * size
    answer = await worker.client.post(PATH, content=content)

    assert answer.status_code == status
    assert len(worker.sink.records) == (1 if status == 200 else 0)
    if status == 413:
        assert answer.json()["field"] == "body"
        assert "1048576 bytes" in answer.json()["detail"]


async def test_a_refused_body_is_read_to_its_end_and_the_connection_lives_on(
    serve: Serve,
) -> None:
    worker = await serve(bodies=Bodies(bytes_max=10))

    for _ in range(3):
        answer = await worker.client.post(PATH, content=chunks(2_000_000))
        assert answer.status_code == 413
    assert (await worker.client.post(PATH, content=b"0123456789")).status_code == 200


async def test_bodies_together_are_limited_and_freed_again(serve: Serve) -> None:
    bodies = Bodies(held_bytes_max=100)
    worker = await serve(bodies=bodies)
    entered, leave = asyncio.Event(), asyncio.Event()
    append = worker.sink.append

    async def slow(*arguments: Any) -> tuple[int, int]:
        entered.set()
        await leave.wait()
        return await append(*arguments)

    worker.sink.append = slow  # type: ignore[method-assign, assignment]  # The fake, slowed down.
    first = asyncio.create_task(worker.client.post(PATH, content=b"x" * 60))
    await entered.wait()

    refused = await worker.client.post(PATH, content=b"y" * 41)
    second = asyncio.create_task(worker.client.post(PATH, content=b"z" * 40))
    leave.set()

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert (await first).status_code == (await second).status_code == 200
    assert bodies.held_bytes == 0


async def test_a_body_that_takes_too_long_is_408(serve: Serve) -> None:
    bodies = Bodies(timeout_s=0.1)
    worker = await serve(bodies=bodies)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    writer.write(
        b"POST /v1/events/newstore HTTP/1.1\r\nhost: localhost\r\n"
        b"content-length: 100\r\n\r\nhalf"
    )

    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert worker.sink.records == []
    assert bodies.held_bytes == 0


async def test_a_caller_that_goes_away_leaves_nothing(serve: Serve) -> None:
    bodies = Bodies()
    worker = await serve(bodies=bodies)
    _, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    writer.write(
        b"POST /v1/events/newstore HTTP/1.1\r\nhost: localhost\r\n"
        b"content-length: 100\r\n\r\nhalf"
    )
    await until(lambda: bodies.held_bytes == 4)
    writer.close()
    await until(lambda: bodies.held_bytes == 0)

    assert worker.sink.records == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer newstore-secre"}, 401),
        ({"authorization": "Bearer  newstore-secret"}, 200),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "newstore-secret"}, 401),
        ({"authorization": "Basic newstore-secret"}, 401),
        ({"authorization": "bearer newstore-secret"}, 200),
        (KEY, 200),
        ({"authorization": "Bearer feeder"}, 200),
        ({"authorization": "Bearer reader"}, 403),
        ({"authorization": "Bearer boss"}, 403),
    ],
)
async def test_only_the_webhook_key_or_a_key_that_ingests_may_send(
    serve: Serve, keys: str, headers: dict[str, str], status: int
) -> None:
    worker = await serve(webhook_key="newstore-secret", api_keys=keys)

    answer = await worker.client.post(PATH, json=ORDER, headers=headers)

    assert answer.status_code == status
    assert len(worker.sink.records) == (status == 200)
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "secre" not in answer.text


async def test_the_webhook_key_alone_is_asked_for_on_loopback_too(serve: Serve) -> None:
    worker = await serve(webhook_key="newstore-secret")

    assert (await worker.client.post(PATH, json=ORDER)).status_code == 401
    assert (await worker.client.post(PATH, json=ORDER, headers=KEY)).status_code == 200


async def test_without_a_webhook_key_a_key_that_ingests_is_needed(
    serve: Serve, keys: str
) -> None:
    worker = await serve(api_keys=keys)
    feeder = {"authorization": "Bearer feeder"}

    assert (await worker.client.post(PATH, json=ORDER)).status_code == 401
    assert (
        await worker.client.post(PATH, json=ORDER, headers=feeder)
    ).status_code == 200


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_trace_context_is_passed_through(worker: Worker) -> None:
    sent = {"traceparent": TRACE, "tracestate": "vendor=1"}

    await worker.client.post(PATH, json=ORDER, headers=sent)

    headers = worker.sink.records[0][3]
    assert headers["traceparent"] == TRACE.encode()
    assert headers["tracestate"] == b"vendor=1"


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "junk",
        TRACE.upper(),
        TRACE[:-1],
        TRACE.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)
async def test_missing_or_broken_trace_context_is_made_anew(
    worker: Worker, traceparent: str
) -> None:
    sent = {"traceparent": traceparent, "tracestate": "vendor=1"}

    await worker.client.post(PATH, json=ORDER, headers=sent)

    headers = worker.sink.records[0][3]
    made = headers["traceparent"].decode()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", made)
    assert "tracestate" not in headers
