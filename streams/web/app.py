"""The worker's web as one ASGI application: a fast path before FastAPI's routes."""

import time
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException

from streams.settings import Settings
from streams.web import openapi, problems
from streams.web.auth import Caller, Guard, Scope, parse_api_keys
from streams.web.bodies import Bodies, Disconnected
from streams.web.forwarding import Forwarder
from streams.web.lookup import Lookup
from streams.web.metrics import WebMetrics
from streams.web.paths import AVAILABILITY, carries_names, names_of
from streams.web.ports import EventSink, JournalPort, LedgerPort
from streams.web.replies import HeaderList, Message, Problem, Receive, Reply, Send
from streams.web.replies import Scope as Connection
from streams.web.routes import (
    availability_routes,
    event_routes,
    ledger_routes,
    operation_routes,
    response_of,
)
from streams.web.webhook import Webhook

EVENTS_PATH = b"/v1/events/newstore"
_FAST_ROUTES = ("", "/v1/availability/{sku}", "/v1/availability/{sku}/{location_id}")

_log = structlog.get_logger(__name__)


class Web:
    """Answers lookups of local SKUs and takes events without FastAPI's overhead.

    Whatever is not a plain success there goes to the routes, which answer the same
    bytes and know the exact problem. `fast=False` sends everything to the routes.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: LedgerPort,
        sink: EventSink,
        journal: JournalPort,
        registry: CollectorRegistry,
        bodies: Bodies | None = None,
        fast: bool = True,
    ) -> None:
        self._guard = Guard(
            host=settings.http_host,
            keys=parse_api_keys(settings.api_keys),
            webhook_key=settings.newstore.webhook_key.get_secret_value(),
        )
        bodies = bodies or Bodies()
        self._forwarder = Forwarder()
        self._lookup = Lookup(ledger=ledger, journal=journal, forwarder=self._forwarder)
        self._webhook = Webhook(guard=self._guard, sink=sink, bodies=bodies)
        self._metrics = WebMetrics(registry)
        self._fast = fast
        self._pages = _pages()
        for router in (
            availability_routes(self._guard, self._lookup, bodies),
            ledger_routes(self._guard, self._lookup),
            event_routes(self._webhook),
            operation_routes(self._guard, ledger, registry),
        ):
            self._pages.include_router(router)

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        route = ""
        try:
            if self._fast:
                route, reply = await self._quick(scope, receive)
                if reply is not None:
                    status = reply.status
                    await reply.send(send)
                    return
            status = await self._slow(scope, receive, send)
            route = getattr(scope.get("route"), "path", "")
        finally:
            self._metrics.observe(route, status, time.perf_counter() - started)

    async def aclose(self) -> None:
        """Close the connections to other workers."""
        await self._forwarder.aclose()

    async def _quick(
        self, scope: Connection, receive: Receive
    ) -> tuple[str, Reply | None]:
        path: bytes = scope["raw_path"]
        headers: HeaderList = scope["headers"]
        route = ""
        try:
            if scope["method"] == "GET" and path.startswith(AVAILABILITY):
                names = names_of(path)
                if names and self._guard.allows(Caller.of(headers), Scope.READ):
                    route = _FAST_ROUTES[len(names)]
                    return route, self._lookup.at_once(names)
            elif scope["method"] == "POST" and path == EVENTS_PATH:
                route = EVENTS_PATH.decode()
                return route, await self._webhook.take(headers, receive)
        except Problem as problem:
            return route, problem.reply()
        except Disconnected:
            return route, _NOBODY
        except Exception as error:  # noqa: BLE001 - the last line of defence: callers get a 500 of ours.
            _log.error("request_failed", route=route, exc_info=error)
            return route, problems.internal().reply()
        return route, None

    async def _slow(self, scope: Connection, receive: Receive, send: Send) -> int:
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


_NOBODY = Reply(400, [], b"")
"""Sent to a caller that has gone."""


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
    return response_of(_NOBODY)


async def _answer_fault(request: Request, error: Exception) -> Response:
    return response_of(problems.internal().reply())
