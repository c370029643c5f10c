"""The front as an application: look-ups and events here, the rest by the worker."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

import httpx
import msgspec
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from streams.front.mirror import Mirror
from streams.settings import Settings
from streams.web.answering import answer_for, guard_of
from streams.web.auth import Caller, Scope
from streams.web.bodies import Bodies, Disconnected
from streams.web.event_lane import TakesEvents
from streams.web.express import KnownHeads
from streams.web.express_events import EVENTS_PATH
from streams.web.lookup import QUERY_PATH
from streams.web.metrics import METRIC, WebMetrics
from streams.web.models import SKUS_MAX
from streams.web.paths import LOOKUP_ROUTES as ROUTES
from streams.web.paths import names_of
from streams.web.ports import EventSink
from streams.web.replies import (
    HeaderList,
    Message,
    Receive,
    Reply,
    Send,
    json_body,
    unavailable,
)
from streams.web.replies import Scope as Connection
from streams.web.webhook import Webhook

METRICS_PATH = b"/metrics"
ANSWER_TIMEOUT_S = 60.0
RETRY_AFTER_S = 1.0
_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"date"})

_log = structlog.get_logger(__name__)


class Front(TakesEvents):
    """Fits the server as the worker's own application does, and answers the same."""

    def __init__(
        self, *, settings: Settings, mirror: Mirror, sink: EventSink, inner_path: str
    ) -> None:
        self._guard = guard_of(settings)
        self._mirror = mirror
        self._bodies = Bodies()
        self._webhook = Webhook(guard=self._guard, sink=sink, bodies=self._bodies)
        self._registry = CollectorRegistry()
        self._metrics = WebMetrics(self._registry)
        self.known_heads, self.known_event_heads = KnownHeads(), KnownHeads()
        self._inner = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=inner_path),
            base_url="http://worker",
            timeout=ANSWER_TIMEOUT_S,
        )

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        target = scope["raw_path"]
        if (scope["method"], target) == ("POST", EVENTS_PATH):
            route = EVENTS_PATH.decode()
            reply = await answer_for(self._webhook.take(scope["headers"], receive))
        else:
            names = names_of(target)
            route = target.decode("latin-1") if names is None else ROUTES[len(names)]
            reply = await answer_for(self._answer(scope, receive))
        await reply.send(send)
        self._metrics.observe(route, reply.status, time.perf_counter() - started)

    # --- What the fast lanes ask ---

    def body_at_once(self, sku: bytes) -> bytes | None:
        """Answer for a SKU to a caller who may read; else not at all."""
        started = time.perf_counter()
        body = self._mirror.body(sku)
        if body is not None:
            self._metrics.observe(ROUTES[1], 200, time.perf_counter() - started)
        return body

    def answer_at_once(self, target: bytes, headers: HeaderList) -> Reply | None:
        """Answer a look-up of a SKU that is a plain success; else not at all."""
        names = names_of(target)
        if names is None or len(names) != 1:
            return None
        if not self._guard.allows(Caller.of(headers), Scope.READ):
            return None
        body = self.body_at_once(names[0].encode())
        return None if body is None else json_body(body)

    async def aclose(self) -> None:
        """Close the connections to the worker."""
        await self._inner.aclose()

    # --- The worker's part ---

    async def _answer(self, scope: Connection, receive: Receive) -> Reply:
        if is_query(scope):
            return await self._query(scope, receive)
        names = names_of(scope["raw_path"]) if scope["method"] == "GET" else None
        caller = Caller.of(scope["headers"])
        if names and len(names) == 1 and self._guard.allows(caller, Scope.READ):
            # Cheaper than asking the worker, and the next time it is known.
            body = await self._mirror.wait_for(names[0].encode())
            if body is not None:
                return json_body(body)
        return await self._ask_worker(scope, receive)

    async def _query(self, scope: Connection, receive: Receive) -> Reply:
        """Answer for many SKUs if all are known here; else the worker does."""
        headers = scope["headers"]
        with await self._bodies.read(headers, receive) as body:
            content = body.content
            if self._guard.allows(Caller.of(headers), Scope.READ):
                items = self._items(content)
                if items is not None:
                    return json_body(b'{"items":[%b],"unknown":[]}' % b",".join(items))
            return await self._ask_worker(scope, _again(content))

    def _items(self, content: bytes) -> list[bytes] | None:
        try:
            skus = _decode_query(content).skus
        except msgspec.DecodeError:
            return None  # The worker says what is wrong with it.
        items: list[bytes] = []
        for sku in dict.fromkeys(skus):
            item = self._mirror.body(sku.encode())
            if item is None:
                return None
            items.append(item)
        return items or None

    async def _ask_worker(self, scope: Connection, receive: Receive) -> Reply:
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        request = self._inner.build_request(
            scope["method"],
            httpx.URL("http://worker").copy_with(raw_path=target),
            headers=scope["headers"],
            content=_body_of(receive) if _has_body(scope) else None,
        )
        try:
            answer = await self._inner.send(request)
        except httpx.HTTPError as error:
            _log.warning("worker_silent", reason=repr(error))
            raise unavailable(
                "The worker behind this address does not answer.",
                kind="worker-silent",
                retry_after_s=RETRY_AFTER_S,
            ) from error
        headers = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.lower() not in _HOP_BY_HOP and name.lower() != b"content-length"
        ]
        body = answer.content
        if scope["raw_path"] == METRICS_PATH and answer.is_success:
            body = _without(body, METRIC) + generate_latest(self._registry)
        return Reply(answer.status_code, headers, body)


class _Query(msgspec.Struct, forbid_unknown_fields=True):
    skus: Annotated[list[str], msgspec.Meta(min_length=1, max_length=SKUS_MAX)]


_decode_query = msgspec.json.Decoder(_Query).decode


def is_query(scope: Connection) -> bool:
    """Say whether a request asks for many SKUs at once."""
    return (scope["method"], scope["raw_path"]) == ("POST", QUERY_PATH)


def _again(content: bytes) -> Receive:
    """Hand over a body that has been read, as if it came just now."""

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


def _has_body(scope: Connection) -> bool:
    return any(
        name in (b"content-length", b"transfer-encoding")
        for name, _ in scope["headers"]
    )


async def _body_of(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        yield cast(bytes, message.get("body", b""))
        more = message.get("more_body", False)


def _without(exposition: bytes, metric: str) -> bytes:
    """Leave a metric out: the front counts every request, the worker some of them."""
    name = metric.encode()
    starts = (name, b"# HELP " + name, b"# TYPE " + name)
    lines = exposition.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(starts))
