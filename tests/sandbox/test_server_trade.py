"""Orders and messages over HTTP: a server, a bridge that listens, and the controls.

Waits have a generous deadline: time decides nothing.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from streams.sandbox.commercetools import (
    Lag,
    Notification,
    Sandbox,
    SandboxConfig,
    SandboxServer,
    serving,
)
from tests.sandbox.support import update
from tests.sandbox.test_server import DEADLINE_S, fault, signed_in, wait_until
from tests.sandbox.trade_support import Fields, action


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxConfig(lag=Lag(0, 0.2))) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[httpx.Client]:
    server.call(Sandbox.reset)
    with signed_in(server.url) as signed:
        yield signed


class Bridge:
    """What receives an HTTP destination's notifications."""

    def __init__(self) -> None:
        self.got: list[Fields] = []
        self.status = 204
        self.authorizations: list[str | None] = []
        self.url = ""


@contextmanager
def listening() -> Iterator[Bridge]:
    bridge = Bridge()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bridge.authorizations.append(self.headers["Authorization"])
            if bridge.status < 300:
                bridge.got.append(json.loads(body))
            self.send_response(bridge.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        bridge.url = f"http://127.0.0.1:{server.server_address[1]}/messages"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield bridge
        finally:
            server.shutdown()
            thread.join()


def subscribe(client: httpx.Client, destination: Fields, **fields: object) -> Any:
    draft = {"destination": destination, "messages": [{"resourceTypeId": "order"}]}
    return client.post("/oneshelf/subscriptions", json=draft | fields)


def place(client: httpx.Client, **fields: object) -> Fields:
    draft = {"lineItems": [{"sku": "A"}], "inventoryMode": "None", **fields}
    answer = client.post("/_sandbox/orders", json=draft)
    assert answer.status_code == 201, answer.text
    body: Fields = answer.json()
    return body


def types(bridge: Bridge) -> list[str]:
    return [each["type"] for each in bridge.got if "type" in each]


def test_a_bridge_gets_every_message_and_first_the_test(client: httpx.Client) -> None:
    with listening() as bridge:
        answer = subscribe(client, {"type": "HTTP", "url": bridge.url}, key="pos-sync")
        assert answer.status_code == 201, answer.text
        assert bridge.got[0]["notificationType"] == "ResourceCreated"
        order = place(client, orderNumber="W-1")
        path = "/oneshelf/orders/order-number=W-1"
        change = update(1, action("changeOrderState", orderState="Confirmed"))
        assert client.post(path, json=change).json()["version"] == 2
        wait_until(lambda: len(bridge.got) == 3)
        assert types(bridge) == ["OrderCreated", "OrderStateChanged"]
        assert bridge.got[1]["order"] == order


@pytest.mark.parametrize("secret", [None, "Bearer a-webhook-key"])
def test_a_bridge_is_sent_its_secret_and_nobody_is_shown_it(
    client: httpx.Client, secret: str | None
) -> None:
    with listening() as bridge:
        destination = {"type": "HTTP", "url": bridge.url, "authorization": secret}
        answer = subscribe(client, destination)
    assert bridge.authorizations == [secret]
    assert "a-webhook-key" not in answer.text


def test_a_bridge_that_refuses_the_test_has_no_subscription(
    client: httpx.Client,
) -> None:
    with listening() as bridge:
        bridge.status = 500
        answer = subscribe(client, {"type": "HTTP", "url": bridge.url}, key="pos-sync")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "InvalidInput"
    listed = client.get("/oneshelf/subscriptions").json()
    assert listed["results"] == []


def test_a_bridge_that_was_away_gets_what_it_missed(client: httpx.Client) -> None:
    def status() -> str:
        path = "/oneshelf/subscriptions/key=pos-sync"
        return str(client.get(path).json()["status"])

    with listening() as bridge:
        subscribe(client, {"type": "HTTP", "url": bridge.url}, key="pos-sync")
        bridge.status = 503
        place(client, orderNumber="W-1")
        wait_until(lambda: status() == "TemporaryError")
        bridge.status = 200
        wait_until(lambda: types(bridge) == ["OrderCreated"])
        wait_until(lambda: status() == "Healthy")


def test_a_recurring_order_and_an_import_say_their_own_thing(
    client: httpx.Client,
) -> None:
    with listening() as bridge:
        subscribe(client, {"type": "HTTP", "url": bridge.url})
        place(client, recurringOrderId="rec-1")
        bought = {"sku": "A", "quantity": 1, "inventoryMode": "None"}
        client.post("/_sandbox/purchase", json=bought)
        wait_until(lambda: len(types(bridge)) == 2)
        assert types(bridge) == ["OrderCreatedFromRecurringOrder", "OrderImported"]


def test_conduct_is_set_and_read_over_http(client: httpx.Client) -> None:
    conduct = {"duplicate": 1.0, "reorderS": 0.1}
    answer = client.post("/_sandbox/delivery", json=conduct)
    assert answer.json()["conduct"]["duplicate"] == 1.0
    assert client.post("/_sandbox/delivery", json={"speed": 1}).status_code == 400
    with listening() as bridge:
        subscribe(client, {"type": "HTTP", "url": bridge.url})
        place(client)
        wait_until(lambda: len(types(bridge)) == 2)
        assert bridge.got[1] == bridge.got[2]
    read = client.get("/_sandbox/delivery").json()
    assert read["counts"]["duplicated"] == 1
    assert read["pending"] == 0


def test_messages_are_listed_and_sent_again(client: httpx.Client) -> None:
    with listening() as bridge:
        subscribe(client, {"type": "HTTP", "url": bridge.url})
        place(client)
        (kept,) = client.get("/_sandbox/messages").json()["messages"]
        path = f"/_sandbox/messages/{kept['id']}/resend"
        assert client.post(path).status_code == 204
        wait_until(lambda: len(types(bridge)) == 2)
    assert client.post("/_sandbox/messages/none/resend").status_code == 404
    assert client.delete("/_sandbox/messages").status_code == 404


def test_a_subscription_is_suspended_by_hand(client: httpx.Client) -> None:
    with listening() as bridge:
        subscribe(client, {"type": "HTTP", "url": bridge.url}, key="pos-sync")
        path = "/_sandbox/subscriptions/key=pos-sync/status"
        body = {"status": "ManuallySuspended"}
        assert client.post(path, json=body).status_code == 200
        place(client)
        assert client.get("/_sandbox/delivery").json()["pending"] == 0
        assert client.post(path, json={"status": "Bogus"}).status_code == 400


def test_orders_fail_after_the_write_over_http_too(client: httpx.Client) -> None:
    place(client, orderNumber="W-1")
    path = "/oneshelf/orders/order-number=W-1"
    body = update(1, action("addDelivery", deliveryKey="ns-1"))
    fault(client, kind="drop", when="after", methods=["POST"], count=1)
    with pytest.raises(httpx.TransportError):
        client.post(path, json=body)
    held = client.get(path).json()
    assert (held["version"], len(held["shippingInfo"]["deliveries"])) == (2, 1)
    assert client.post(path, json=body).status_code == 409
    again = client.post(path, json=body | {"version": 2})
    assert again.json()["errors"][0]["code"] == "DuplicateField"
    fault(client, kind="latency", latencyS=0.05, methods=["GET"], count=1)
    started = time.monotonic()
    client.get(path)
    assert time.monotonic() - started >= 0.05


def test_the_state_counts_what_is_traded(client: httpx.Client) -> None:
    place(client)
    draft = {"email": "a@b.de", "authenticationMode": "ExternalAuth"}
    client.post("/oneshelf/customers", json=draft)
    money = {"currencyCode": "EUR", "centAmount": 1}
    client.post("/oneshelf/payments", json={"amountPlanned": money})
    state = client.get("/_sandbox/state").json()
    counts = [state[f"{name}Count"] for name in ("order", "customer", "payment")]
    assert counts == [1, 1, 1]
    assert state["pendingNotifications"] == 0


async def test_a_sink_of_the_embedding_program_is_waited_for() -> None:
    got: list[Notification] = []
    is_complete = asyncio.Event()

    async def sink(notification: Notification) -> None:
        await asyncio.sleep(0)
        got.append(notification)
        is_complete.set()

    sandbox = Sandbox()
    async with serving(sandbox):
        sandbox.subscribe(sink, topic="ct")
        sandbox.place_order([{"sku": "A"}], mode="None")
        await asyncio.wait_for(is_complete.wait(), DEADLINE_S)
    assert {each.topic for each in got} == {"ct"}


async def test_a_plain_sink_is_called_by_the_server() -> None:
    got: list[bytes] = []
    is_complete = asyncio.Event()

    def sink(notification: Notification) -> None:
        got.append(notification.value)
        if len(got) == 2:
            is_complete.set()

    sandbox = Sandbox()
    async with serving(sandbox):
        sandbox.subscribe(sink)
        sandbox.place_order([{"sku": "A"}], mode="None")
        await asyncio.wait_for(is_complete.wait(), DEADLINE_S)
    assert b"OrderCreated" in got[1]
