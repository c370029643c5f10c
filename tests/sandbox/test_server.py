"""The sandbox over HTTP: a server really running, on a free port of loopback.

Waits here have a lower bound only, or a generous deadline: time decides nothing.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from streams.sandbox.commercetools import (
    Lag,
    Sandbox,
    SandboxConfig,
    SandboxServer,
    serving,
)
from tests.sandbox.support import CLIENT_CREDENTIALS, add, entry_draft, update

DEADLINE_S = 30.0
CREDENTIALS = ("sandbox-client", "sandbox-secret")


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxConfig(lag=Lag(0, 0.2))) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[httpx.Client]:
    server.call(Sandbox.reset)
    with signed_in(server.url) as signed:
        yield signed


@contextmanager
def signed_in(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=DEADLINE_S) as client:
        sign_in(client)
        yield client


def sign_in(client: httpx.Client) -> None:
    answer = client.post("/oauth/token", data=CLIENT_CREDENTIALS, auth=CREDENTIALS)
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def create_entry(client: httpx.Client, **fields: object) -> str:
    answer = client.post("/oneshelf/inventory", json=entry_draft(**fields))  # type: ignore[arg-type] # passes what it was given
    assert answer.status_code == 201, answer.text
    return f"/oneshelf/inventory/{answer.json()['id']}"


def fault(client: httpx.Client, **rule: object) -> None:
    answer = client.post("/_sandbox/faults", json=rule)
    assert answer.status_code == 201, answer.text


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "It did not happen"
        time.sleep(0.01)


def test_the_token_is_asked_for_by_form_or_by_query(client: httpx.Client) -> None:
    for parameters in ({"data": CLIENT_CREDENTIALS}, {"params": CLIENT_CREDENTIALS}):
        answer = client.post("/oauth/token", auth=CREDENTIALS, **parameters)  # type: ignore[arg-type] # one of the two
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
    wrong = client.post("/oauth/token", data=CLIENT_CREDENTIALS, auth=("a", "b"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    garbage = client.post("/oauth/token", content=b"\xff\xfe", auth=CREDENTIALS)
    assert (garbage.status_code, garbage.json()["error"]) == (400, "invalid_request")


def test_an_entry_lives_its_life_over_http(client: httpx.Client) -> None:
    client.post("/oneshelf/channels", json={"key": "LDN01"})
    supply = {"typeId": "channel", "key": "LDN01"}
    path = create_entry(client, key="one", supplyChannel=supply)
    answer = client.post(path, json=update(1, add(3)))
    assert (answer.status_code, answer.json()["quantityOnStock"]) == (200, 13)
    stale = client.post(path, json=update(1, add(3)))
    assert stale.status_code == 409
    assert stale.json()["errors"][0]["currentVersion"] == 2
    channel_id = answer.json()["supplyChannel"]["id"]
    found = client.get(
        "/oneshelf/inventory",
        params={
            "where": "sku=:s and supplyChannel(id=:c)",
            "var.s": "SHIRT-M",
            "var.c": channel_id,
        },
    )
    assert found.json()["results"] == [answer.json()]
    assert client.head("/oneshelf/inventory/key=one").status_code == 200
    assert client.delete(path, params={"version": 2}).status_code == 200
    head = client.head(path)
    assert (head.status_code, head.content) == (404, b"")


def test_a_correlation_id_is_echoed_or_made(client: httpx.Client) -> None:
    headers = {"X-Correlation-ID": "pos-sync/42"}
    echoed = client.post("/oneshelf/inventory", json=entry_draft(), headers=headers)
    assert echoed.headers["x-correlation-id"] == "pos-sync/42"
    made = [client.get("/oneshelf/x").headers["x-correlation-id"] for _ in range(2)]
    assert all(each.startswith("oneshelf/") for each in made)
    assert made[0] != made[1]
    (write,) = client.get("/_sandbox/log").json()["writes"]
    assert write["correlationId"] == "pos-sync/42"


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    path = create_entry(client)
    answer = client.post(path, content=b"x" * (16 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["code"] == "ContentTooLarge"


def test_a_purchase_shows_a_little_later(client: httpx.Client) -> None:
    path = create_entry(client)
    bought = {"sku": "SHIRT-M", "quantity": 4, "orderNumber": "W-1"}
    assert client.post("/_sandbox/purchase", json=bought).status_code == 201
    wait_until(lambda: client.get(path).json()["quantityOnStock"] == 6)
    assert client.get(path).json()["version"] == 2
    again = client.post("/_sandbox/purchase", json=bought)
    assert again.json()["errors"][0]["field"] == "orderNumber"
    too_many = {**bought, "quantity": 7, "orderNumber": "W-2"}
    refused = client.post(
        "/_sandbox/purchase", json={**too_many, "inventoryMode": "ReserveOnOrder"}
    )
    assert refused.status_code == 400
    error = refused.json()["errors"][0]
    assert (error["code"], error["skus"]) == ("OutOfStock", ["SHIRT-M"])


@pytest.mark.parametrize(("when", "quantity"), [("before", 10), ("after", 11)])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_comes_before_or_after_the_write(
    client: httpx.Client, when: str, quantity: int, status: int
) -> None:
    path = create_entry(client)
    fault(client, kind="failure", status=status, when=when, page="html", count=1)
    answer = client.post(path, json=update(1, add(1)))
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert client.get(path).json()["quantityOnStock"] == quantity


@pytest.mark.parametrize(("when", "quantity"), [("before", 10), ("after", 11)])
def test_a_dropped_connection_has_no_answer(
    client: httpx.Client, when: str, quantity: int
) -> None:
    path = create_entry(client)
    fault(client, kind="drop", when=when, count=1)
    with pytest.raises(httpx.TransportError):
        client.post(path, json=update(1, add(1)))
    assert client.get(path).json()["quantityOnStock"] == quantity
    assert client.get("/_sandbox/state").json()["responses"]["dropped"] == 1


def test_a_revoked_token_must_be_asked_for_again(client: httpx.Client) -> None:
    path = create_entry(client)
    fault(client, kind="revokeToken", count=1)
    assert [client.get(path).status_code for _ in range(2)] == [401, 401]
    sign_in(client)
    assert client.get(path).status_code == 200
    assert client.delete("/_sandbox/tokens").status_code == 204
    assert client.get(path).status_code == 401


def test_a_latency_is_waited_for(client: httpx.Client) -> None:
    fault(client, kind="latency", latencyS=0.1, path="/oauth/token", count=1)
    fault(client, kind="latency", latencyS=0.1, when="after", path="/oauth/token")
    started = time.monotonic()
    sign_in(client)
    assert time.monotonic() - started >= 0.2


def test_the_write_of_a_client_that_gave_up_still_happens(client: httpx.Client) -> None:
    path = create_entry(client)
    fault(client, kind="latency", latencyS=0.5, methods=["POST"], count=1)
    with pytest.raises(httpx.TimeoutException):
        client.post(path, json=update(1, add(1)), timeout=0.1)
    wait_until(lambda: client.get(path).json()["quantityOnStock"] == 11)


def test_a_request_cut_off_in_its_body_is_not_worked_on(
    server: SandboxServer, client: httpx.Client
) -> None:
    path = create_entry(client)

    async def cut_off() -> None:
        host, port = server.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n"
        token = client.headers["Authorization"]
        writer.write(f"{head}Authorization: {token}\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    before = client.get("/_sandbox/state").json()["responses"]
    asyncio.run(cut_off())
    assert client.get("/_sandbox/state").json()["responses"] == before


def test_faults_are_listed_and_removed(client: httpx.Client) -> None:
    fault(client, kind="failure", path="/none")
    fault(client, kind="drop", path="/none", count=3)
    first, second = client.get("/_sandbox/faults").json()["faults"]
    assert (first["rule"]["kind"], second["left"]) == ("failure", 3)
    number = first["id"]
    assert client.delete(f"/_sandbox/faults/{number}").status_code == 204
    assert client.delete(f"/_sandbox/faults/{number}").status_code == 404
    assert client.delete("/_sandbox/faults/x").status_code == 404
    assert client.put("/_sandbox/faults").status_code == 404
    assert client.delete("/_sandbox/faults").status_code == 204
    assert client.get("/_sandbox/faults").json() == {"faults": []}
    wrong = client.post("/_sandbox/faults", json={"kind": "fire"})
    assert wrong.status_code == 400


def test_the_state_and_the_log_tell_what_was_accepted(client: httpx.Client) -> None:
    path = create_entry(client, key="one")
    client.post(path, json=update(1, add(5)))
    state = client.get("/_sandbox/state").json()
    (entry,) = state["entries"]
    assert (entry["key"], entry["quantityOnStock"], entry["version"]) == ("one", 15, 2)
    assert (entry["channelKey"], entry["pendingQuantity"]) == (None, 0)
    assert (state["entryCount"], state["writes"]) == (1, 2)
    assert state["responses"] == {"200": 2, "201": 1}
    assert "entries" not in client.get("/_sandbox/state?entries=false").json()
    log = client.get("/_sandbox/log", params={"after": 1}).json()
    assert (log["next"], log["total"], log["dropped"]) == (2, 2, 0)
    (write,) = log["writes"]
    assert (write["delta"], write["quantityAfter"], write["version"]) == (5, 15, 2)
    assert client.get("/_sandbox/log", params={"after": 2}).json()["next"] == 2
    assert client.get("/_sandbox/log", params={"after": "x"}).status_code == 400


def test_a_reset_forgets_everything(client: httpx.Client) -> None:
    path = create_entry(client)
    fault(client, kind="drop", path="/none")
    assert client.post("/_sandbox/reset").status_code == 204
    assert client.get(path).status_code == 401
    state = client.get("/_sandbox/state").json()
    assert (state["entryCount"], state["writes"]) == (0, 0)
    assert client.get("/_sandbox/faults").json() == {"faults": []}
    health = client.get("/_sandbox/health").json()
    assert health == {"status": "ok", "projectKey": "oneshelf"}
    assert client.get("/_sandbox/nothing").status_code == 404


def test_requests_beyond_the_concurrency_wait_their_turn() -> None:
    config = SandboxConfig(concurrent_requests_max=1, latency_s=0.1)
    with (
        SandboxServer(config) as server,
        signed_in(server.url) as client,
        ThreadPoolExecutor(3) as pool,
    ):
        started = time.monotonic()
        answers = pool.map(client.get, ["/oneshelf/inventory"] * 3)
        assert [answer.status_code for answer in answers] == [200] * 3
        assert time.monotonic() - started >= 0.3


def test_jitter_comes_on_top_of_the_latency() -> None:
    config = SandboxConfig(latency_s=0.05, latency_jitter_s=0.01)
    with SandboxServer(config) as server:
        started = time.monotonic()
        with signed_in(server.url):
            assert time.monotonic() - started >= 0.05


def test_too_many_requests_are_told_when_to_come_back() -> None:
    config = SandboxConfig(requests_per_second=0.001, requests_burst=2)
    with SandboxServer(config) as server, signed_in(server.url) as client:
        answers = [client.get("/oneshelf/inventory") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[-1].headers["retry-after"]) > 1


def test_two_servers_keep_apart_and_stop_twice_without_harm() -> None:
    first, second = SandboxServer().start(), SandboxServer().start()
    assert first.url != second.url
    with signed_in(first.url) as client:
        create_entry(client)
    assert second.call(lambda sandbox: len(sandbox.inventory)) == 0
    assert first.call(lambda sandbox: len(sandbox.inventory)) == 1
    for server in (first, second):
        server.stop()
        server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first.url}/_sandbox/health")
    with pytest.raises(RuntimeError, match="not running"):
        first.call(len)  # type: ignore[arg-type] # never called


async def test_it_is_served_inside_a_running_loop() -> None:
    sandbox = Sandbox(SandboxConfig(project_key="acme"))
    async with serving(sandbox) as url, httpx.AsyncClient(base_url=url) as client:
        health = (await client.get("/_sandbox/health")).json()
        assert health["projectKey"] == "acme"
        # No thread in between: the core is at hand.
        sandbox.create_entry(entry_draft())
        state = (await client.get("/_sandbox/state")).json()
        assert state["entryCount"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_of_its_own_ends_cleanly_when_told(
    number: signal.Signals,
) -> None:
    program = (
        "import asyncio\n"
        "from streams.sandbox.commercetools import serve\n"
        "asyncio.run(serve(on_ready=lambda url: print('ready', url, flush=True)))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    assert process.stdout is not None
    url = ""
    while not url:
        line = (await process.stdout.readline()).decode()
        assert line, "The sandbox ended before it was ready"
        url = line.removeprefix("ready ").strip() if line.startswith("ready") else ""
    async with httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/_sandbox/health")).status_code == 200
    process.send_signal(number)
    await process.communicate()
    assert process.returncode == 0
