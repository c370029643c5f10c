"""What a node answers to a fulfilment request: accept, reject, cancel, ready, ship.

Sources: Fulfillment Provider API, Integrating a fulfilment provider, DC and store
fulfilment lifecycles.
"""

from collections.abc import Sequence
from dataclasses import replace

from streams.sandbox.newstore.errors import ApiError, invalid, not_allowed
from streams.sandbox.newstore.fulfilment import Fulfilment
from streams.sandbox.newstore.journal import Fact
from streams.sandbox.newstore.orders import FulfilmentRequest, ItemStatus, Parcel
from streams.sandbox.newstore.payloads import request_payload
from streams.sandbox.newstore.units import Unit, UnitState
from streams.sandbox.newstore.world import World

NAMES = {
    UnitState.READY: "fulfillment_request.items_ready_for_handover",
    UnitState.COMPLETED: "fulfillment_request.items_completed",
    UnitState.ON_HOLD: "fulfillment_request.items_failed",
}


class Requests:
    """Carries out what nodes say about their requests."""

    def __init__(self, world: World, fulfilment: Fulfilment) -> None:
        self._world = world
        self._fulfilment = fulfilment

    def accept(self, request_id: str) -> FulfilmentRequest:
        """Note that a node will fulfil; no event is emitted (DC lifecycle)."""
        request = self._world.orders.request(request_id)
        if ItemStatus.SHIPPED in request.items.values():
            # The API's own example of an error.
            raise not_allowed("already_shipped", "The request is shipped already.")
        self._require_undone(request)
        return self._world.orders.put_request(replace(request, is_accepted=True))

    def reject(
        self, request_id: str, unit_ids: Sequence[str] | None, reason: str
    ) -> FulfilmentRequest:
        """Refuse units, all that are undone by default; they may go to another node."""
        world = self._world
        request = world.orders.request(request_id)
        units = self._undone(request, unit_ids)
        request = request.marked(_ids(units), ItemStatus.REJECTED)
        if not request.undone:
            request = replace(request, rejection_reason=reason)
        world.orders.put_request(request)
        self._tell(request, units, UnitState.ON_HOLD, reason=reason)
        self._fulfilment.failed(request, _ids(units))
        return world.orders.request(request_id)

    def cancel(self, request_id: str, unit_ids: Sequence[str], reason: str) -> None:
        """Cancel units for good: "the item can no longer be fulfilled"."""
        request = self._world.orders.request(request_id)
        units = self._undone(request, unit_ids)
        self._fulfilment.cancel(request.order_id, _ids(units), reason)
        self._fulfilment.route_on(request_id)

    def ready(self, request_id: str, unit_ids: Sequence[str] | None) -> None:
        """Note that units are picked and packed."""
        world = self._world
        request = world.orders.request(request_id)
        if unit_ids is None:
            pending = ItemStatus.PENDING
            unit_ids = [u for u, status in request.items.items() if status is pending]
        units = self._undone(request, unit_ids)
        picked = [unit.moved(UnitState.READY) for unit in units]
        self._require_on_shelf(request, units)
        world.orders.put_request(request.marked(_ids(units), ItemStatus.READY))
        for unit in picked:
            world.units.put(unit)
            world.stock.change(request.node_id, unit.product_id, packed=1)
        self._tell(request, picked, UnitState.READY)

    def ship(
        self,
        request_id: str,
        unit_ids: Sequence[str] | None,
        *,
        carrier: str = "",
        tracking_code: str = "",
    ) -> Parcel:
        """Let units leave a node: shipped, or handed over to whoever picks them up."""
        world = self._world
        request = world.orders.request(request_id)
        units = self._undone(request, unit_ids)
        self._require_on_shelf(request, units)
        parcel = Parcel(
            id=f"{request.id}-shipment-{len(request.parcels) + 1}",
            unit_ids=_ids(units),
            carrier=carrier,
            tracking_code=tracking_code,
            shipped_at=world.now,
        )
        shipped = request.marked(_ids(units), ItemStatus.SHIPPED)
        shipped = replace(shipped, parcels=(*request.parcels, parcel))
        world.orders.put_request(shipped)
        for unit in units:
            world.units.put(unit.moved(UnitState.COMPLETED))
            where = request.node_id, unit.product_id
            packed = -1 if unit.state is UnitState.READY else 0
            world.stock.change(
                *where, on_hand=-1, shelf=-1, packed=packed, allocated=-1
            )
            world.note(Fact("shipped", *where, 1, request.order_id, unit.id, parcel.id))
        self._tell(shipped, units, UnitState.COMPLETED, parcel=parcel)
        self._fulfilment.close(request.order_id)
        self._fulfilment.route_on(request.id)
        return parcel

    def check_shippable(self, request_id: str, unit_ids: Sequence[str]) -> None:
        """Refuse a shipment of which some unit could not leave."""
        request = self._world.orders.request(request_id)
        self._require_on_shelf(request, self._undone(request, unit_ids))

    def named(
        self,
        request_id: str,
        product_ids: Sequence[str],
        item_ids: Sequence[str],
        *,
        dearest: bool,
    ) -> tuple[str, ...]:
        """Return the units that a call names, by product or by item.

        Of a product with several units "the service will pick either the cheapest or
        the most expensive one depending on the action type"; which is not public.
        """
        if not product_ids and not item_ids:
            raise invalid("Either product_ids or item_ids are needed.")
        request = self._world.orders.request(request_id)
        left = [self._world.units.get(unit_id) for unit_id in request.undone]
        left.sort(key=lambda unit: unit.paid, reverse=dearest)
        found = list(item_ids)
        for product_id in product_ids:
            match = next(
                (u for u in left if u.product_id == product_id and u.id not in found),
                None,
            )
            if match is None:
                raise not_allowed(
                    "item_not_found", f"No such item is left of {product_id}."
                )
            found.append(match.id)
        return tuple(found)

    def _undone(
        self, request: FulfilmentRequest, unit_ids: Sequence[str] | None
    ) -> list[Unit]:
        """Return units that the node still has; refuse others as a whole."""
        if unit_ids is None:
            self._require_undone(request)
            unit_ids = request.undone
        if not unit_ids or len(set(unit_ids)) < len(unit_ids):
            raise invalid("Items are named once each, at least one.")
        for unit_id in unit_ids:
            status = request.items.get(unit_id)
            if status is None:
                raise not_allowed("item_not_found", f"Item {unit_id} is not in it.")
            if unit_id not in request.undone:
                raise _done(unit_id, status)
        return [self._world.units.get(unit_id) for unit_id in unit_ids]

    def _require_undone(self, request: FulfilmentRequest) -> None:
        if not request.undone:
            status = next(iter(request.items.values()))
            raise _done(next(iter(request.items)), status)

    def _require_on_shelf(
        self, request: FulfilmentRequest, units: Sequence[Unit]
    ) -> None:
        """Refuse units that nobody can find; those packed are there."""
        loose = [unit for unit in units if unit.state is not UnitState.READY]
        products = [unit.product_id for unit in loose]
        for product_id in sorted(set(products)):
            self._world.stock.require_on_shelf(
                request.node_id, product_id, products.count(product_id)
            )

    def _tell(
        self,
        request: FulfilmentRequest,
        units: Sequence[Unit],
        state: UnitState,
        *,
        parcel: Parcel | None = None,
        reason: str | None = None,
    ) -> None:
        world = self._world
        whole = [units]
        for group in [[u] for u in units] if world.config.one_item_per_event else whole:
            payload = request_payload(
                request,
                group,
                world.next_logical_timestamp(),
                parcel=parcel,
                reason=reason,
            )
            world.emit(NAMES[state], request.id, payload)


def _ids(units: Sequence[Unit]) -> tuple[str, ...]:
    return tuple(unit.id for unit in units)


def _done(unit_id: str, status: ItemStatus) -> ApiError:
    """Refuse what comes too late: "already_shipped" is the documented example."""
    return not_allowed(f"already_{status}", f"Item {unit_id} is {status} already.")
