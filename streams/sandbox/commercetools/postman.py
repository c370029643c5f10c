"""Takes due notifications to their sinks inside the server's loop, HTTP among them.

The vendor has no HTTP destination: ours stands for a bridge behind a queue.
"""

import asyncio
import inspect
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

import httpx

from streams.sandbox.commercetools.messages import Answer, refusal
from streams.sandbox.commercetools.messaging.courier import (
    Consignment,
    Notification,
    undeliverable,
)
from streams.sandbox.commercetools.messaging.subscriptions import HTTP
from streams.sandbox.commercetools.sandbox import Sandbox

# A destination that takes longer has not taken it.
SEND_TIMEOUT_S = 5.0
# A clock moved by hand is looked at this often.
LOOK_S = 0.25


class Postman:
    """Delivers for one sandbox until the server stops."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._client = httpx.AsyncClient(timeout=SEND_TIMEOUT_S, trust_env=False)
        self._posted = asyncio.Event()

    async def run(self) -> None:
        """Deliver whatever is due, for ever."""
        while True:
            sandbox = self._sandbox
            sandbox.courier.on_posted = self._posted.set
            self._posted.clear()
            await self._round()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._posted.wait(), self._wait_s())

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def post(self, notification: Notification) -> None:
        """POST a notification to the URL of its HTTP destination; 2xx is taken.

        The destination's `authorization`, if any, goes along as that header.
        """
        destination = notification.destination
        headers = {"Content-Type": "application/json"}
        if destination.get("authorization") is not None:
            headers["Authorization"] = str(destination["authorization"])
        response = await self._client.post(
            str(destination["url"]), content=notification.value, headers=headers
        )
        response.raise_for_status()

    def _wait_s(self) -> float:
        due_at = self._sandbox.courier.next_due_at()
        if due_at is None:
            return LOOK_S
        wait_s = (due_at - self._sandbox.clock()).total_seconds()
        return min(LOOK_S, max(0.0, wait_s))

    async def _round(self) -> None:
        """Deliver what is due: one after another per subscription, so none waits."""
        sandbox = self._sandbox
        # Of subscriptions that the embedding program made without a request.
        await after_trials(sandbox, Answer(201))
        bundles: defaultdict[str, list[Consignment]] = defaultdict(list)
        for consignment in sandbox.courier.due(sandbox.clock()):
            bundles[consignment.notification.subscription_id].append(consignment)
        await asyncio.gather(*(self._bundle(each) for each in bundles.values()))

    async def _bundle(self, bundle: list[Consignment]) -> None:
        sandbox = self._sandbox
        for consignment in bundle:
            notification = consignment.notification
            try:
                await self._hand_over(notification)
            except Exception as error:  # noqa: BLE001 - whatever a sink may raise
                sandbox.courier.failed(consignment, sandbox.clock())
                sandbox.fares(notification.subscription_id, error)
            else:
                sandbox.fares(notification.subscription_id, None)

    async def _hand_over(self, notification: Notification) -> None:
        waiting = self._sandbox.courier.hand_over(notification)
        if waiting is not None:
            await waiting


@asynccontextmanager
async def delivering(sandbox: Sandbox) -> AsyncIterator[None]:
    """Deliver a sandbox's notifications while the block lasts."""
    postman = Postman(sandbox)
    sandbox.sinks.setdefault(HTTP, postman.post)
    task = asyncio.create_task(postman.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if sandbox.sinks.get(HTTP) == postman.post:
            del sandbox.sinks[HTTP]
        await postman.close()


async def after_trials(sandbox: Sandbox, answer: Answer) -> Answer:
    """Wait for the test notification of a new subscription, or take it back."""
    for subscription_id, waiting in sandbox.courier.take_trials():
        try:
            await _in_time(waiting)
        except Exception as error:  # noqa: BLE001 - whatever a sink may raise
            held = sandbox.subscriptions.find("id", subscription_id)
            if held is not None:
                sandbox.delete_subscription("id", held.id, held.version)
            answer = refusal(undeliverable(error))
    return answer


async def _in_time(waiting: Awaitable[None]) -> None:
    task = waiting if inspect.iscoroutine(waiting) else asyncio.ensure_future(waiting)
    await asyncio.wait_for(task, SEND_TIMEOUT_S)
