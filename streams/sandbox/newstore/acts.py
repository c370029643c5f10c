"""What people in stores and offices do, by name and with arguments from JSON.

Each act is a method of the facade; its arguments are checked here, so that a wrong one
is refused in words.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from streams.sandbox.newstore.config import HANDOVER
from streams.sandbox.newstore.drafts import Draft, Moment, Text, convert
from streams.sandbox.newstore.errors import not_found
from streams.sandbox.newstore.messages import Answer
from streams.sandbox.newstore.orders import FulfilmentRequest, Order
from streams.sandbox.newstore.payloads import Payload
from streams.sandbox.newstore.sandbox import Sandbox
from streams.sandbox.newstore.tills import SaleLine
from streams.sandbox.newstore.wire import moment

Whole = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class AddNode(Draft, frozen=True, kw_only=True):
    node_id: Text
    kind: Literal["store", "dc"] = "store"


class SetStock(Draft, frozen=True, kw_only=True):
    node_id: Text
    product_id: Text
    on_hand: Whole
    safety: Whole | None = None


class Shift(Draft, frozen=True, kw_only=True):
    """lose, turn_up, damage."""

    node_id: Text
    product_id: Text
    quantity: Positive = 1


class Adjust(Draft, frozen=True, kw_only=True):
    node_id: Text
    product_id: Text
    quantity: int


class Line(Draft, frozen=True, kw_only=True):
    product_id: Text
    quantity: Positive


class Receive(Draft, frozen=True, kw_only=True):
    node_id: Text
    lines: tuple[Line, ...]
    asn_id: Text | None = None
    order_ref: Text | None = None
    chunk_size: Positive | None = None


class Transfer(Draft, frozen=True, kw_only=True):
    origin: Text
    destination: Text
    lines: tuple[Line, ...]


class Count(Draft, frozen=True, kw_only=True):
    node_id: Text
    counts: dict[str, int | None]


class SoldLine(Draft, frozen=True, kw_only=True):
    product_id: Text
    price: Decimal = Decimal("10.00")
    tax: Decimal = Decimal(0)


class Sell(Draft, frozen=True, kw_only=True):
    node_id: Text
    lines: tuple[SoldLine, ...]
    service_level: Text = HANDOVER
    currency: Text = "GBP"
    placed_at: Moment | None = None


class OfRequest(Draft, frozen=True, kw_only=True):
    """accept, ready: of a request, all its undone units unless some are named."""

    request_id: Text
    unit_ids: tuple[Text, ...] | None = None


class Reject(OfRequest, frozen=True, kw_only=True):
    reason: Literal["cannot_fulfill", "no_inventory"] = "no_inventory"


class Ship(OfRequest, frozen=True, kw_only=True):
    carrier: str = "DHL"
    tracking_code: str = ""


class Cancel(Draft, frozen=True, kw_only=True):
    order: Text
    unit_ids: tuple[Text, ...] | None = None
    reason: str = "customer_request"


class Reroute(Draft, frozen=True, kw_only=True):
    unit_ids: tuple[Text, ...]
    node_id: Text


class GiveBack(Draft, frozen=True, kw_only=True):
    order: Text
    node_id: Text
    items: tuple[dict[str, Any], ...]
    is_historical: bool = False
    refund_amount: Decimal | None = None
    return_fee: Decimal | None = None


class BlindItem(Draft, frozen=True, kw_only=True):
    product_id: Text
    condition_code: int = 1
    amount: Decimal = Decimal("10.00")


class GiveBackBlind(Draft, frozen=True, kw_only=True):
    node_id: Text
    items: tuple[BlindItem, ...]
    currency: Text = "GBP"
    external_order_id: Text | None = None


class Exchange(Draft, frozen=True, kw_only=True):
    order: Text
    node_id: Text
    items: tuple[dict[str, Any], ...]
    lines: tuple[SoldLine, ...]


class Appease(Draft, frozen=True, kw_only=True):
    order: Text
    amount: Decimal
    reason: str = "appeasement"


def perform(sandbox: Sandbox, name: str, arguments: Mapping[str, Any]) -> Answer:
    """Do what a name says; answer with what came of it."""
    act = ACTS.get(name)
    if act is None:
        raise not_found("Act", name)
    kind, do = act
    return Answer(200, do(sandbox, convert(dict(arguments), kind)))


def order_body(sandbox: Sandbox, order: Order) -> Payload:
    """Write an order with everything known of it."""
    units = sandbox.world.units_of(order.id)
    return {
        "id": order.id,
        "external_id": order.external_id,
        "is_opened": order.is_opened,
        "is_closed": order.is_closed,
        "units": [
            {
                "id": unit.id,
                "external_item_id": unit.external_item_id,
                "product_id": unit.product_id,
                "state": unit.state,
                "node_id": unit.node_id,
                "request_id": unit.request_id,
                "tried": unit.tried,
                "paid": unit.paid,
                "refunded": unit.refunded,
            }
            for unit in units
        ],
        "requests": [
            request_body(found) for found in sandbox.world.orders.requests_of(order.id)
        ],
        "returns": [made.body() for made in sandbox.returns.of(order.id)],
    }


def request_body(request: FulfilmentRequest) -> Payload:
    """Write a fulfilment request."""
    return {
        "id": request.id,
        "order_id": request.order_id,
        "node_id": request.node_id,
        "service_level": request.service_level,
        "created_at": moment(request.created_at),
        "items": dict(request.items),
        "undone": request.undone,
    }


def _pairs(lines: tuple[Line, ...]) -> list[tuple[str, int]]:
    return [(line.product_id, line.quantity) for line in lines]


def _sold(lines: tuple[SoldLine, ...]) -> list[SaleLine]:
    return [SaleLine(line.product_id, line.price, line.tax) for line in lines]


def _sell(sandbox: Sandbox, a: Sell) -> Payload:
    more = {"service_level": a.service_level, "currency": a.currency}
    order = sandbox.sell(a.node_id, _sold(a.lines), placed_at=a.placed_at, **more)
    return order_body(sandbox, order)


def _give_back(sandbox: Sandbox, a: GiveBack) -> Payload:
    more: dict[str, Any] = {"is_historical": a.is_historical}
    more |= {"refund_amount": a.refund_amount, "return_fee": a.return_fee}
    return sandbox.give_back(a.order, a.node_id, a.items, **more).body()


def _give_back_blind(sandbox: Sandbox, a: GiveBackBlind) -> Payload:
    items = [(item.product_id, item.condition_code, item.amount) for item in a.items]
    return sandbox.give_back_blind(
        a.node_id,
        items,
        currency=a.currency,
        external_order_id=a.external_order_id,
    ).body()


def _exchange(sandbox: Sandbox, a: Exchange) -> Payload:
    made, order = sandbox.exchange(a.order, a.node_id, a.items, _sold(a.lines))
    return {"return": made.body(), "order": order_body(sandbox, order)}


def _reroute(sandbox: Sandbox, a: Reroute) -> Payload:
    made = sandbox.reroute(a.unit_ids, a.node_id)
    return {"requests": [request_body(each) for each in made]}


def _cancel(sandbox: Sandbox, a: Cancel) -> Payload:
    return order_body(sandbox, sandbox.cancel(a.order, a.unit_ids, a.reason))


def _ship(sandbox: Sandbox, a: Ship) -> Payload:
    parcel = sandbox.ship(
        a.request_id, a.unit_ids, carrier=a.carrier, tracking_code=a.tracking_code
    )
    return {"shipment_id": parcel.id, "unit_ids": parcel.unit_ids}


def _id(found: object) -> Payload:
    return {"id": found}


# Any: each function takes the arguments that stand beside it.
ACTS: Mapping[str, tuple[type[Draft], Callable[[Sandbox, Any], object]]] = {
    "add_node": (AddNode, lambda s, a: _id(s.add_node(a.node_id, a.kind).node_id)),
    "set_stock": (
        SetStock,
        lambda s, a: s.set_stock(a.node_id, a.product_id, a.on_hand, safety=a.safety),
    ),
    "lose": (Shift, lambda s, a: s.lose(a.node_id, a.product_id, a.quantity)),
    "turn_up": (Shift, lambda s, a: s.turn_up(a.node_id, a.product_id, a.quantity)),
    "damage": (
        Shift,
        lambda s, a: _id(s.damage(a.node_id, a.product_id, a.quantity)),
    ),
    "adjust": (
        Adjust,
        lambda s, a: _id(s.adjust(a.node_id, a.product_id, a.quantity)),
    ),
    "receive": (
        Receive,
        lambda s, a: _id(
            s.receive(
                a.node_id,
                _pairs(a.lines),
                asn_id=a.asn_id,
                order_ref=a.order_ref,
                chunk_size=a.chunk_size,
            )
        ),
    ),
    "transfer": (
        Transfer,
        lambda s, a: _id(s.transfer(a.origin, a.destination, _pairs(a.lines))),
    ),
    "count": (Count, lambda s, a: _id(s.count(a.node_id, a.counts))),
    "sell": (Sell, _sell),
    "accept": (OfRequest, lambda s, a: request_body(s.accept(a.request_id))),
    "ready": (OfRequest, lambda s, a: s.ready(a.request_id, a.unit_ids)),
    "reject": (
        Reject,
        lambda s, a: request_body(s.reject(a.request_id, a.unit_ids, a.reason)),
    ),
    "ship": (Ship, _ship),
    "cancel": (Cancel, _cancel),
    "reroute": (Reroute, _reroute),
    "give_back": (GiveBack, _give_back),
    "give_back_blind": (GiveBackBlind, _give_back_blind),
    "exchange": (Exchange, _exchange),
    "appease": (Appease, lambda s, a: _id(s.appease(a.order, a.amount, a.reason))),
}
