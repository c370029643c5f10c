"""Who may call, and how often."""

import pytest

from tests.sandbox.newstore.desk import CREDENTIALS, TOKENS, Desk


async def test_a_token_is_given_for_a_clients_credentials() -> None:
    desk = Desk()
    answer = await desk.http.post(TOKENS, data=CREDENTIALS)
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 72_000
    assert answer.headers["cache-control"] == "no-store"
    basic = await desk.http.post(
        TOKENS,
        data={"grant_type": "client_credentials"},
        auth=("sandbox-client", "sandbox-secret"),
    )
    assert basic.status_code == 200
    assert basic.json()["access_token"] != answer.json()["access_token"]


@pytest.mark.parametrize(
    ("path", "form", "status", "error"),
    [
        (TOKENS, CREDENTIALS | {"client_secret": "no"}, 401, "invalid_client"),
        (TOKENS, CREDENTIALS | {"client_id": "no"}, 401, "invalid_client"),
        (TOKENS, {"grant_type": "client_credentials"}, 401, "invalid_client"),
        (TOKENS, {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (TOKENS, {}, 400, "invalid_request"),
        (TOKENS.replace("oneshelf", "acme"), CREDENTIALS, 404, "realm_not_found"),
    ],
)
async def test_wrong_credentials_get_no_token(
    path: str, form: dict[str, str], status: int, error: str
) -> None:
    answer = await Desk().http.post(path, data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_call_needs_a_token_that_is_alive(desk: Desk) -> None:
    path = "/v0/locations"
    assert (await desk.http.get(path)).status_code == 200
    desk.clock.move(71_999)
    assert (await desk.http.get(path)).status_code == 200
    desk.clock.move(1)
    expired = await desk.http.get(path)
    assert (expired.status_code, expired.json()["error_code"]) == (403, "forbidden")
    desk.http.headers["Authorization"] = "Bearer no"
    assert (await desk.http.get(path)).status_code == 403
    del desk.http.headers["Authorization"]
    assert (await desk.http.get(path)).status_code == 401


async def test_calls_over_the_rate_are_told_when_to_come_back() -> None:
    desk = Desk(requests_per_second=2, requests_burst=2)
    await desk.sign_in()
    statuses = [(await desk.http.get("/v0/locations")) for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [200, 200, 429]
    assert statuses[-1].headers["retry-after"] == "1"
    desk.clock.move(0.5)
    assert (await desk.http.get("/v0/locations")).status_code == 200


async def test_two_hundred_calls_pass_in_a_second_by_default(desk: Desk) -> None:
    answers = [await desk.http.get("/v0/locations") for _ in range(201)]
    assert [answer.status_code for answer in answers].count(429) == 1
