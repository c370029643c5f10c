"""Operations of fulfilment providers on the requests they were sent.

Source: Fulfillment Provider API; bodies and the status 201 as public code shows them.
"""

from streams.sandbox.newstore.config import NodeKind
from streams.sandbox.newstore.drafts import (
    ItemRejection,
    Named,
    Rejection,
    ShipmentBody,
    read,
)
from streams.sandbox.newstore.errors import ApiError, not_allowed
from streams.sandbox.newstore.faults import Strike
from streams.sandbox.newstore.messages import Answer, Request
from streams.sandbox.newstore.orders import FulfilmentRequest, ItemStatus
from streams.sandbox.newstore.payloads import Payload
from streams.sandbox.newstore.sandbox import Sandbox
from streams.sandbox.newstore.wire import moment

DONE = 201


class RequestApi:
    """Answers calls about fulfilment requests."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request, strike: Strike) -> Answer | None:
        """Answer a call, if it is about a fulfilment request."""
        match (request.method, *request.segments):
            case ("POST", "v0", "d", "fulfillment_requests", request_id, action):
                return self._act(request_id, action, request.body)
            case ("GET", "v0", "d", "fulfillment_requests", request_id, "shipment"):
                return Answer(200, self._shipment(request_id))
            case ("GET", "v0", "d", "fulfillment_requests", request_id, "rejection"):
                return Answer(200, self._rejection(request_id))
            case (
                "GET",
                "v0",
                "d",
                "fulfillment_requests",
                request_id,
                "canceled_items",
            ):
                return Answer(200, self._canceled(request_id))
        return None

    def _act(self, request_id: str, action: str, body: bytes) -> Answer | None:
        self._require_provider(request_id)
        match action:
            case "acknowledgement":
                self._sandbox.accept(request_id)
            case "rejection":
                draft = read(body, Rejection)
                self._sandbox.reject(request_id, reason=draft.rejection_reason)
            case "reject_items":
                self._reject_items(request_id, read(body, ItemRejection))
            case "canceled_items":
                named = self._named(request_id, read(body, Named), dearest=False)
                self._sandbox.requests.cancel(request_id, named, "canceled_by_provider")
            case "shipment":
                self._ship(request_id, read(body, ShipmentBody))
            case _:
                return None
        return Answer(DONE, {})

    def _require_provider(self, request_id: str) -> None:
        world = self._sandbox.world
        request = world.orders.request(request_id)
        is_store = world.node(request.node_id).kind is NodeKind.STORE
        if is_store and not world.config.provider_calls_for_stores:
            raise not_allowed("not_a_dc_request", "Only requests to a DC are taken.")

    def _named(
        self, request_id: str, draft: Named, *, dearest: bool
    ) -> tuple[str, ...]:
        return self._sandbox.requests.named(
            request_id, draft.product_ids, draft.item_ids, dearest=dearest
        )

    def _reject_items(self, request_id: str, draft: ItemRejection) -> None:
        """Reject in one step, so that all go to the same next node if they can."""
        unit_ids: list[str] = []
        for missing in draft.missing_items:
            unit_ids += self._named(request_id, missing, dearest=False)
        reason = draft.missing_items[0].reason
        self._sandbox.reject(request_id, tuple(unit_ids), reason)

    def _ship(self, request_id: str, draft: ShipmentBody) -> None:
        """Ship each line item's units as a parcel; all of them can be, or none is."""
        parcels = [
            (self._named(request_id, line, dearest=True), line.shipment)
            for line in draft.line_items
        ]
        named = [unit_id for unit_ids, _ in parcels for unit_id in unit_ids]
        self._sandbox.requests.check_shippable(request_id, named)
        for unit_ids, shipment in parcels:
            self._sandbox.ship(
                request_id,
                unit_ids,
                carrier=shipment.carrier,
                tracking_code=shipment.tracking_code,
            )

    def _shipment(self, request_id: str) -> Payload:
        request = self._sandbox.world.orders.request(request_id)
        if not request.parcels:
            raise ApiError(404, "not_found", "The request has no shipment.")
        return {
            "line_items": [
                {
                    "item_ids": list(parcel.unit_ids),
                    "shipment": {
                        "id": parcel.id,
                        "carrier": parcel.carrier,
                        "tracking_code": parcel.tracking_code,
                        "shipped_at": moment(parcel.shipped_at),
                    },
                }
                for parcel in request.parcels
            ]
        }

    def _rejection(self, request_id: str) -> Payload:
        request = self._sandbox.world.orders.request(request_id)
        rejected = self._items(request, ItemStatus.REJECTED)
        if not rejected:
            raise ApiError(404, "not_found", "The request has no rejection.")
        return {"rejection_reason": request.rejection_reason, "items": rejected}

    def _canceled(self, request_id: str) -> Payload:
        request = self._sandbox.world.orders.request(request_id)
        return {"canceled_items": self._items(request, ItemStatus.CANCELED)}

    def _items(self, request: FulfilmentRequest, status: ItemStatus) -> list[Payload]:
        units = self._sandbox.world.units
        return [
            {"item_id": unit_id, "product_id": units.get(unit_id).product_id}
            for unit_id, found in request.items.items()
            if found is status
        ]
