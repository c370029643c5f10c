"""Carries events to whoever registered: POST, one event a call, the key as bearer.

Source: Event Stream configuration API (`callback_url`, `api_key`).
"""

import asyncio
from types import TracebackType
from typing import Self

import httpx

from streams.sandbox.newstore.sandbox import Sandbox
from streams.sandbox.newstore.stream import Delivery

# Deliveries under way at once; the rest waits its turn.
CONCURRENT_MAX = 32
# The longest sleep, should the clock be moved by hand meanwhile.
SLEEP_S_MAX = 0.5


class Courier:
    """Delivers a sandbox's events while it runs."""

    def __init__(
        self, sandbox: Sandbox, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._sandbox = sandbox
        self._woken = asyncio.Event()
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=sandbox.config.stream.timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=CONCURRENT_MAX),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    def wake(self) -> None:
        """Look at once for what is due."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver what comes due, until cancelled."""
        under_way: set[asyncio.Task[None]] = set()
        while True:
            room = CONCURRENT_MAX - len(under_way)
            for delivery in self._sandbox.take_deliveries(room):
                task = asyncio.create_task(self._carry(delivery))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                task.add_done_callback(lambda _: self.wake())
            self._woken.clear()
            # With no room, the next answer wakes us.
            wait_s = SLEEP_S_MAX if len(under_way) >= CONCURRENT_MAX else self._wait_s()
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def deliver_due(self) -> int:
        """Deliver everything that is due now; return how many deliveries that were."""
        deliveries = self._sandbox.take_deliveries()
        for start in range(0, len(deliveries), CONCURRENT_MAX):
            group = deliveries[start : start + CONCURRENT_MAX]
            await asyncio.gather(*(self._carry(delivery) for delivery in group))
        return len(deliveries)

    def _wait_s(self) -> float:
        due_at = self._sandbox.next_due_at
        if due_at is None:
            return SLEEP_S_MAX
        wait_s = (due_at - self._sandbox.clock()).total_seconds()
        return min(SLEEP_S_MAX, max(0.0, wait_s))

    async def _carry(self, delivery: Delivery) -> None:
        status: int | None = None
        try:
            status = await self._post(delivery)
        finally:
            # A courier that is stopped has had no answer, either.
            self._sandbox.answered(delivery, status)

    async def _post(self, delivery: Delivery) -> int | None:
        held = self._sandbox.world.stream.integrations.find(delivery.integration_id)
        if held is None:
            return None
        headers = {"Content-Type": "application/json"}
        if held.callback.api_key:
            headers["Authorization"] = f"Bearer {held.callback.api_key}"
        try:
            answer = await self._client.post(
                held.callback.callback_url, content=delivery.body, headers=headers
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return answer.status_code
