"""The ASGI shell: bytes in, the core's answer out, with waits and dropped lines.

Plain ASGI rather than a framework: the whole API is a handful of addresses, and an
update must cost little more than the server itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, nullcontext
from random import Random
from typing import Any, cast
from urllib.parse import parse_qs, unquote

from streams.sandbox.commercetools.api import Api
from streams.sandbox.commercetools.controls import Controls
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.messages import Answer, Request, refusal
from streams.sandbox.commercetools.postman import after_trials
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.listening import ABORT

# Docs, "Limits": a persisted document has at most 16 MB.
BODY_BYTES_MAX = 16 * 1024 * 1024

# Any: ASGI's own types are open dictionaries.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class SandboxApp:
    """The ASGI application of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        config = sandbox.config
        self.sandbox = sandbox
        self._api = Api(sandbox)
        self._controls = Controls(sandbox)
        self._random = Random(f"{config.seed}/shell")
        self._gate: AbstractAsyncContextManager[object] = nullcontext()
        if config.concurrent_requests_max is not None:
            self._gate = asyncio.Semaphore(config.concurrent_requests_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"The sandbox speaks HTTP, not {scope['type']}")
        try:
            request = self._request(scope, await _read(receive))
        except ClientGone:
            return
        except ApiError as error:
            await _respond(send, refusal(error), "")
            return
        if request.segments[:1] == ("_sandbox",):
            answer = self._controls.handle(request)
            answer = await after_trials(self.sandbox, answer)
        else:
            answer = await self._serve(request)
        if answer.is_dropped:
            await _drop(scope, receive)
        else:
            await _respond(send, answer, request.correlation_id)

    async def _serve(self, request: Request) -> Answer:
        config = self.sandbox.config
        strike = self.sandbox.faults.draw(request.method, request.path)
        async with self._gate:
            wait_s = config.latency_s + strike.delay_before_s
            if config.latency_jitter_s:
                wait_s += self._random.uniform(0, config.latency_jitter_s)
            if wait_s:
                await asyncio.sleep(wait_s)
            # A client that gave up meanwhile is not noticed: its write still happens.
            answer = self._api.handle(request, strike)
            answer = await after_trials(self.sandbox, answer)
            if strike.delay_after_s:
                await asyncio.sleep(strike.delay_after_s)
        return answer

    def _request(self, scope: Scope, body: bytes) -> Request:
        headers = dict(scope["headers"])
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        authorization = headers.get(b"authorization")
        correlation_id = headers.get(b"x-correlation-id", b"").decode("latin-1")
        return Request(
            method=scope["method"],
            path=path,
            segments=tuple(unquote(part) for part in path.split("/") if part),
            parameters=parse_qs(query, keep_blank_values=True) if query else {},
            body=body,
            authorization=authorization.decode("latin-1") if authorization else None,
            correlation_id=correlation_id or self._correlation_id(),
        )

    def _correlation_id(self) -> str:
        """Return an id as the vendor makes them when the client sends none."""
        project = self.sandbox.config.project_key
        return f"{project}/{self._random.getrandbits(128):032x}"


def create_app(sandbox: Sandbox) -> SandboxApp:
    """Build the ASGI application of a sandbox."""
    return SandboxApp(sandbox)


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += cast(bytes, message.get("body", b""))
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(413, "ContentTooLarge", "The request is too large.")
        if not message.get("more_body", False):
            return body


async def _respond(send: Send, answer: Answer, correlation_id: str) -> None:
    content_type, payload = answer.payload()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(payload)).encode()),
        (b"x-correlation-id", correlation_id.encode("latin-1")),
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
