"""The courier, without a server: what it sends, and how it reads the answers."""

from collections.abc import Callable
from typing import Any

import httpx

from streams.sandbox.newstore import Courier, Sandbox
from tests.sandbox.newstore.support import TEE, tenant

Answering = Callable[[httpx.Request], httpx.Response]


async def deliver(answering: Answering, **more: Any) -> tuple[Sandbox, int]:
    """Let one event be delivered to whoever answers."""
    sandbox, _ = tenant()
    sandbox.register("hub", "http://hub.test/events", **more)
    sandbox.receive("LDN01", [(TEE, 1)])
    async with Courier(sandbox, httpx.MockTransport(answering)) as courier:
        delivered = await courier.deliver_due()
    return sandbox, delivered


def outcome(sandbox: Sandbox) -> tuple[int | None, str]:
    (attempt,) = sandbox.world.journal.attempts.records()
    return attempt.status, attempt.outcome


async def test_it_posts_the_envelope_with_the_key_as_bearer() -> None:
    seen: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202)

    sandbox, delivered = await deliver(answering, api_key="secret")

    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "http://hub.test/events")
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["content-type"] == "application/json"
    assert request.content == sandbox.events[0].body
    assert (delivered, outcome(sandbox)) == (1, (202, "accepted"))


async def test_without_a_key_it_sends_no_authorization() -> None:
    def answering(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500 if "authorization" in request.headers else 200)

    sandbox, _ = await deliver(answering)

    assert outcome(sandbox) == (200, "accepted")


async def test_it_does_not_follow_whoever_points_elsewhere() -> None:
    def answering(request: httpx.Request) -> httpx.Response:
        return httpx.Response(307, headers={"Location": "http://other.test/"})

    sandbox, _ = await deliver(answering)

    assert outcome(sandbox) == (307, "rejected")


async def test_no_answer_is_a_failure_to_be_tried_again() -> None:
    def answering(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too slow", request=request)

    sandbox, _ = await deliver(answering)

    assert outcome(sandbox) == (None, "retried")
    assert sandbox.world.stream.pending == 1


async def test_an_integration_may_be_gone_when_its_turn_comes() -> None:
    sandbox, _ = tenant()
    sandbox.register("hub")
    for _ in range(40):
        sandbox.receive("LDN01", [(TEE, 1)])

    def answering(request: httpx.Request) -> httpx.Response:
        if sandbox.world.stream.integrations.find("hub") is not None:
            sandbox.world.stream.forget("hub")
        return httpx.Response(200)

    async with Courier(sandbox, httpx.MockTransport(answering)) as courier:
        await courier.deliver_due()

    assert len(sandbox.world.journal.attempts) == 0
    assert sandbox.world.stream.pending == 0
