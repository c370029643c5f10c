"""Operations on orders: injection, look-ups, payments, cancellation, returns.

Sources: Order Injection API, External Orders API, Order API, Payment Account API, Item
Return API; the cancellation is a private address seen in public code.
"""

from streams.sandbox.newstore.drafts import CancellationDraft, ReturnDraft, read
from streams.sandbox.newstore.errors import ApiError, not_found
from streams.sandbox.newstore.faults import Strike
from streams.sandbox.newstore.injection import answer
from streams.sandbox.newstore.messages import Answer, Request
from streams.sandbox.newstore.orders import FulfilmentRequest, Order
from streams.sandbox.newstore.payloads import Payload, shipping_paid
from streams.sandbox.newstore.sandbox import Sandbox
from streams.sandbox.newstore.units import OPEN, Unit
from streams.sandbox.newstore.wire import moment


class OrderApi:
    """Answers calls about orders."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request, strike: Strike) -> Answer | None:
        """Answer a call, if it is about orders."""
        match (request.method, *request.segments):
            case ("POST", "v0", "d", "fulfill_order"):
                return self._inject(request)
            case ("GET", "v0", "d", "external_orders", name):
                return Answer(200, self._look_up(name))
            case ("GET", "v0", "d", "order", order_id, "fulfillment_requests"):
                return Answer(200, self._requests(order_id))
            case ("GET", "v0", "c", "payments", "accounts", order_id):
                return Answer(200, self._sandbox.world.payments.get(order_id).body())
            case ("POST", "_", "v0", "hq", "customer_orders", order_id, "cancellation"):
                return self._cancel(order_id, request)
            case (method, "v0", "d", "orders", order_id, "returns", *rest):
                return self._returns(method, order_id, rest, request)
        return None

    def _inject(self, request: Request) -> Answer:
        order = self._sandbox.inject(request.body)
        return Answer(200, answer(order, self._sandbox.world.units_of(order.id)))

    def _look_up(self, name: str) -> Payload:
        orders = self._sandbox.world.orders
        kind, _, value = name.partition("=")
        if kind == "external_id":
            found = orders.find(value)
        elif kind == "id":
            found = orders.get(value)
        else:
            found = None
        if found is None:
            raise not_found("Order", name)
        return self._order_body(found)

    def _order_body(self, order: Order) -> Payload:
        """Write an order; beyond the ids, the fields' names are partly guesses."""
        sandbox = self._sandbox
        units = sandbox.world.units_of(order.id)
        account = sandbox.world.payments.get(order.id)
        paid = sum((unit.paid for unit in units), shipping_paid(order))
        return {
            "order_uuid": order.id,
            "order_id": order.id,
            "external_order_id": order.external_id,
            "channel": order.channel,
            "channel_type": order.channel_type,
            "currency": order.currency,
            "placed_at": moment(order.placed_at),
            "is_historical": order.is_historical,
            "grand_total": paid,
            "shipping_total": order.shipping_price,
            "items": [_unit_body(unit) for unit in units],
            "shipments": [
                _request_body(found, units)
                for found in sandbox.world.orders.requests_of(order.id)
            ],
            "payments": [
                {
                    "transaction_id": booked.id,
                    "correlation_id": booked.correlation_id,
                    "type": booked.reason,
                    "amount": booked.amount,
                    "currency": order.currency,
                }
                for booked in account.transactions
            ],
            "extended_attributes": list(order.attributes),
            **order.details,
        }

    def _requests(self, order_id: str) -> Payload:
        """List requests, the earliest first; none for an unknown order (docs)."""
        world = self._sandbox.world
        found = world.orders.requests_of(order_id)
        units = world.units_of(order_id) if found else []
        return {"fulfillment_requests": [_request_body(each, units) for each in found]}

    def _cancel(self, order_id: str, request: Request) -> Answer:
        """Cancel an order; refusals come as 200 with `success` false (public code)."""
        draft = read(request.body, CancellationDraft)
        order = self._sandbox.world.orders.get(order_id)
        units = self._sandbox.world.units_of(order.id)
        code = ""
        if all(unit.state == "cancelled" for unit in units):
            code = "order_already_canceled"
        elif not any(unit.state in OPEN for unit in units):
            code = "order_not_cancelable"
        if code:
            error = {"code": code, "message": "The order cannot be canceled."}
            return Answer(200, {"success": False, "error": error})
        self._sandbox.cancel(order_id, reason=draft.reason)
        return Answer(200, {"success": True})

    def _returns(
        self, method: str, order_id: str, rest: list[str], request: Request
    ) -> Answer | None:
        sandbox = self._sandbox
        sandbox.world.orders.get(order_id)
        match (method, *rest):
            case ("GET",):
                made = sandbox.returns.of(order_id)
                return Answer(200, [each.body() for each in made])
            case ("POST",):
                draft = read(request.body, ReturnDraft)
                return Answer(200, sandbox.returns.give_back(order_id, draft).body())
            case ("GET", return_id):
                for each in sandbox.returns.of(order_id):
                    if each.id == return_id:
                        return Answer(200, each.body())
                raise ApiError(404, "not_found", f"No return '{return_id}'.")
        return None


def _unit_body(unit: Unit) -> Payload:
    return {
        "item_id": unit.id,
        "product_id": unit.product_id,
        "external_item_id": unit.external_item_id,
        "status": unit.state,
        "fulfillment_node_id": unit.node_id,
        "extended_attributes": list(unit.attributes),
    }


def _request_body(request: FulfilmentRequest, units: list[Unit]) -> Payload:
    products = {unit.id: unit.product_id for unit in units}
    return {
        "id": request.id,
        "fulfillment_node_id": request.node_id,
        "service_level": request.service_level,
        "created_at": moment(request.created_at),
        "line_items": [
            {"item_id": unit_id, "product_id": products[unit_id], "status": status}
            for unit_id, status in request.items.items()
        ],
    }
