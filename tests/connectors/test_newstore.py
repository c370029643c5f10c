"""NewStore's rules over real HTTP: tokens, limits, availability, orders, look-ups."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from streams.connectors.errors import (
    Ambiguous,
    ConnectorError,
    Duplicate,
    NotFound,
    Refused,
    Throttled,
    Unauthorised,
    Unavailable,
)
from streams.connectors.newstore import NewStoreClient, token_url
from streams.mapping.newstore import AtpKey, InjectedItemWire, ties_of
from streams.sandbox.newstore import (
    ATP_PATH,
    FaultKind,
    FaultRule,
    Node,
    SandboxConfig,
    SandboxServer,
)
from streams.settings import NewStoreSettings
from tests.sandbox.newstore.support import TEE, web_order

LDN, PAR = AtpKey(TEE, "LDN01"), AtpKey(TEE, "PAR01")


def settings_for(url: str, **changes: object) -> NewStoreSettings:
    return NewStoreSettings.model_validate(
        {
            "api_url": url,
            "auth_url": url,
            "tenant": "oneshelf",
            "client_id": "sandbox-client",
            "client_secret": SecretStr("sandbox-secret"),
            **changes,
        }
    )


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    config = SandboxConfig(nodes=(Node("LDN01"), Node("PAR01")))
    with SandboxServer(config) as running:
        running.call(lambda s: s.set_stock("LDN01", TEE, 3))
        yield running


@pytest.fixture
async def client(server: SandboxServer) -> AsyncIterator[NewStoreClient]:
    async with NewStoreClient(settings_for(server.url)) as connected:
        yield connected


def fault(server: SandboxServer, kind: FaultKind, **more: Any) -> int:
    rule = FaultRule(kind=kind, **{"path": "^/v0/", **more})
    return server.call(lambda s: s.faults.add(rule))


def orders(server: SandboxServer) -> int:
    return server.call(lambda s: len(s.world.orders))


def body(**more: Any) -> bytes:
    return json.dumps(web_order(node="LDN01", **more)).encode()


async def failure(client: NewStoreClient, content: bytes = b"") -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        await client.fulfil_order(content or body())
    return raised.value


async def test_availability_is_asked_in_one_call_and_answered_by_key(
    server: SandboxServer, client: NewStoreClient
) -> None:
    found = await client.availability([LDN, PAR], deadline_s=5)
    assert found == {LDN: 3, PAR: 0}
    calls = server.call(lambda s: s.world.journal.calls.records())
    assert [call.path for call in calls].count(ATP_PATH) == 1


async def test_a_node_that_newstore_does_not_know_has_no_number(
    client: NewStoreClient,
) -> None:
    found = await client.availability([LDN, AtpKey(TEE, "NOWHERE")], deadline_s=5)
    assert found == {LDN: 3}


@pytest.mark.parametrize("count", [0, 2001])
async def test_a_question_has_its_borders(client: NewStoreClient, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 2000"):
        await client.availability([LDN] * count, deadline_s=5)


async def test_two_thousand_keys_are_one_question(client: NewStoreClient) -> None:
    keys = [AtpKey(f"SKU-{n}", "LDN01") for n in range(2000)]
    assert len(await client.availability(keys, deadline_s=20)) == 2000


async def test_a_late_answer_is_none(
    server: SandboxServer, client: NewStoreClient
) -> None:
    await client.availability([LDN], deadline_s=5)
    fault(server, FaultKind.LATENCY, latency_s=1.0, count=1)
    with pytest.raises(Unavailable, match=r"0\.05 s") as raised:
        await client.availability([LDN], deadline_s=0.05)
    assert raised.value.reason == "late"
    assert await client.availability([LDN], deadline_s=5) == {LDN: 3}


async def test_an_order_is_taken_once_however_often_it_is_sent(
    server: SandboxServer, client: NewStoreClient
) -> None:
    first = await client.fulfil_order(body(units=2))
    again = await client.fulfil_order(body(units=2))
    assert first == again
    assert [item.unit for item in first.items] == ["line-1#1", "line-1#2"]
    assert orders(server) == 1


async def test_another_body_under_the_same_number_is_a_duplicate(
    client: NewStoreClient,
) -> None:
    first = await client.fulfil_order(body())
    error = await failure(client, body(currency="EUR"))
    assert isinstance(error, Duplicate)
    assert error.reason == "same_order_injection_with_different_data"
    found = await client.external_order("WEB-1")
    assert found is not None
    assert found.uuid == first.id
    ties = ties_of(found.items, {"line-1#1": TEE})
    assert ties == (("line-1#1", first.items[0].uuid),)


async def test_an_unknown_order_is_none(client: NewStoreClient) -> None:
    assert await client.external_order("W-1~1.2") is None
    assert await client.fulfilment_requests("nobody") == []


@pytest.mark.parametrize("kind", [FaultKind.FAILURE, FaultKind.DROP])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_is_ambiguous_and_the_same_body_settles_it(
    server: SandboxServer, client: NewStoreClient, kind: FaultKind, when: str
) -> None:
    await client.availability([LDN], deadline_s=5)
    fault(server, kind, when=when, count=1)
    assert isinstance(await failure(client), Ambiguous)
    assert orders(server) == (1 if when == "after" else 0)
    await client.fulfil_order(body())
    assert orders(server) == 1


async def test_too_many_calls_say_when_to_come_back(
    server: SandboxServer, client: NewStoreClient
) -> None:
    fault(server, FaultKind.RATE_LIMIT, retry_after_s=7.0, count=1)
    error = await failure(client)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == 7.0


async def test_a_page_with_403_blocks_the_address_and_asks_for_no_token(
    server: SandboxServer, client: NewStoreClient
) -> None:
    fault(server, FaultKind.BLOCKED, count=1)
    error = await failure(client)
    assert isinstance(error, Throttled)
    assert (error.reason, error.retry_after_s) == ("blocked", 300.0)
    assert client.tokens.fetches == 1


async def test_a_dead_token_is_renewed_once_for_all(
    server: SandboxServer, client: NewStoreClient
) -> None:
    await client.availability([LDN], deadline_s=5)
    server.call(lambda s: s.tokens.revoke_all())
    asked = (client.availability([LDN], deadline_s=5) for _ in range(10))
    await asyncio.gather(*asked)
    assert client.tokens.fetches == 2


async def test_a_token_that_stays_refused_is_renewed_no_more(
    server: SandboxServer, client: NewStoreClient
) -> None:
    fault(server, FaultKind.REVOKE_TOKEN)
    assert isinstance(await failure(client), Unauthorised)
    assert client.tokens.fetches == 2


async def test_one_token_serves_many_and_is_renewed_early(
    server: SandboxServer,
) -> None:
    now = 0.0
    async with NewStoreClient(
        settings_for(server.url), monotonic=lambda: now
    ) as client:
        for moment, fetches in ((0.0, 1), (71_699.0, 1), (71_700.0, 2)):
            now = moment
            await asyncio.gather(
                *(client.availability([LDN], deadline_s=5) for _ in range(5))
            )
            assert client.tokens.fetches == fetches


async def test_wrong_credentials_name_the_settings(server: SandboxServer) -> None:
    settings = settings_for(server.url, client_secret=SecretStr("wrong"))
    async with NewStoreClient(settings) as client:
        with pytest.raises(Unauthorised, match="ONESHELF_NEWSTORE__CLIENT") as raised:
            await client.external_order("W-1")
        assert "wrong" not in f"{raised.value} {client!r}"


async def test_units_are_sent_back_by_their_own_ids(
    server: SandboxServer, client: NewStoreClient
) -> None:
    order = await client.fulfil_order(body())
    (request,) = await client.fulfilment_requests(order.id)
    assert request.fulfillment_node_id == "LDN01"
    await client.reject(request.id, [order.items[0].uuid])
    after = await client.fulfilment_requests(order.id)
    assert after[0].line_items[0].status == "rejected"


ANSWERS: list[tuple[int, object, type[ConnectorError]]] = [
    (400, {"error_code": "invalid_request", "message": "no"}, Refused),
    (400, None, Refused),
    (401, {}, Unauthorised),
    (403, {"error_code": "forbidden"}, Unauthorised),
    (403, None, Throttled),
    (404, {}, NotFound),
    (409, {}, Refused),
    (429, {}, Throttled),
    (500, {"error_description": "try again"}, Ambiguous),
    (502, None, Ambiguous),
    (503, {}, Unavailable),
    (418, {}, Ambiguous),
]


@pytest.mark.parametrize(("status", "content", "kind"), ANSWERS)
async def test_each_failing_answer_has_its_meaning(
    status: int, content: object, kind: type[ConnectorError]
) -> None:
    text = "<html></html>" if content is None else json.dumps(content)
    response = httpx.Response(status, text=text)
    async with NewStoreClient(settings_for("http://127.0.0.1:9")) as client:
        error = client.error_of(response, "c1")
    assert type(error) is kind
    assert (error.status, error.correlation_id) == (status, "c1")


@pytest.mark.parametrize(
    ("auth_url", "expected"),
    [
        (
            "https://id.example.test/",
            "https://id.example.test/auth/realms/acme/protocol/openid-connect/token",
        ),
        ("https://id.example.test/oauth/token", "https://id.example.test/oauth/token"),
    ],
)
def test_tokens_are_given_in_the_tenants_realm(auth_url: str, expected: str) -> None:
    assert token_url(NewStoreSettings(auth_url=auth_url, tenant="acme")) == expected


def test_units_without_a_name_are_told_by_their_product() -> None:
    items = [
        InjectedItemWire(id="u1", product_id=TEE),
        InjectedItemWire(item_id="u2", product_id=TEE, external_item_id="b#1"),
        InjectedItemWire(id="u3", product_id="OTHER"),
        InjectedItemWire(id="u4", product_id=TEE, external_item_id="foreign"),
    ]
    assert ties_of(items, {"a#1": TEE, "b#1": TEE}) == (("a#1", "u1"), ("b#1", "u2"))
