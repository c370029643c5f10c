"""A NewStore stand-in on loopback, a hub that it tells, and short ways to both."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from streams.sandbox.newstore import Node, SandboxConfig, StreamConfig
from tests.sandbox.newstore.desk import CREDENTIALS, STREAMS, TOKENS
from tests.sandbox.newstore.support import TEE

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


def receive(client: httpx.Client) -> None:
    act(client, "receive", node_id="LDN01", lines=[{"product_id": TEE, "quantity": 2}])
