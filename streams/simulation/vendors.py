"""The vendors' stand-ins in virtual time, and a line to them on which things go wrong.

Requests of production's own clients go in, answers come out: only the network is left
out. A worker that dies while its request is under way does not call it back.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from streams.sandbox.commercetools import messages as commerce_messages
from streams.sandbox.commercetools.api import Api as CommerceApi
from streams.sandbox.commercetools.orders.model import Order as CommerceOrder
from streams.sandbox.commercetools.sandbox import Sandbox as CommerceSandbox
from streams.sandbox.newstore import messages as newstore_messages
from streams.sandbox.newstore.api import Api as NewStoreApi
from streams.sandbox.newstore.sandbox import Sandbox as NewStoreSandbox
from streams.sandbox.shell import parts_of
from streams.simulation.virtual import VirtualLoop

if TYPE_CHECKING:
    import asyncio

LATE_S = 1.5
"""Later than the final check waits, sooner than a session gives up."""

SETUP = ("/states", "/types", "/channels", "/oauth", "/auth")
"""Asked at a start; their troubles are the bootstrap's own tests' business."""


class Fate(StrEnum):
    """What becomes of a request."""

    GO = "go"
    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    FAIL_BEFORE = "fail_before"
    FAIL_AFTER = "fail_after"
    THROTTLE = "throttle"
    LATE = "late"
    CONFLICT = "conflict"


FATES = (
    Fate.LOSE_REQUEST,
    Fate.LOSE_ANSWER,
    Fate.LOSE_ANSWER,
    Fate.FAIL_BEFORE,
    Fate.FAIL_AFTER,
    Fate.THROTTLE,
    Fate.LATE,
    Fate.CONFLICT,
)


class Answer(Protocol):
    """An answer of either stand-in."""

    @property
    def status(self) -> int: ...
    def payload(self) -> tuple[str, bytes]: ...


Handle = Callable[[httpx.Request], Answer]
Intrude = Callable[[str], None]
"""Has another client write what a path names, just before a request for it."""


@dataclass(slots=True)
class Line:
    """The way to one vendor; every draw of chance is the seed's.

    Attributes:
        trouble: How likely something goes wrong with a request.
        seen: How often which fate befell a request.
    """

    name: str
    loop: VirtualLoop
    handle: Handle
    intrude: Intrude
    rng: Random
    seen: Counter[str]
    trouble: float = 0.0

    async def exchange(self, request: httpx.Request) -> httpx.Response:
        """Take a request there and its answer back."""
        fate = self._fate(request)
        self.seen[fate] += 1
        answered: asyncio.Future[httpx.Response] = self.loop.create_future()
        before_s = self.rng.uniform(0.001, 0.2)
        self.loop.call_later(before_s, self._arrives, request, fate, answered)
        return await answered

    def _fate(self, request: httpx.Request) -> Fate:
        if self.rng.random() >= self.trouble:
            return Fate.GO
        path = request.url.path
        return (
            Fate.GO if any(each in path for each in SETUP) else self.rng.choice(FATES)
        )

    def _arrives(
        self,
        request: httpx.Request,
        fate: Fate,
        answered: "asyncio.Future[httpx.Response]",
    ) -> None:
        response: httpx.Response | None = None
        match fate:
            case Fate.LOSE_REQUEST:
                pass
            case Fate.FAIL_BEFORE:
                response = httpx.Response(503, content=b"{}", request=request)
            case Fate.THROTTLE:
                headers = {"Retry-After": "1"}
                response = httpx.Response(429, headers=headers, content=b"{}")
            case _:
                if fate is Fate.CONFLICT:
                    self.intrude(request.url.path)
                response = self._handled(request)
                if fate is Fate.FAIL_AFTER:
                    response = httpx.Response(500, content=b"<html>", request=request)
                if fate is Fate.LOSE_ANSWER:
                    response = None
        after_s = self.rng.uniform(0.001, 0.1) + (LATE_S if fate is Fate.LATE else 0)
        self.loop.call_later(after_s, _answer, answered, response)

    def _handled(self, request: httpx.Request) -> httpx.Response:
        answer = self.handle(request)
        _, content = answer.payload()
        return httpx.Response(answer.status, content=content, request=request)


def _answer(
    answered: "asyncio.Future[httpx.Response]", response: httpx.Response | None
) -> None:
    if answered.done():
        return  # Nobody waits any more: the worker is gone, or gave up.
    if response is None:
        answered.set_exception(httpx.ReadError("the connection broke"))
    else:
        answered.set_result(response)


def watched(handle: Handle, hear: Callable[[httpx.Request, Answer], None]) -> Handle:
    """Let somebody hear every request and its answer, at that moment."""

    def handled(request: httpx.Request) -> Answer:
        answer = handle(request)
        hear(request, answer)
        return answer

    return handled


def commerce_handle(sandbox: CommerceSandbox) -> Handle:
    """Return what answers requests to commercetools."""
    api = CommerceApi(sandbox)

    def handle(request: httpx.Request) -> Answer:
        return api.handle(commerce_messages.Request(**_parts(request)))

    return handle


def newstore_handle(sandbox: NewStoreSandbox) -> Handle:
    """Return what answers requests to NewStore."""
    api = NewStoreApi(sandbox)

    def handle(request: httpx.Request) -> Answer:
        return api.handle(newstore_messages.Request(**_parts(request)))

    return handle


def commerce_intruder(sandbox: CommerceSandbox, rng: Random, *, edits: bool) -> Intrude:
    """Return the other clients that write orders and payments in commercetools.

    Args:
        edits: Some of them are people who change what an order says.
    """

    def intrude(path: str) -> None:
        *_, collection, name = path.split("/")
        held = sandbox.orders.find("id", name) if collection == "orders" else None
        action = _edit(held, rng) if held is not None and edits else None
        if held is not None and action is not None:
            body = {"version": held.version, "actions": [action]}
            sandbox.update_order("id", name, body)
        elif held is not None:
            sandbox.touch(sandbox.orders, "id", name)
        elif collection == "payments":
            sandbox.touch(sandbox.payments, "id", name)

    return intrude


def _edit(order: CommerceOrder, rng: Random) -> dict[str, object] | None:
    """Choose what a person changes in an order, if anything; seldom they cancel it."""
    chance = rng.random()
    if chance < 0.04:
        return {"action": "changeOrderState", "orderState": "Cancelled"}
    if chance < 0.3 and order.state == "Open":
        return {"action": "changeOrderState", "orderState": "Confirmed"}
    if chance < 0.4:
        return {"action": "changeShipmentState", "shipmentState": "Delivered"}
    if chance < 0.5:
        return {"action": "changePaymentState", "paymentState": "Paid"}
    return None


def _parts(request: httpx.Request) -> dict[str, Any]:
    path = request.url.raw_path.decode().partition("?")[0]
    query = request.url.query.decode()
    parts = parts_of(request.method, path, query, request.headers)
    return {**parts, "body": request.content}
