"""The HTTP routes of orders."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from streams.web import openapi
from streams.web import orders_models as models
from streams.web.auth import Caller, Guard, Scope
from streams.web.forwarding import Forwarder
from streams.web.orders import OrdersLookup, Question
from streams.web.paths import name_of
from streams.web.ports import OrdersPort
from streams.web.routes import response_of
from streams.web.storing import Storing

NumberPath = Annotated[
    str, Path(description="The order's number, percent-encoded.", examples=["W-1001"])
]
StateQuery = Annotated[
    str,
    Query(
        description="`open`, `done`, `cancelled`, or `trouble`; empty for all.",
        pattern=rf"^({models.ORDER_STATES})?$",
    ),
]
LimitQuery = Annotated[
    int, Query(ge=1, le=models.ORDERS_LIMIT_MAX, description="Orders to show.")
]
AfterQuery = Annotated[
    str, Query(max_length=256, description="Go on after this number (`next`).")
]
PartitionsQuery = Annotated[
    str,
    Query(description="For workers among themselves.", pattern=r"^([0-9]{1,4},?)*$"),
]


def orders_routes(
    guard: Guard, orders: OrdersPort, forwarder: Forwarder, asked: Storing
) -> APIRouter:
    """Make the routes that answer for orders."""
    router = APIRouter(prefix="/v1/orders", tags=["orders"])
    lookup = OrdersLookup(orders, forwarder)

    @router.get(
        "",
        summary="Orders by number",
        response_model=models.OrdersAnswer,
        responses=openapi.problems(401, 403, 422, 503),
        openapi_extra=openapi.security("read"),
    )
    async def orders_by_number(
        request: Request,
        state: StateQuery = "",
        limit: LimitQuery = models.ORDERS_LIMIT_DEFAULT,
        after: AfterQuery = "",
        partitions: PartitionsQuery = "",
    ) -> Response:
        """Answer with a page of orders, those of a state where it is named."""
        caller = _allowed(guard, request)
        parts = [
            number
            for part in partitions.split(",")
            if part and (number := int(part)) < orders.partitions
        ]
        question = Question(state, limit, after)
        return response_of(await lookup.orders(caller, question, parts))

    @router.get(
        "/{order_number}",
        summary="All that is known of an order",
        response_model=models.OrderAnswer,
        responses=openapi.problems(401, 403, 404, 503),
        openapi_extra=openapi.security("read"),
    )
    async def order_whole(request: Request, order_number: NumberPath) -> Response:
        """Answer with lines, units, deliveries, returns, sourcing and troubles."""
        caller = _allowed(guard, request)
        number = name_of(order_number, "order_number")
        return response_of(await lookup.order(caller, number))

    @router.post(
        "/{order_number}/look-again",
        status_code=202,
        summary="Look for a place again",
        response_model=models.AskedAnswer,
        responses=openapi.problems(401, 403, 404, 503),
        openapi_extra=openapi.security("operate"),
    )
    async def look_again(request: Request, order_number: NumberPath) -> Response:
        """Have an order that found no place try again, also where it has tried."""
        caller = _allowed(guard, request, Scope.OPERATE)
        number = name_of(order_number, "order_number")
        return response_of(await lookup.look_again(caller, number, asked))

    return router


def _allowed(guard: Guard, request: Request, scope: Scope = Scope.READ) -> Caller:
    caller = Caller.of(request.scope["headers"])
    guard.require(caller, scope)
    return caller
