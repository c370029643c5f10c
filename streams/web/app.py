"""The worker's web as one ASGI application: a fast path before FastAPI's routes."""

import time
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException

from streams.settings import Settings
from streams.topics import ORDER_ANSWERS
from streams.web import openapi, problems
from streams.web.answering import NOBODY, answer_for, guard_of
from streams.web.answers import Answers
from streams.web.auth import Caller, Scope
from streams.web.bodies import Bodies, Disconnected
from streams.web.commerce_webhook import CommerceWebhook
from streams.web.event_lane import TakesEvents
from streams.web.exceptions_routes import ExceptionsDesk, exceptions_routes
from streams.web.express import KnownHeads
from streams.web.express_events import EVENTS_PATH
from streams.web.forwarding import Forwarder
from streams.web.lookup import Lookup
from streams.web.metrics import WebMetrics
from streams.web.orders_routes import orders_routes
from streams.web.paths import LOOKUP_ROUTES, carries_names, names_of
from streams.web.ports import EventSink, JournalPort, LedgerPort, OrdersPort
from streams.web.replies import HeaderList, Message, Problem, Receive, Reply, Send
from streams.web.replies import Scope as Connection
from streams.web.routes import (
    availability_routes,
    event_routes,
    ledger_routes,
    operation_routes,
    response_of,
)
from streams.web.storing import Storing
from streams.web.webhook import Webhook

_log = structlog.get_logger(__name__)


class Web(TakesEvents):
    """Answers what it can without FastAPI's overhead, the rest by FastAPI's routes.

    Look-ups of local SKUs are answered by `answer_at_once`, events by the webhook. The
    routes answer the same bytes; `fast=False` sends everything to them.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: LedgerPort,
        sink: EventSink,
        journal: JournalPort,
        registry: CollectorRegistry,
        answers: Answers | None = None,
        exceptions: ExceptionsDesk | None = None,
        orders: OrdersPort | None = None,
        bodies: Bodies | None = None,
        fast: bool = True,
    ) -> None:
        self._guard = guard_of(settings)
        bodies = bodies or Bodies()
        self._forwarder = Forwarder()
        self._lookup = Lookup(
            ledger=ledger,
            answers=answers or Answers(),
            journal=journal,
            forwarder=self._forwarder,
        )
        self._webhook = Webhook(guard=self._guard, sink=sink, bodies=bodies)
        self._metrics = WebMetrics(registry)
        self._fast = fast
        self.known_heads, self.known_event_heads = KnownHeads(), KnownHeads()
        self._pages = _pages()
        guard, forwarder = self._guard, self._forwarder
        commerce = CommerceWebhook(guard=guard, sink=sink, bodies=bodies)
        asked = Storing(ORDER_ANSWERS, sink=sink, bodies=bodies)
        include = self._pages.include_router
        include(availability_routes(guard, self._lookup, bodies))
        include(ledger_routes(guard, self._lookup))
        include(event_routes(self._webhook, commerce))
        include(operation_routes(guard, ledger, registry))
        if orders is not None:
            include(orders_routes(guard, orders, forwarder, asked))
        if exceptions is not None:
            include(exceptions_routes(guard, bodies, exceptions, ledger, forwarder))

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        started = time.perf_counter()
        route, status = "", 500
        try:
            if self._fast and _is_event(scope):
                route = EVENTS_PATH.decode()
                reply = await answer_for(self._webhook.take(scope["headers"], receive))
                status = reply.status
                await reply.send(send)
                return
            status = await self._ask_pages(scope, receive, send)
            route = getattr(scope.get("route"), "path", "")
        finally:
            self._metrics.observe(route, status, time.perf_counter() - started)

    def answer_at_once(self, target: bytes, headers: HeaderList) -> Reply | None:
        """Answer a look-up of a local SKU that is a plain success; else not at all."""
        if not self._fast:
            return None
        started = time.perf_counter()
        names = names_of(target)
        if names is None or not self._guard.allows(Caller.of(headers), Scope.READ):
            return None
        try:
            reply = self._lookup.at_once(names)
        except Exception as error:  # noqa: BLE001 - the routes try again and answer for the fault.
            _log.error("lookup_failed", exc_info=error)
            return None
        if reply is not None:
            seconds = time.perf_counter() - started
            self._metrics.observe(LOOKUP_ROUTES[len(names)], reply.status, seconds)
        return reply

    def body_at_once(self, sku: bytes) -> bytes | None:
        """Answer for a local SKU to a caller who may read; else not at all."""
        started = time.perf_counter()
        try:
            body = self._lookup.body_at_once(sku)
        except Exception as error:  # noqa: BLE001 - the routes try again and answer for the fault.
            _log.error("lookup_failed", exc_info=error)
            return None
        if body is not None:
            seconds = time.perf_counter() - started
            self._metrics.observe(LOOKUP_ROUTES[1], 200, seconds)
        return body

    async def aclose(self) -> None:
        """Close the connections to other workers."""
        await self._forwarder.aclose()

    async def _ask_pages(self, scope: Connection, receive: Receive, send: Send) -> int:
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        if carries_names(scope["raw_path"]):
            scope["path"] = scope["raw_path"].decode("latin-1")
        try:
            await self._pages(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001 - Starlette has answered 500 and raises again for the log.
            _log.error("request_failed", path=scope["path"][:200], exc_info=error)
        return status


def _is_event(scope: Connection) -> bool:
    return (scope["method"], scope["raw_path"]) == ("POST", EVENTS_PATH)


def _pages() -> FastAPI:
    app = FastAPI(
        title=openapi.TITLE,
        version=openapi.API_VERSION,
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers={
            Problem: _answer_problem,
            RequestValidationError: _answer_invalid,
            HTTPException: _answer_framework,
            Disconnected: _answer_nobody,
            Exception: _answer_fault,
        },
    )
    describe = app.openapi
    app.openapi = lambda: openapi.completed(describe())  # type: ignore[method-assign]  # FastAPI's own way to extend the document.
    return app


async def _answer_problem(request: Request, problem: Exception) -> Response:
    return response_of(cast(Problem, problem).reply())


async def _answer_invalid(request: Request, error: Exception) -> Response:
    first: Any = cast(RequestValidationError, error).errors()[0]
    return response_of(problems.invalid(first).reply())


async def _answer_framework(request: Request, error: Exception) -> Response:
    status = cast(HTTPException, error).status_code
    if status == 405:
        allowed = (cast(HTTPException, error).headers or {}).get("Allow", "")
        problem = problems.method_not_allowed(request.method, allowed)
    else:
        problem = problems.not_found(request.scope["path"])
    return response_of(problem.reply())


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return response_of(NOBODY)


async def _answer_fault(request: Request, error: Exception) -> Response:
    return response_of(problems.internal().reply())
