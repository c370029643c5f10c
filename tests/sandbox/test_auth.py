"""Tokens: who gets one, for how long, and what it opens."""

import base64

import pytest

from streams.sandbox.commercetools import ApiClient, Sandbox, SandboxConfig
from streams.sandbox.commercetools.errors import AuthError
from tests.sandbox.support import (
    BASIC,
    CLIENT_CREDENTIALS,
    Caller,
    sandbox_with_clock,
)


def refusal_of(
    sandbox: Sandbox, authorization: str | None, **parameters: str
) -> AuthError:
    with pytest.raises(AuthError) as raised:
        sandbox.tokens.issue(authorization, parameters)
    return raised.value


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_right_credentials_get_a_bearer_token_for_48_hours() -> None:
    sandbox, _ = sandbox_with_clock()
    token = sandbox.tokens.issue(BASIC, CLIENT_CREDENTIALS)
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 172_800
    assert token["scope"] == "manage_project:oneshelf"
    assert token["access_token"]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Bearer abc",
        basic("sandbox-client:wrong"),
        basic("somebody:sandbox-secret"),
        basic("sandbox-client"),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ],
)
def test_wrong_credentials_are_an_invalid_client(authorization: str | None) -> None:
    sandbox, _ = sandbox_with_clock()
    error = refusal_of(sandbox, authorization, **CLIENT_CREDENTIALS)
    assert (error.status, error.code) == (401, "invalid_client")
    assert error.body()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        (CLIENT_CREDENTIALS | {"scope": "manage_project:other"}, "invalid_scope"),
        (
            CLIENT_CREDENTIALS | {"scope": "manage_project:oneshelf view_all:x"},
            "invalid_scope",
        ),
    ],
)
def test_a_wrong_grant_is_refused(parameters: dict[str, str], code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    error = refusal_of(sandbox, BASIC, **parameters)
    assert (error.status, error.code) == (400, code)


def test_a_token_lives_until_its_last_second_and_no_longer() -> None:
    sandbox, clock = sandbox_with_clock(SandboxConfig(token_validity_s=60))
    caller = Caller(sandbox)
    clock.move(59.999)
    assert caller.ask("GET", "/oneshelf/inventory").status == 200
    clock.move(0.001)
    answer = caller.ask("GET", "/oneshelf/inventory")
    assert answer.status == 401
    assert answer.body == {
        "statusCode": 401,
        "message": "invalid_token",
        "errors": [{"code": "invalid_token", "message": "invalid_token"}],
        "error": "invalid_token",
        "error_description": "invalid_token",
    }


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", BASIC])
def test_without_a_live_token_nothing_is_answered(authorization: str | None) -> None:
    sandbox, _ = sandbox_with_clock()
    caller = Caller(sandbox)
    caller.authorization = authorization
    for path in ("/oneshelf/inventory", "/oneshelf/nonsense", "/"):
        assert caller.ask("GET", path).status == 401


def test_a_new_token_leaves_the_old_one_alive_and_revoking_kills_one() -> None:
    sandbox, _ = sandbox_with_clock()
    first, second = Caller(sandbox), Caller(sandbox)
    assert first.authorization != second.authorization
    sandbox.tokens.revoke(first.authorization)
    assert first.ask("GET", "/oneshelf/inventory").status == 401
    assert second.ask("GET", "/oneshelf/inventory").status == 200
    sandbox.tokens.revoke_all()
    assert second.ask("GET", "/oneshelf/inventory").status == 401


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("view_products", "GET", "inventory", 200),
        ("view_products", "HEAD", "inventory", 404),
        ("view_products", "POST", "inventory", 403),
        ("view_products", "GET", "channels", 200),
        ("view_products", "POST", "channels", 403),
        ("view_products", "GET", "orders", 403),
        ("manage_products", "GET", "inventory", 200),
        ("manage_products", "POST", "inventory", 400),
        ("manage_products", "POST", "channels", 400),
        ("manage_products", "POST", "types", 403),
        ("manage_types", "GET", "types", 200),
        ("manage_types", "POST", "types", 400),
        ("manage_types", "GET", "inventory", 403),
        ("manage_orders", "POST", "orders/import", 400),
        ("view_orders", "POST", "orders/import", 403),
    ],
)
def test_a_scope_opens_what_it_names(
    scope: str, method: str, path: str, status: int
) -> None:
    """400 and 404 mean: let in, and found wanting."""
    client = ApiClient("sandbox-client", "sandbox-secret", (scope,))
    sandbox, _ = sandbox_with_clock(SandboxConfig(clients=(client,)))
    answer = Caller(sandbox).ask(method, f"/oneshelf/{path}", b"{}")
    assert answer.status == status
    if status == 403:
        assert isinstance(answer.body, dict)
        assert answer.body["error"] == "insufficient_scope"


def test_a_token_may_ask_for_less_than_its_client_holds() -> None:
    client = ApiClient(
        "sandbox-client", "sandbox-secret", ("manage_products", "manage_orders")
    )
    sandbox, _ = sandbox_with_clock(SandboxConfig(clients=(client,)))
    caller = Caller(sandbox, scope="manage_orders:oneshelf")
    assert caller.ask("GET", "/oneshelf/orders").status == 200
    assert caller.ask("GET", "/oneshelf/inventory").status == 403


def test_a_token_is_worth_nothing_in_another_project() -> None:
    sandbox, _ = sandbox_with_clock()
    assert Caller(sandbox).ask("GET", "/other/inventory").status == 403
