"""The ASGI shell: bytes in, the core's answer out, with waits and dropped lines."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from random import Random
from typing import Any, cast
from urllib.parse import parse_qs, unquote

from streams.sandbox.listening import ABORT
from streams.sandbox.newstore.api import Api
from streams.sandbox.newstore.controls import Controls
from streams.sandbox.newstore.errors import ApiError
from streams.sandbox.newstore.messages import Answer, Request, refusal
from streams.sandbox.newstore.sandbox import Sandbox

BODY_BYTES_MAX = 16 * 1024 * 1024

# Any: ASGI's own types are open dictionaries.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


def _nothing() -> None:
    """Wake nobody: without a courier, whoever drives the sandbox takes deliveries."""


class SandboxApp:
    """The ASGI application of one sandbox; `on_work` is called after each request."""

    def __init__(
        self, sandbox: Sandbox, on_work: Callable[[], None] = _nothing
    ) -> None:
        self.sandbox = sandbox
        self._on_work = on_work
        self._api = Api(sandbox)
        self._controls = Controls(sandbox, self._begin_anew)
        self._random = Random(f"{sandbox.config.seed}/shell")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"The sandbox speaks HTTP, not {scope['type']}")
        try:
            request = _request(scope, await _read(receive))
        except ClientGone:
            return
        except ApiError as error:
            await _respond(send, refusal(error))
            return
        if request.segments[:1] == ("_sandbox",):
            answer = self._controls.handle(request)
        else:
            answer = await self._serve(request)
        self._on_work()
        if answer.is_dropped:
            await _drop(scope, receive)
        else:
            await _respond(send, answer)

    async def _serve(self, request: Request) -> Answer:
        config = self.sandbox.config
        strike = self.sandbox.faults.draw(request.method, request.path)
        wait_s = config.latency_s + strike.delay_before_s
        if config.latency_jitter_s:
            wait_s += self._random.uniform(0, config.latency_jitter_s)
        if wait_s:
            await asyncio.sleep(wait_s)
        # A client that gave up meanwhile is not noticed: its write still happens.
        answer = self._api.handle(request, strike)
        if strike.delay_after_s:
            self._on_work()
            await asyncio.sleep(strike.delay_after_s)
        return answer

    def _begin_anew(self) -> None:
        self._api = Api(self.sandbox)


def create_app(sandbox: Sandbox, on_work: Callable[[], None] = _nothing) -> SandboxApp:
    """Build the ASGI application of a sandbox."""
    return SandboxApp(sandbox, on_work)


def _request(scope: Scope, body: bytes) -> Request:
    headers = dict(scope["headers"])
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    authorization = headers.get(b"authorization")
    return Request(
        method=scope["method"],
        path=path,
        segments=tuple(unquote(part) for part in path.split("/") if part),
        parameters=parse_qs(query, keep_blank_values=True) if query else {},
        body=body,
        authorization=authorization.decode("latin-1") if authorization else None,
    )


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += cast(bytes, message.get("body", b""))
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(413, "body_too_large", "The request is too large.")
        if not message.get("more_body", False):
            return body


async def _respond(send: Send, answer: Answer) -> None:
    content_type, payload = answer.payload()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(payload)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers),
    ]
    if answer.status == 204:
        del headers[:2]
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": headers}
    )
    await send({"type": "http.response.body", "body": payload})


async def _drop(scope: Scope, receive: Receive) -> None:
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise ConnectionAbortedError("The sandbox dropped this request")
    abort()
    # Once the server has noticed, it does not answer in our place.
    while (await receive())["type"] != "http.disconnect":
        pass
