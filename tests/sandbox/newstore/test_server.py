"""The stand-in as a server on loopback: deliveries, faults, a clean end.

Waits here have a lower bound only, or a generous deadline: time decides nothing.
"""

import asyncio
import json
import os
import signal
import sys

import httpx
import pytest

from streams.sandbox.newstore import (
    ATP_PATH,
    Node,
    Sandbox,
    SandboxConfig,
    SandboxServer,
    serving,
)
from tests.sandbox.newstore.serving import (
    INJECT,
    Hub,
    fault,
    listen,
    orders,
    receive,
    sign_in,
    stock,
    wait_until,
)
from tests.sandbox.newstore.support import TEE, web_order


def test_events_go_to_the_callback_with_its_key(client: httpx.Client, hub: Hub) -> None:
    listen(client, hub)
    stock(client)
    assert client.post(INJECT, json=web_order()).status_code == 200
    wait_until(lambda: len(hub.events) == 4)
    assert set(hub.keys) == {"Bearer secret"}
    assert set(hub.names()) == {
        "order.created",
        "order.opened",
        "fulfillment_request.assigned",
        "payment_account.amount_authorized",
    }


def test_an_event_is_sent_again_until_it_is_taken(
    client: httpx.Client, hub: Hub
) -> None:
    listen(client, hub)
    hub.answers = [500, 0, 503]
    receive(client)
    wait_until(lambda: len(hub.events) == 4)
    assert len({json.dumps(event) for event in hub.events}) == 1
    wait_until(
        lambda: len(client.get("/_sandbox/journal/attempts").json()["records"]) == 4
    )
    records = client.get("/_sandbox/journal/attempts").json()["records"]
    assert [record["status"] for record in records] == [500, None, 503, 200]
    assert records[-1]["outcome"] == "accepted"


def test_an_event_that_is_refused_is_listed_and_sent_by_hand(
    client: httpx.Client, hub: Hub
) -> None:
    listen(client, hub)
    hub.answers = [422]
    receive(client)
    address = "/_sandbox/stream/rejected"
    wait_until(lambda: client.get(address).json()["rejected"] != [])
    assert client.post("/_sandbox/stream/hub/retry").json() == {"retried": 1}
    wait_until(lambda: len(hub.events) == 2)
    assert client.get(address).json() == {"rejected": []}


def test_events_wait_for_a_hub_that_is_not_there(client: httpx.Client) -> None:
    gone = Hub()
    gone.close()
    listen(client, gone)
    receive(client)
    wait_until(lambda: client.get("/_sandbox/state").json()["attempts"] >= 2)
    assert client.get("/_sandbox/state").json()["pending_deliveries"] == 1


def test_the_past_can_be_sent_once_more(client: httpx.Client, hub: Hub) -> None:
    receive(client)
    listen(client, hub)
    assert client.post("/_sandbox/stream/hub/replay/3600").status_code == 204
    wait_until(lambda: len(hub.events) == 1)
    assert client.post("/_sandbox/stream/none/replay/1").status_code == 404


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_comes_before_or_after_the_write(
    client: httpx.Client, when: str, made: int, status: int
) -> None:
    fault(client, kind="failure", status=status, when=when, page="html", count=1)
    answer = client.post(INJECT, json=web_order())
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html"
    assert orders(client) == made
    assert client.post(INJECT, json=web_order()).status_code == 200
    assert orders(client) == 1


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_has_no_answer(
    client: httpx.Client, when: str, made: int
) -> None:
    fault(client, kind="drop", when=when, count=1)
    with pytest.raises(httpx.TransportError):
        client.post(INJECT, json=web_order())
    assert orders(client) == made
    assert client.get("/_sandbox/state").json()["responses"]["dropped"] == 1
    (call,) = client.get("/_sandbox/journal/calls?after=1").json()["records"]
    assert (call["status"], call["faults"]) == (0, ["drop"])


def test_an_answer_that_is_late_comes_after_the_work(client: httpx.Client) -> None:
    fault(client, kind="latency", when="after", latency_s=0.3, count=1)
    with pytest.raises(httpx.TimeoutException):
        client.post(INJECT, json=web_order(), timeout=0.1)
    assert orders(client) == 1


def test_the_write_of_a_client_that_gave_up_still_happens(client: httpx.Client) -> None:
    fault(client, kind="latency", latency_s=0.3, count=1)
    with pytest.raises(httpx.TimeoutException):
        client.post(INJECT, json=web_order(), timeout=0.1)
    wait_until(lambda: orders(client) == 1)


def test_both_forms_of_rate_limiting_can_be_had(client: httpx.Client) -> None:
    fault(client, kind="rate_limit", retry_after_s=2.5, count=1)
    newer = client.post(INJECT, json=web_order())
    assert (newer.status_code, newer.headers["retry-after"]) == (429, "3")
    fault(client, kind="blocked", count=1)
    older = client.post(INJECT, json=web_order())
    assert older.status_code == 403
    assert older.headers["content-type"] == "text/html"
    assert b"403 Forbidden" in older.content
    assert orders(client) == 0


def test_a_revoked_token_must_be_asked_for_again(client: httpx.Client) -> None:
    fault(client, kind="revoke_token", count=1)
    for _ in range(2):
        assert client.post(INJECT, json=web_order()).status_code == 403
    sign_in(client)
    assert client.post(INJECT, json=web_order()).status_code == 200
    assert client.delete("/_sandbox/tokens").status_code == 204
    assert client.get("/v0/locations").status_code == 403


def test_a_wrong_availability_and_the_right_book(client: httpx.Client) -> None:
    stock(client, 1)
    fault(client, kind="wrong_atp", quantity=-1, path="availabilities", count=1)
    keys = {"atp_keys": [{"product_id": TEE, "fulfillment_node_id": "LDN01"}]}
    shown = [client.post(ATP_PATH, json=keys).json()["items"][0]["atp"] for _ in "ab"]
    assert shown == [0, 1]


def test_a_grace_period_ends_by_itself(hub: Hub) -> None:
    config = SandboxConfig(nodes=(Node("LDN01"),), grace_s=0.2)
    with SandboxServer(config) as server, httpx.Client(base_url=server.url) as client:
        sign_in(client)
        listen(client, hub)
        stock(client)
        client.post(INJECT, json=web_order())
        wait_until(lambda: "fulfillment_request.assigned" in hub.names())


def test_two_servers_keep_apart_and_stop_twice_without_harm() -> None:
    first, second = SandboxServer().start(), SandboxServer().start()
    assert first.url != second.url
    first.call(lambda sandbox: sandbox.set_stock("LDN01", TEE, 3))
    assert second.call(lambda sandbox: sandbox.stock("LDN01", TEE).atp) == 0
    for server in (first, second):
        server.stop()
        server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first.url}/_sandbox/health")
    with pytest.raises(RuntimeError, match="not running"):
        first.call(len)  # type: ignore[arg-type] # never called


async def test_it_is_served_inside_a_running_loop() -> None:
    sandbox = Sandbox(SandboxConfig(tenant="acme"))
    async with serving(sandbox) as url, httpx.AsyncClient(base_url=url) as client:
        health = (await client.get("/_sandbox/health")).json()
        assert health["tenant"] == "acme"
        # No thread in between: the core is at hand.
        sandbox.set_stock("LDN01", TEE, 3)
        rows = (await client.get("/_sandbox/stock")).json()["stock"]
        assert rows[0]["atp"] == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_of_its_own_ends_cleanly_when_told(
    number: signal.Signals,
) -> None:
    program = (
        "import asyncio\n"
        "from streams.sandbox.newstore import serve\n"
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
