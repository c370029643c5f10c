"""Orders and fulfilment requests as values, and where they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from streams.sandbox.newstore.errors import not_found
from streams.sandbox.newstore.money import ZERO


@dataclass(frozen=True, slots=True)
class Order:
    """One order, injected or made at a till.

    Attributes:
        fingerprint: What the injection's body was, to tell a repeat from a change.
        opens_at: When the grace period ends.
        routes_to: The node that each unit was pre-routed to.
        details: Fields that events and look-ups repeat as they came.
    """

    id: str
    external_id: str
    channel_type: str
    channel: str
    currency: str
    price_method: str
    placed_at: datetime
    created_at: datetime
    opens_at: datetime
    unit_ids: tuple[str, ...]
    demand_location_id: str | None = None
    fingerprint: bytes = b""
    shipping_price: Decimal = ZERO
    shipping_tax: Decimal = ZERO
    shipping_refunded: bool = False
    is_historical: bool = False
    is_exchange: bool = False
    exchanges: tuple[Mapping[str, str], ...] = ()
    is_opened: bool = False
    is_closed: bool = False
    routes_to: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[Mapping[str, str], ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


class ItemStatus(StrEnum):
    """What a request says of its items (Order API: `line_items[].status`)."""

    PENDING = "pending"
    READY = "ready_for_handover"
    SHIPPED = "shipped"
    REJECTED = "rejected"
    CANCELED = "canceled"


UNDONE = frozenset({ItemStatus.PENDING, ItemStatus.READY})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One shipment of a request; ids look like `{request id}-shipment-{n}`."""

    id: str
    unit_ids: tuple[str, ...]
    carrier: str
    tracking_code: str
    shipped_at: datetime


@dataclass(frozen=True, slots=True)
class FulfilmentRequest:
    """Some units of an order, asked of one node.

    Never given to another node: re-routing makes a new request (Fulfillment Request
    API, "requests are immutable").
    """

    id: str
    order_id: str
    node_id: str
    service_level: str
    created_at: datetime
    items: Mapping[str, ItemStatus]
    parcels: tuple[Parcel, ...] = ()
    rejection_reason: str | None = None
    is_accepted: bool = False

    @property
    def undone(self) -> tuple[str, ...]:
        """Return the units that the node still has to do something about."""
        return tuple(unit for unit, status in self.items.items() if status in UNDONE)

    def marked(
        self, unit_ids: tuple[str, ...], status: ItemStatus
    ) -> "FulfilmentRequest":
        """Return the request with a status for some of its items."""
        items = dict(self.items) | dict.fromkeys(unit_ids, status)
        return replace(self, items=items)


class Orders:
    """Orders by both their ids, and their fulfilment requests."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._by_external_id: dict[str, str] = {}
        self._requests: dict[str, FulfilmentRequest] = {}
        self._requests_of: dict[str, list[str]] = {}
        # Those that nodes still have to act on; a dict, because it keeps their order.
        self._undone: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def find(self, external_id: str) -> Order | None:
        """Return the order with an external id."""
        order_id = self._by_external_id.get(external_id)
        return None if order_id is None else self._orders[order_id]

    def get(self, order_id: str) -> Order:
        """Return an order by its uuid."""
        try:
            return self._orders[order_id]
        except KeyError:
            raise not_found("Order", order_id) from None

    def put(self, order: Order) -> Order:
        """Keep an order as it is now; return it."""
        self._orders[order.id] = order
        self._by_external_id[order.external_id] = order.id
        return order

    def walk(self) -> list[Order]:
        """Return all orders, oldest first."""
        return list(self._orders.values())

    def request(self, request_id: str) -> FulfilmentRequest:
        """Return a fulfilment request."""
        try:
            return self._requests[request_id]
        except KeyError:
            raise not_found("Fulfillment request", request_id) from None

    def put_request(self, request: FulfilmentRequest) -> FulfilmentRequest:
        """Keep a request as it is now; return it."""
        if request.id not in self._requests:
            self._requests_of.setdefault(request.order_id, []).append(request.id)
        self._requests[request.id] = request
        if request.undone:
            self._undone[request.id] = None
        else:
            self._undone.pop(request.id, None)
        return request

    def undone(self) -> list[FulfilmentRequest]:
        """Return the requests with units that nodes still have to act on."""
        return [self._requests[request_id] for request_id in self._undone]

    def requests_of(self, order_id: str) -> list[FulfilmentRequest]:
        """Return an order's requests, the earliest first."""
        return [self._requests[found] for found in self._requests_of.get(order_id, ())]
