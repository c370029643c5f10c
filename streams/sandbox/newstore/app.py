"""NewStore's stand-in as an ASGI application: waits, and events to be delivered."""

import asyncio
from collections.abc import Callable
from random import Random

from streams.sandbox.newstore.api import Api
from streams.sandbox.newstore.controls import Controls
from streams.sandbox.newstore.errors import ApiError
from streams.sandbox.newstore.messages import Answer, Request, refusal
from streams.sandbox.newstore.sandbox import Sandbox
from streams.sandbox.shell import Shell


def _nothing() -> None:
    """Wake nobody: without a courier, whoever drives the sandbox takes deliveries."""


class SandboxApp(Shell[Request]):
    """The ASGI application of one sandbox; `on_work` is called after each request."""

    request = Request

    def __init__(
        self, sandbox: Sandbox, on_work: Callable[[], None] = _nothing
    ) -> None:
        self.sandbox = sandbox
        self._on_work = on_work
        self._api = Api(sandbox)
        self._controls = Controls(sandbox, self._begin_anew)
        self._random = Random(f"{sandbox.config.seed}/shell")

    async def answer(self, request: Request) -> Answer:
        """Answer one request, having waited where that is due."""
        if request.segments[:1] == ("_sandbox",):
            answer = self._controls.handle(request)
        else:
            answer = await self._serve(request)
        self._on_work()
        return answer

    def too_large(self) -> Answer:
        return refusal(ApiError(413, "body_too_large", "The request is too large."))

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
