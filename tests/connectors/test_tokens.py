"""Tokens against the sandbox: one for all, early, renewed once when refused."""

import asyncio

import pytest
from pydantic import SecretStr

from streams.connectors.commerce_session import HttpSession
from streams.connectors.commercetools import CommercetoolsClient
from streams.connectors.errors import (
    Unauthorised,
)
from streams.sandbox.commercetools import (
    ApiClient,
    SandboxConfig,
    SandboxServer,
)
from tests.connectors.sandbox import settings_for
from tests.connectors.test_commercetools import ready


async def test_one_token_serves_many_at_once(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    await asyncio.gather(*(client.channel(f"c{i}") for i in range(20)))
    assert client.tokens.fetches == 1


async def test_a_revoked_token_is_renewed_once_for_all(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    await ready(client)
    server.call(lambda s: s.tokens.revoke_all())
    await asyncio.gather(*(client.channel("ldn") for _ in range(10)))
    assert client.tokens.fetches == 2


async def test_a_token_is_renewed_before_its_end(server: SandboxServer) -> None:
    now = 0.0
    settings = settings_for(server.url)
    async with CommercetoolsClient(settings, monotonic=lambda: now) as client:
        for moment, fetches in ((0.0, 1), (172_499.0, 1), (172_500.0, 2)):
            now = moment
            await client.channel("ldn")
            assert client.tokens.fetches == fetches


async def test_a_short_lived_token_is_used_for_nine_tenths_of_its_life() -> None:
    with SandboxServer(SandboxConfig(token_validity_s=100)) as server:
        now = 0.0
        settings = settings_for(server.url)
        async with CommercetoolsClient(settings, monotonic=lambda: now) as client:
            for moment, fetches in ((0.0, 1), (89.0, 1), (90.0, 2)):
                now = moment
                await client.channel("ldn")
                assert client.tokens.fetches == fetches


async def test_wrong_credentials_name_the_settings(server: SandboxServer) -> None:
    settings = settings_for(server.url, client_secret=SecretStr("wrong"))
    async with CommercetoolsClient(settings) as client:
        with pytest.raises(Unauthorised, match="CLIENT_SECRET") as raised:
            await client.channel("ldn")
    assert "wrong" not in str(raised.value)


async def test_a_missing_scope_names_the_scope() -> None:
    poor = ApiClient("poor", "secret", scopes=("view_orders",))
    with SandboxServer(SandboxConfig(clients=(poor,))) as server:
        settings = settings_for(
            server.url, client_id="poor", client_secret=SecretStr("secret")
        )
        async with CommercetoolsClient(settings) as client:
            with pytest.raises(Unauthorised, match="manage_products") as raised:
                await client.update_entry("e1", 1, [])
    assert raised.value.status == 403


async def test_no_secret_shows_in_any_repr(server: SandboxServer) -> None:
    settings = settings_for(server.url)
    async with CommercetoolsClient(settings) as client:
        await client.channel("ldn")
        token = await client.tokens.token()
        shown = f"{client!r} {client.tokens!r} {settings!r}"
    assert "sandbox-secret" not in shown
    assert token not in shown


async def test_every_request_carries_an_id_of_ours(
    server: SandboxServer,
) -> None:
    numbers = iter(range(100))
    session = settings_for(server.url)
    async with CommercetoolsClient(
        session, new_correlation_id=lambda: f"oneshelf/{next(numbers)}"
    ) as client:
        await ready(client)
    written = server.call(lambda s: [w.correlation_id for w in s.journal.read()])
    assert all(one.startswith("oneshelf/") for one in written)
    assert len(set(written)) == len(written)


def test_a_session_is_named_without_its_secrets() -> None:
    settings = settings_for("http://127.0.0.1:9")
    assert "oneshelf" in repr(HttpSession(settings))
