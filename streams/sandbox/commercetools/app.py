"""commercetools' stand-in as an ASGI application: waits, and trials of messages."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from random import Random

from streams.sandbox.commercetools.api import Api
from streams.sandbox.commercetools.controls import Controls
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.messages import Answer, Request, refusal
from streams.sandbox.commercetools.postman import after_trials
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.shell import Shell


class SandboxApp(Shell[Request]):
    """The ASGI application of one sandbox."""

    request = Request

    def __init__(self, sandbox: Sandbox) -> None:
        config = sandbox.config
        self.sandbox = sandbox
        self._api = Api(sandbox)
        self._controls = Controls(sandbox)
        self._random = Random(f"{config.seed}/shell")
        self._gate: AbstractAsyncContextManager[object] = nullcontext()
        if config.concurrent_requests_max is not None:
            self._gate = asyncio.Semaphore(config.concurrent_requests_max)

    async def answer(self, request: Request) -> Answer:
        """Answer one request, having waited where that is due."""
        if request.segments[:1] == ("_sandbox",):
            return await after_trials(self.sandbox, self._controls.handle(request))
        return await self._serve(request)

    def too_large(self) -> Answer:
        return refusal(ApiError(413, "ContentTooLarge", "The request is too large."))

    def complete(self, request: Request) -> Request:
        """Give it a correlation id as the vendor does, if the client sends none."""
        if request.correlation_id:
            return request
        project = self.sandbox.config.project_key
        made = f"{project}/{self._random.getrandbits(128):032x}"
        return replace(request, correlation_id=made)

    def headers(self, request: Request) -> Sequence[tuple[bytes, bytes]]:
        return [(b"x-correlation-id", request.correlation_id.encode("latin-1"))]

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


def create_app(sandbox: Sandbox) -> SandboxApp:
    """Build the ASGI application of a sandbox."""
    return SandboxApp(sandbox)
