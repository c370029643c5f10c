"""The stand-in's ConfluentCloud subscriptions on our own broker."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from streams.cli.kafka_sink import kafka_sink
from streams.engine.produce import LogWriter
from streams.sandbox.commercetools import Sandbox, serving
from streams.settings import Settings
from streams.topics import COMMERCE_MESSAGES, Topic
from tests.edge.topic import create_topic, read_topic


class Writer:
    """Keeps what is appended."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes | None, dict[str, Any]]] = []
        self.has_all = asyncio.Event()

    async def append(
        self, topic: Topic, key: bytes | None, value: bytes | None
    ) -> object:
        self.records.append((topic.name, key, json.loads(value or b"")))
        if len(self.records) == 2:
            self.has_all.set()
        return None


async def test_messages_of_orders_are_appended_to_our_topic() -> None:
    writer = Writer()
    sink = kafka_sink(writer, "t-")
    sandbox = Sandbox()
    async with serving(sandbox):
        sandbox.subscribe(sink, topic="t-commerce-messages")
        sandbox.place_order([{"sku": "A"}], order_number="W-1", mode="None")
        async with asyncio.timeout(30):
            await writer.has_all.wait()
    test, message = writer.records
    assert test[2]["notificationType"] == "ResourceCreated"
    assert message[:2] == (COMMERCE_MESSAGES.name, None)
    assert message[2]["order"]["orderNumber"] == "W-1"


async def test_a_subscription_to_another_topic_is_refused() -> None:
    writer = Writer()
    sandbox = Sandbox(sinks={"ConfluentCloud": kafka_sink(writer, "")})
    async with serving(sandbox) as url, httpx.AsyncClient(base_url=url) as client:
        form = {"grant_type": "client_credentials"}
        credentials = ("sandbox-client", "sandbox-secret")
        token = await client.post("/oauth/token", data=form, auth=credentials)
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        destination = {
            "type": "ConfluentCloud",
            "bootstrapServer": "b:9092",
            "apiKey": "k",
            "apiSecret": "s",
            "acks": "all",
            "topic": "elsewhere",
        }
        orders = [{"resourceTypeId": "order"}]
        answer = await client.post(
            "/oneshelf/subscriptions",
            headers=headers,
            json={"destination": destination, "messages": orders},
        )
    assert answer.status_code == 400
    assert "elsewhere" in answer.json()["message"]
    assert writer.records == []
    assert len(sandbox.subscriptions) == 0


@pytest.mark.kafka
async def test_messages_reach_a_real_broker(broker: str, topic_prefix: str) -> None:
    name = topic_prefix + COMMERCE_MESSAGES.name
    await create_topic(broker, name)
    settings = Settings(broker=broker, topic_prefix=topic_prefix)
    writer = LogWriter(settings)
    sandbox = Sandbox()
    async with serving(sandbox):
        sandbox.subscribe(kafka_sink(writer, topic_prefix), topic=name)
        for number in range(5):
            sandbox.place_order([{"sku": "A"}], order_number=f"W-{number}", mode="None")
        async with asyncio.timeout(60):
            while sandbox.courier.counts["delivered"] < 5:  # noqa: ASYNC110 - a count, not ours to signal
                await asyncio.sleep(0.05)
    await writer.stop()
    records = [json.loads(each.value) for each in await read_topic(broker, name)]
    numbers = [each["order"]["orderNumber"] for each in records if "order" in each]
    assert sorted(numbers) == [f"W-{number}" for number in range(5)]
