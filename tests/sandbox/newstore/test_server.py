"""The stand-in as a server on loopback: deliveries, faults, controls, a clean end.

Waits here have a lower bound only, or a generous deadline: time decides nothing.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from streams.sandbox.newstore import (
    ATP_PATH,
    Node,
    Sandbox,
    SandboxConfig,
    SandboxServer,
    StreamConfig,
    serving,
)
from tests.sandbox.newstore.support import TEE, web_order
from tests.sandbox.newstore.test_api import CREDENTIALS, STREAMS, TOKENS

DEADLINE_S = 30.0
INJECT = "/v0/d/fulfill_order"
CONFIG = SandboxConfig(
    nodes=(Node("LDN01"), Node("LDN02")),
    requests_per_second=None,
    stream=StreamConfig(retry_first_s=0.05, retry_max_s=0.1),
)


class Hub:
    """A webhook that answers as it is told and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.events: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                hub.events.append(json.loads(self.rfile.read(length)))
                hub.keys.append(self.headers["Authorization"])
                status = hub.answers.pop(0) if hub.answers else 200
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def names(self) -> list[str]:
        return [event["name"] for event in self.events]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(CONFIG) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[httpx.Client]:
    server.call(Sandbox.reset)
    with httpx.Client(base_url=server.url, timeout=DEADLINE_S) as found:
        sign_in(found)
        yield found


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub()
    yield found
    found.close()


def sign_in(client: httpx.Client) -> None:
    token = client.post(TOKENS, data=CREDENTIALS).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def act(client: httpx.Client, name: str, **arguments: Any) -> Any:
    answer = client.post(f"/_sandbox/acts/{name}", json=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


def fault(client: httpx.Client, **rule: Any) -> None:
    assert client.post("/_sandbox/faults", json=rule).status_code == 201


def listen(client: httpx.Client, hub: Hub, key: str = "secret") -> None:
    callback = {"callback_url": hub.url, "api_key": key}
    body = {"id": "hub", "callback_parameters": callback}
    assert client.post(STREAMS, json=body).status_code == 201


def stock(client: httpx.Client, on_hand: int = 5, node: str = "LDN01") -> None:
    act(client, "set_stock", node_id=node, product_id=TEE, on_hand=on_hand)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "It did not happen"
        time.sleep(0.01)


def orders(client: httpx.Client) -> int:
    return int(client.get("/_sandbox/state").json()["orders"])


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


def receive(client: httpx.Client) -> None:
    act(client, "receive", node_id="LDN01", lines=[{"product_id": TEE, "quantity": 2}])


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


def test_faults_are_listed_and_removed(client: httpx.Client) -> None:
    fault(client, kind="failure", path="/none")
    fault(client, kind="drop", path="/none", count=3)
    first, second = client.get("/_sandbox/faults").json()["faults"]
    assert (first["rule"]["kind"], second["left"]) == ("failure", 3)
    number = first["id"]
    assert client.delete(f"/_sandbox/faults/{number}").status_code == 204
    assert client.delete(f"/_sandbox/faults/{number}").status_code == 404
    assert client.delete("/_sandbox/faults").status_code == 204
    assert client.get("/_sandbox/faults").json() == {"faults": []}
    for wrong in (
        {"kind": "fire"},
        {"kind": "drop", "path": "("},
        {"kind": "drop", "x": 1},
    ):
        assert client.post("/_sandbox/faults", json=wrong).status_code == 400


def test_a_web_order_lives_its_life_by_the_controls(client: httpx.Client) -> None:
    stock(client, 1, "LDN01")
    stock(client, 1, "LDN02")
    made = client.post(INJECT, json=web_order(units=2)).json()
    act(client, "lose", node_id="LDN01", product_id=TEE)
    first, second = client.get("/_sandbox/requests").json()["requests"]
    act(client, "reject", request_id=first["id"])
    act(client, "accept", request_id=second["id"])
    act(client, "ready", request_id=second["id"])
    parcel = act(client, "ship", request_id=second["id"], tracking_code="1Z")
    assert parcel["shipment_id"] == f"{second['id']}-shipment-1"
    act(client, "turn_up", node_id="LDN01", product_id=TEE)
    held = client.get("/_sandbox/orders/WEB-1").json()
    (stuck,) = [unit for unit in held["units"] if unit["state"] == "on_hold"]
    act(client, "reroute", unit_ids=[stuck["id"]], node_id="LDN01")
    (last,) = client.get("/_sandbox/requests").json()["requests"]
    act(client, "ship", request_id=last["id"])
    back = [{"product_id": TEE, "condition_code": 2}]
    act(client, "give_back", order="WEB-1", node_id="LDN02", items=back)
    act(client, "appease", order=made["id"], amount=5)
    body = client.get(f"/_sandbox/orders/{made['id']}").json()
    assert sorted(unit["state"] for unit in body["units"]) == ["completed", "returned"]
    assert (body["is_closed"], len(body["returns"])) == (True, 1)
    state = client.get("/_sandbox/state").json()
    assert state["units"] == {"completed": 1, "returned": 1}
    rows = client.get("/_sandbox/stock").json()["stock"]
    assert {row["node_id"]: row["damaged"] for row in rows} == {"LDN01": 0, "LDN02": 1}


def test_every_other_act_is_at_hand(client: httpx.Client) -> None:
    assert act(client, "add_node", node_id="DC01", kind="dc") == {"id": "DC01"}
    stock(client, 9)
    lines = [{"product_id": TEE, "quantity": 1}]
    asn = act(client, "transfer", origin="LDN01", destination="DC01", lines=lines)
    act(client, "receive", node_id="DC01", lines=lines, asn_id=asn["id"])
    act(client, "damage", node_id="LDN01", product_id=TEE)
    act(client, "adjust", node_id="LDN01", product_id=TEE, quantity=-1)
    act(client, "count", node_id="LDN01", counts={TEE: None})
    sold = act(client, "sell", node_id="LDN01", lines=[{"product_id": TEE}])
    back = [{"product_id": TEE}]
    swapped = act(
        client,
        "exchange",
        order=sold["id"],
        node_id="LDN01",
        items=back,
        lines=[{"product_id": TEE, "price": 12.5}],
    )
    assert swapped["order"]["units"][0]["paid"] == 12.5
    act(client, "give_back_blind", node_id="LDN01", items=back)
    client.post(INJECT, json=web_order())
    cancelled = act(client, "cancel", order="WEB-1")
    assert cancelled["units"][0]["state"] == "cancelled"
    facts = client.get("/_sandbox/journal/facts?limit=500").json()
    kinds = {record["kind"] for record in facts["records"]}
    assert {"transferred", "received", "damaged", "adjusted", "counted"} <= kinds
    assert {"sold", "returned", "order_injected", "assigned", "cancelled"} <= kinds
    events = client.get("/_sandbox/events?after=1&limit=1").json()
    assert events["records"][0]["number"] == 2
    assert events["next"] == 2 < events["total"]


def test_what_the_controls_do_not_know_is_refused_in_words(
    client: httpx.Client,
) -> None:
    for path in ("acts/dance", "nothing", "stream/x"):
        assert client.post(f"/_sandbox/{path}").status_code == 404
    wrong = client.post("/_sandbox/acts/lose", json={"node_id": "LDN01"})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "invalid_request")
    assert client.post("/_sandbox/acts/lose", content=b"[]").status_code == 400
    assert client.post("/_sandbox/acts/lose", content=b"{").status_code == 400
    assert client.get("/_sandbox/journal/secrets").status_code == 404
    assert client.get("/_sandbox/events?after=x").status_code == 400


def test_settings_change_while_it_runs(client: httpx.Client) -> None:
    body = {"reroutes": False, "stream": {"duplicates": 0.5}}
    changed = client.patch("/_sandbox/settings", json=body).json()
    assert (changed["reroutes"], changed["stream"]["duplicates"]) == (False, 0.5)
    assert changed["stream"]["retry_first_s"] == 0.05
    for wrong in (
        {"seed": 2},
        {"reroutes": 1},
        {"stream": {"duplicates": 2}},
        {"stream": {"speed": 1}},
        {"stream": {"delay_max_s": "soon"}},
    ):
        assert client.patch("/_sandbox/settings", json=wrong).status_code == 400


def test_a_reset_forgets_everything(client: httpx.Client) -> None:
    stock(client)
    fault(client, kind="drop", path="/none")
    client.post(INJECT, json=web_order())
    assert client.post("/_sandbox/reset").status_code == 204
    assert client.get("/v0/locations").status_code == 403
    state = client.get("/_sandbox/state").json()
    assert (state["orders"], state["events"], state["facts"]) == (0, 0, 0)
    assert client.get("/_sandbox/faults").json() == {"faults": []}
    health = client.get("/_sandbox/health").json()
    assert health == {"status": "ok", "tenant": "oneshelf"}


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
