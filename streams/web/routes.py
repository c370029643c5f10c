"""The HTTP routes: what each takes and answers, as FastAPI documents it.

Handlers hand over finished replies, so that the fast path in front of them and the
routes answer the same bytes.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError

from streams.web import models, openapi
from streams.web.auth import Caller, Guard, Scope
from streams.web.bodies import Bodies
from streams.web.commerce_webhook import CommerceWebhook
from streams.web.lookup import Lookup
from streams.web.paths import name_of
from streams.web.ports import LedgerPort
from streams.web.problems import invalid
from streams.web.replies import Problem, Reply, json_reply, unavailable
from streams.web.webhook import Webhook

SkuPath = Annotated[
    str,
    Path(
        description="The SKU, percent-encoded; a slash as %2F.",
        examples=["TEE-BLACK-M"],
    ),
]
LocationPath = Annotated[
    str, Path(description="Our id of the location.", examples=["LDN01"])
]
LimitQuery = Annotated[
    int,
    Query(
        ge=1, le=models.LEDGER_LIMIT_MAX, description="Entries to show, newest first."
    ),
]
READ_PROBLEMS = (401, 403, 404, 503)


def response_of(reply: Reply) -> Response:
    """Hand a reply to FastAPI as it is."""
    response = Response(reply.body, reply.status)
    length = (b"content-length", b"%d" % len(reply.body))
    response.raw_headers = [*reply.headers, length]
    return response


def availability_routes(guard: Guard, lookup: Lookup, bodies: Bodies) -> APIRouter:
    """Make the routes that answer what is available."""
    router = APIRouter(prefix="/v1/availability", tags=["availability"])

    @router.post(
        "/query",
        summary="Stock of up to 500 SKUs",
        response_model=models.AvailabilityQueryAnswer,
        responses=openapi.problems(401, 403, 408, 413, 422, 503),
        openapi_extra={
            **openapi.security("read"),
            **openapi.request_body(openapi.QUERY_SCHEMA, "The SKUs to look up."),
        },
    )
    async def availability_of_skus(request: Request) -> Response:
        """Answer for many SKUs at once: all of them, or 503 if one owner cannot."""
        caller = _allowed(guard, request, Scope.READ)
        with await bodies.read(request.scope["headers"], request.receive) as body:
            query = _query_of(body.content)
        return response_of(await lookup.query(caller, query.skus))

    @router.get(
        "/{sku}",
        summary="Stock of a SKU everywhere",
        response_model=models.SkuAvailability,
        responses=openapi.problems(*READ_PROBLEMS),
        openapi_extra=openapi.security("read"),
    )
    async def availability_of_sku(request: Request, sku: SkuPath) -> Response:
        """Answer with the SKU's stock at every location that has a record of it."""
        caller = _allowed(guard, request, Scope.READ)
        name = name_of(sku, "sku")
        return response_of(await lookup.availability(caller, name))

    @router.get(
        "/{sku}/{location_id}",
        summary="Stock of a SKU at one location",
        response_model=models.LocationAnswer,
        responses=openapi.problems(*READ_PROBLEMS),
        openapi_extra=openapi.security("read"),
    )
    async def availability_at_location(
        request: Request, sku: SkuPath, location_id: LocationPath
    ) -> Response:
        """Answer with the SKU's stock at one location."""
        caller = _allowed(guard, request, Scope.READ)
        names = name_of(sku, "sku"), name_of(location_id, "location_id")
        return response_of(await lookup.availability(caller, *names))

    return router


def ledger_routes(guard: Guard, lookup: Lookup) -> APIRouter:
    """Make the route that answers why a figure is what it is."""
    router = APIRouter(prefix="/v1/ledger", tags=["ledger"])

    @router.get(
        "/{sku}/{location_id}",
        summary="Journal of a SKU at one location",
        response_model=models.LedgerAnswer,
        responses=openapi.problems(*READ_PROBLEMS, 422),
        openapi_extra=openapi.security("read"),
    )
    async def ledger_of_row(
        request: Request,
        sku: SkuPath,
        location_id: LocationPath,
        limit: LimitQuery = models.LEDGER_LIMIT_DEFAULT,
    ) -> Response:
        """Answer with the newest journal entries, each with its cause and document."""
        caller = _allowed(guard, request, Scope.READ)
        names = name_of(sku, "sku"), name_of(location_id, "location_id")
        return response_of(await lookup.entries(caller, *names, limit))

    return router


def event_routes(webhook: Webhook, commerce: CommerceWebhook) -> APIRouter:
    """Make the routes that take events."""
    router = APIRouter(prefix="/v1/events", tags=["events"])

    @router.post(
        "/newstore",
        summary="Receive one NewStore event",
        response_model=models.EventAccepted,
        responses=openapi.problems(401, 403, 408, 413, 503),
        openapi_extra={
            **openapi.security("ingest"),
            **openapi.request_body(
                openapi.NEWSTORE_EVENT, "One event, stored as is.", required=False
            ),
        },
    )
    async def receive_newstore_event(request: Request) -> Response:
        """Store the event and answer once the broker has acknowledged it.

        Any body within the limit is accepted, whatever its event name or fields: what
        cannot be processed is parked with its reason.
        """
        reply = await webhook.take(request.scope["headers"], request.receive)
        return response_of(reply)

    @router.post(
        "/commercetools",
        summary="Receive commercetools' messages",
        response_model=models.MessagesAccepted,
        responses=openapi.problems(401, 403, 408, 413, 503),
        openapi_extra={
            **openapi.security("ingest"),
            **openapi.request_body(
                openapi.COMMERCE_MESSAGES, "One message or more.", required=False
            ),
        },
    )
    async def receive_commercetools_messages(request: Request) -> Response:
        """Store the messages and answer once the broker has acknowledged them all.

        Platform format or CloudEvents (structured, batched, binary), single or in an
        array. Any body within the limit is accepted, whatever its types or fields.
        """
        reply = await commerce.take(request.scope["headers"], request.receive)
        return response_of(reply)

    return router


def operation_routes(
    guard: Guard, ledger: LedgerPort, registry: CollectorRegistry
) -> APIRouter:
    """Make the routes that say how the worker is."""
    router = APIRouter(tags=["operation"])

    @router.get(
        "/health/live",
        summary="Does the process work?",
        response_model=models.Liveness,
        responses=openapi.problems(503),
    )
    async def health_live() -> Response:
        """Answer 200 while the process works; otherwise it had better be restarted."""
        if not ledger.live():
            raise unavailable(
                "The worker has stopped on a fault.", kind="not-live", retry_after_s=5
            )
        return response_of(json_reply({"live": True}))

    @router.get(
        "/health/ready",
        summary="Does the worker serve its partitions?",
        response_model=models.Readiness,
        responses=openapi.problems(401, 403, 503),
        openapi_extra=openapi.security("read"),
    )
    async def health_ready(request: Request) -> Response:
        """Answer 200 once the worker's state is restored and current."""
        guard.require_operator(Caller.of(request.scope["headers"]))
        ready, reason = ledger.ready()
        worker = ledger.status()
        if not ready:
            raise _not_ready(reason, worker)
        return response_of(json_reply({"ready": True, "worker": worker}))

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}},
            **openapi.problems(401, 403),
        },
        openapi_extra=openapi.security("read"),
    )
    async def metrics(request: Request) -> Response:
        """Answer with all metrics in Prometheus' text format."""
        guard.require_operator(Caller.of(request.scope["headers"]))
        return Response(
            generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST}
        )

    return router


def _allowed(guard: Guard, request: Request, scope: Scope) -> Caller:
    caller = Caller.of(request.scope["headers"])
    guard.require(caller, scope)
    return caller


def _query_of(body: bytes) -> models.AvailabilityQuery:
    try:
        return models.AvailabilityQuery.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False)[0]) from None


def _not_ready(reason: str, worker: dict[str, Any]) -> Problem:
    return Problem(
        503,
        "not-ready",
        title="The worker is not ready",
        detail=reason,
        remedy="wait; 'worker' says how far it is",
        field="worker",
        value=str(worker.get("worker_id", "")),
        retry_after_s=1,
        more={"worker": worker},
    )
