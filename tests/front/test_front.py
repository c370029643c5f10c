"""A front answers as its worker would: the same bytes, the same refusals, no delay."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from streams.engine.admin import create_topics
from streams.engine.reading import LogReader
from streams.front.feed import FollowedAnswers
from streams.front.process import FrontedServer, FrontFailed
from streams.tables import LEVELS
from streams.topics import NEWSTORE_EVENTS
from streams.web.app import Web
from tests.web.conftest import NO_TLS, settings, stock
from tests.web.fakes import FakeJournal, FakeLedger, FakeSink, partition_of
from tests.web.rows import level_row

TEE = "/v1/availability/TEE"


class House:
    """A worker's web behind its front, the engine room in memory."""

    client: httpx.AsyncClient

    def __init__(self, **values: Any) -> None:
        self.settings = settings(**{"http_port": 0, "broker": "127.0.0.1:1", **values})
        self.ledger = FakeLedger()
        stock(self.ledger)
        self.answers = FollowedAnswers(self.ledger)
        for view in self.ledger.views:
            self.answers.opened(view)
        self.registry = CollectorRegistry()
        self.web = Web(
            settings=self.settings,
            ledger=self.ledger,
            answers=self.answers,
            sink=FakeSink(),
            journal=FakeJournal(),
            registry=self.registry,
        )
        self.server = FrontedServer(self.web, self.settings, self.answers, self.ledger)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def worker_answered(self, route: str) -> int:
        """How many requests of a route the worker itself has answered."""
        name = "oneshelf_http_request_seconds_count"
        return sum(
            round(sample.value)
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and sample.labels["route"] == route
        )


@asynccontextmanager
async def fronted(**values: Any) -> AsyncIterator[House]:
    house = House(**values)
    await house.server.start()
    try:
        async with httpx.AsyncClient(
            base_url=house.server.url, trust_env=False, verify=NO_TLS
        ) as client:
            house.client = client
            yield house
    finally:
        await house.server.stop()


async def mirrored(house: House, path: str = TEE, **headers: str) -> httpx.Response:
    """Ask until the front answers by itself."""
    route = "/v1/availability/{sku}"
    while True:
        before = await house.worker_answered(route)
        answer = await house.get(path, **headers)
        if await house.worker_answered(route) == before and answer.is_success:
            return answer
        await asyncio.sleep(0.01)


async def test_the_front_answers_a_look_up_as_the_worker_does() -> None:
    async with fronted() as house:
        first = await house.get(TEE)
        own = await mirrored(house)

        assert first.status_code == own.status_code == 200
        assert own.json() == first.json()
        assert own.json()["available"] == 7
        assert dict(own.headers) == dict(first.headers)


async def test_a_commit_is_in_the_next_answers() -> None:
    async with fronted() as house:
        await mirrored(house)
        view = house.ledger.views[partition_of(b"TEE")]
        table, key, value = level_row("TEE", "LDN02", on_hand=50)
        view.put(table, key, value)
        house.answers.committed(view, {LEVELS: {key: value}})

        while (await house.get(TEE)).json()["available"] != 54:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)


async def test_what_the_front_does_not_know_the_worker_answers() -> None:
    async with fronted() as house:
        for path in ("/health/live", "/v1/openapi.json", f"{TEE}/LDN01"):
            assert (await house.get(path)).status_code == 200
        unknown = await house.get("/v1/availability/NOBODY")
        assert unknown.status_code == 404
        assert unknown.headers["content-type"] == "application/problem+json"
        many = await house.client.post(
            "/v1/availability/query", json={"skus": ["TEE", "NOBODY"]}
        )
        assert many.json()["unknown"] == ["NOBODY"]
        wrong = await house.client.post("/v1/availability/query", content=b"{")
        assert wrong.status_code == 422
        assert (await house.client.delete(TEE)).status_code == 405


async def test_many_skus_are_answered_at_once_where_all_are_known() -> None:
    async with fronted() as house:
        asked = {"skus": ["TEE", "TEE"]}
        before = await house.client.post("/v1/availability/query", json=asked)
        await mirrored(house)
        answered = await house.worker_answered("/v1/availability/query")

        after = await house.client.post("/v1/availability/query", json=asked)

        assert after.json() == before.json()
        assert len(after.json()["items"]) == 1
        assert dict(after.headers) == dict(before.headers)
        assert await house.worker_answered("/v1/availability/query") == answered


async def test_a_key_opens_the_front_as_it_opens_the_worker() -> None:
    key = "a-very-long-secret-of-a-shop"
    digest = sha256(key.encode()).hexdigest()
    async with fronted(api_keys=f"shop:read:{digest}") as house:
        bearer = f"Bearer {key}"
        await mirrored(house, authorization=bearer)

        assert (await house.get(TEE)).status_code == 401
        wrong = await house.get(TEE, authorization="Bearer something-else")
        assert wrong.status_code == 401
        assert (await house.get(TEE, authorization=bearer)).status_code == 200


async def test_a_partition_that_moves_is_not_answered_for_any_more() -> None:
    async with fronted() as house:
        await mirrored(house)

        house.ledger.restore("TEE", seconds=3)

        while (answer := await house.get(TEE)).status_code == 200:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "3"


async def test_requests_are_counted_once_whoever_answered() -> None:
    async with fronted() as house:
        await house.get(f"{TEE}/LDN01")
        await mirrored(house)
        text = (await house.get("/metrics")).text

    name = "oneshelf_http_request_seconds_count"
    lines = [line for line in text.splitlines() if line.startswith(name)]
    assert (
        f'{name}{{route="/v1/availability/{{sku}}/{{location_id}}",status="200"}} 1.0'
        in lines
    )
    assert text.count("# TYPE oneshelf_http_request_seconds histogram") == 1


async def test_an_event_is_refused_with_a_time_while_no_broker_is_there() -> None:
    async with fronted() as house:
        refused = await house.client.post(
            "/v1/events/newstore", content=b"{}", timeout=60
        )

        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.kafka
async def test_an_event_is_on_the_log_once_it_is_accepted(
    broker: str, topic_prefix: str
) -> None:
    places = {"broker": broker, "topic_prefix": topic_prefix}
    async with fronted(app_id=f"{topic_prefix}app", **places) as house:
        await create_topics(house.settings, [])
        event = b'{"name":"order.opened","payload":{"id":"o-1"}}'
        answers = [
            await house.client.post("/v1/events/newstore", content=event)
            for _ in range(3)
        ]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        place = answers[2].json()
        async with LogReader(house.settings) as reader:
            stored = [
                record.value
                async for records in reader.read(
                    NEWSTORE_EVENTS, {place["partition"]: 0}
                )
                for record in records
            ]
    assert stored == [event] * 3
    assert place["offset"] == 2


async def test_a_front_that_ends_by_itself_is_the_workers_failure() -> None:
    async with fronted() as house:
        process = house.server._process
        assert process is not None
        process.send_signal(signal.SIGKILL)

        async with asyncio.timeout(10):
            failure = await house.server.wait_for_failure()

    assert isinstance(failure, FrontFailed)


async def test_the_front_ends_and_frees_the_port_when_its_worker_is_gone() -> None:
    async with fronted() as house:
        process, writer = house.server._process, house.server._writer
        assert process is not None
        assert writer is not None
        writer.transport.abort()  # As when the worker is killed.

        await asyncio.to_thread(process.wait, 10)

        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", house.server.port))


async def test_signals_of_a_terminal_do_not_end_the_front_before_its_worker() -> None:
    async with fronted() as house:
        process = house.server._process
        assert process is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)

        assert (await house.get(TEE)).status_code == 200
        assert process.poll() is None
