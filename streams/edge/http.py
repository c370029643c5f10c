"""The edge's HTTP on loopback: tills hand in events and ask how it is."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from streams.edge.errors import BrokenEvent, EdgeError, PortTaken
from streams.edge.events import EVENT_BYTES_MAX
from streams.edge.producer import EdgeProducer

HOST = "127.0.0.1"

_RETRY_AFTER_S = "2"
_CONCURRENCY_MAX = 256
_GRACE_S = 3


def build_app(edge: EdgeProducer) -> FastAPI:
    """Build the routes: POST /v1/events/newstore, GET /health, GET /backlog."""
    app = FastAPI(
        title="OneShelf store edge", version="1", docs_url=None, redoc_url=None
    )
    # A page in the till's browser must not reach it under another name.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.post("/v1/events/newstore", status_code=202)
    async def accept(request: Request) -> Response:
        """Take one NewStore envelope; 202 once it survives a power loss."""
        return await _accept(edge, request)

    @app.get("/health")
    async def health() -> Response:
        """Answer 200 while events are accepted, 503 while the spool refuses."""
        status = edge.status()
        body = {
            "status": "refusing" if status.spool_error else "accepting",
            "delivering": not status.delivery_error,
            "spool_error": status.spool_error,
            "delivery_error": status.delivery_error,
        }
        return JSONResponse(body, 503 if status.spool_error else 200)

    @app.get("/backlog")
    async def backlog() -> Response:
        """Answer counts since the start, and what waits on disk."""
        return JSONResponse(dataclasses.asdict(edge.status()))

    return app


async def _accept(edge: EdgeProducer, request: Request) -> Response:
    # Only a JSON type makes a browser ask before it posts across origins.
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type.lower() != "application/json":
        return _problem(415, "not-json", "Send the event as application/json")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > EVENT_BYTES_MAX:
            return _problem(
                413, "too-large", f"An event has at most {EVENT_BYTES_MAX:,} bytes"
            )
    traceparent = request.headers.get("traceparent", "").encode()
    try:
        sequence = await edge.accept(bytes(content), traceparent=traceparent)
    except BrokenEvent as error:
        return await _reject(edge, bytes(content), error)
    except EdgeError as error:
        return _problem(503, error.reason, str(error), {"Retry-After": _RETRY_AFTER_S})
    body = {"accepted": True, "sequence": sequence, "spool_id": edge.status().spool_id}
    return JSONResponse(body, 202)


async def _reject(edge: EdgeProducer, content: bytes, error: BrokenEvent) -> Response:
    try:
        await edge.reject(content, error, source="http")
    except EdgeError as failure:
        headers = {"Retry-After": _RETRY_AFTER_S}
        return _problem(503, failure.reason, str(failure), headers)
    return _problem(400, error.reason, str(error))


def _problem(
    status: int, reason: str, sentence: str, headers: dict[str, str] | None = None
) -> Response:
    body = {"type": reason, "status": status, "detail": sentence}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process's signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(edge: EdgeProducer, port: int) -> AsyncIterator[int]:
    """Serve on loopback while the block runs; yields the port (a free one for 0).

    Raises:
        PortTaken: The port cannot be had.
    """
    try:
        listener = socket.create_server((HOST, port), backlog=512)
    except OSError as error:
        raise PortTaken(
            f"Cannot listen on {HOST}:{port}: {error.strerror or error}",
            remedy="Give another port, or 0 for a free one",
        ) from error
    config = uvicorn.Config(
        build_app(edge),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        limit_concurrency=_CONCURRENCY_MAX,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    task: asyncio.Task[Any] = asyncio.create_task(server.serve([listener]))
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await asyncio.wait({task})
        listener.close()
