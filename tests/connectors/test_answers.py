"""What commercetools' failing answers mean, by status and code, JSON or not."""

import asyncio

import httpx
import pytest
import respx
from pydantic import SecretStr

from streams.connectors.commercetools import CommercetoolsClient
from streams.connectors.errors import (
    Ambiguous,
    ChannelMissing,
    ConnectorError,
    Duplicate,
    NotFound,
    Refused,
    Throttled,
    TypeMissing,
    Unauthorised,
    Unavailable,
    VersionConflict,
)
from streams.settings import CommercetoolsSettings
from tests.connectors.mocked import mocked

API = "https://api.example.test"
AUTH = "https://auth.example.test"
PAGE = "<html><body>upstream connect error</body></html>"
SETTINGS = CommercetoolsSettings(
    api_url=API,
    auth_url=f"{AUTH}/",
    project_key="acme",
    client_id="id",
    client_secret=SecretStr("hush"),
)


def body(code: str, **more: object) -> dict[str, object]:
    detail = {"code": code, "message": f"about {code}", **more}
    return {"statusCode": 0, "message": f"about {code}", "errors": [detail]}


def token(**changes: object) -> httpx.Response:
    fields = {"access_token": "t1", "token_type": "Bearer", "expires_in": 172800}
    return httpx.Response(200, json={**fields, **changes})


async def answered(response: httpx.Response) -> ConnectorError:
    with mocked() as vendor:
        vendor.post(f"{AUTH}/oauth/token").mock(return_value=token())
        vendor.post(f"{API}/acme/inventory/e1").mock(return_value=response)
        async with CommercetoolsClient(SETTINGS) as client:
            with pytest.raises(ConnectorError) as raised:
                await client.update_entry("e1", 1, [])
    return raised.value


CASES = [
    (400, body("InvalidInput"), Refused),
    (400, body("DuplicateField", field="key"), Duplicate),
    (400, body("ReferencedResourceNotFound", typeId="type"), TypeMissing),
    (400, body("ReferencedResourceNotFound", typeId="channel"), ChannelMissing),
    (400, body("ReferencedResourceNotFound", typeId="store"), Refused),
    (400, {}, Refused),
    (401, body("invalid_token"), Unauthorised),
    (403, body("insufficient_scope"), Unauthorised),
    (404, body("ResourceNotFound"), NotFound),
    (409, body("ConcurrentModification", currentVersion=8), VersionConflict),
    (413, {}, Refused),
    (429, {}, Throttled),
    (500, body("General"), Ambiguous),
    (502, body("BadGateway"), Ambiguous),
    (503, body("OverCapacity"), Unavailable),
    (504, {}, Ambiguous),
    (302, {}, Ambiguous),
    (418, {}, Ambiguous),
]


@pytest.mark.parametrize(("status", "content", "kind"), CASES)
async def test_each_failing_answer_has_its_meaning(
    status: int, content: dict[str, object], kind: type[ConnectorError]
) -> None:
    error = await answered(httpx.Response(status, json=content))
    assert type(error) is kind
    assert error.status == status


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("text", [PAGE, "", "[]", '{"id": "e1"}'])
async def test_success_that_is_not_an_entry_is_ambiguous(
    status: int, text: str
) -> None:
    error = await answered(httpx.Response(status, text=text))
    assert isinstance(error, Ambiguous)
    assert error.reason == "unreadable_answer"


@pytest.mark.parametrize(("status", "kind"), [(403, Unauthorised), (503, Unavailable)])
async def test_a_page_means_what_its_status_says(
    status: int, kind: type[ConnectorError]
) -> None:
    error = await answered(httpx.Response(status, text=PAGE))
    assert type(error) is kind
    assert error.reason == f"http_{status}"
    assert "upstream" not in str(error)


async def test_retry_after_is_kept() -> None:
    error = await answered(httpx.Response(503, headers={"Retry-After": "4"}))
    assert error.retry_after_s == 4.0


TOKENS = [
    (httpx.Response(401, json={"error": "invalid_client"}), Unauthorised),
    (httpx.Response(400, json={"error": "invalid_scope"}), Unauthorised),
    (httpx.Response(400, text=PAGE), Unauthorised),
    (httpx.Response(500, json={}), Unavailable),
    (httpx.Response(429, text=PAGE), Unavailable),
    (httpx.Response(200, text=PAGE), Unavailable),
    (httpx.Response(200, json={"access_token": "t"}), Unavailable),
]


@pytest.mark.parametrize(("response", "kind"), TOKENS)
async def test_a_token_that_does_not_come_says_why(
    response: httpx.Response, kind: type[ConnectorError]
) -> None:
    with mocked() as vendor:
        vendor.post(f"{AUTH}/oauth/token").mock(return_value=response)
        async with CommercetoolsClient(SETTINGS) as client:
            with pytest.raises(kind) as raised:
                await client.update_entry("e1", 1, [])
    assert "hush" not in f"{raised.value} {raised.value!r}"


async def test_a_token_is_asked_for_as_the_vendor_says(
    vendor: respx.MockRouter,
) -> None:
    route = vendor.post(f"{AUTH}/oauth/token").mock(return_value=token())
    vendor.get(f"{API}/acme/inventory/e1").mock(return_value=httpx.Response(404))
    async with CommercetoolsClient(SETTINGS) as client:
        assert await client.entry_by_id("e1") is None
    request = route.calls.last.request
    assert request.headers["Authorization"] == "Basic aWQ6aHVzaA=="
    assert request.content == b"grant_type=client_credentials"


async def test_a_request_carries_token_correlation_id_and_our_name(
    vendor: respx.MockRouter,
) -> None:
    vendor.post(f"{AUTH}/oauth/token").mock(return_value=token())
    route = vendor.get(f"{API}/acme/inventory/e1").mock(
        return_value=httpx.Response(404)
    )
    async with CommercetoolsClient(
        SETTINGS, new_correlation_id=lambda: "oneshelf/1"
    ) as client:
        await client.entry_by_id("e1")
    headers = route.calls.last.request.headers
    assert headers["Authorization"] == "Bearer t1"
    assert headers["X-Correlation-ID"] == "oneshelf/1"
    assert headers["User-Agent"].startswith("oneshelf/")


async def test_a_refused_token_is_renewed_once_and_no_more(
    vendor: respx.MockRouter,
) -> None:
    tokens = vendor.post(f"{AUTH}/oauth/token")
    tokens.side_effect = [token(), token(access_token="t2")]
    calls = vendor.post(f"{API}/acme/inventory/e1").mock(
        return_value=httpx.Response(401, json=body("invalid_token"))
    )
    async with CommercetoolsClient(SETTINGS) as client:
        with pytest.raises(Unauthorised):
            await client.update_entry("e1", 1, [])
    assert (tokens.call_count, calls.call_count) == (2, 2)


async def test_a_failed_token_request_is_tried_again_by_the_next_one(
    vendor: respx.MockRouter,
) -> None:
    tokens = vendor.post(f"{AUTH}/oauth/token")
    tokens.side_effect = [httpx.Response(500), token()]
    vendor.get(f"{API}/acme/inventory/e1").mock(return_value=httpx.Response(404))
    async with CommercetoolsClient(SETTINGS) as client:
        with pytest.raises(Unavailable):
            await client.entry_by_id("e1")
        assert await client.entry_by_id("e1") is None


async def test_all_who_wait_get_the_one_token(vendor: respx.MockRouter) -> None:
    async def slowly(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        return token()

    tokens = vendor.post(f"{AUTH}/oauth/token").mock(side_effect=slowly)
    vendor.get(f"{API}/acme/inventory/e1").mock(return_value=httpx.Response(404))
    async with CommercetoolsClient(SETTINGS) as client:
        await asyncio.gather(*(client.entry_by_id("e1") for _ in range(20)))
    assert tokens.call_count == 1
