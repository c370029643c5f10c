"""An order's way: grace period, routing, requests to nodes, re-routing, its end.

Sources: order lifecycle, DC and store fulfilment lifecycles, order routing (docs).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from streams.sandbox.newstore.config import NodeKind, Unroutable
from streams.sandbox.newstore.journal import Fact
from streams.sandbox.newstore.orders import FulfilmentRequest, ItemStatus, Order
from streams.sandbox.newstore.payloads import (
    cancelled_payload,
    completed_payload,
    items_cancelled_payload,
    order_payload,
    request_payload,
)
from streams.sandbox.newstore.routing import route
from streams.sandbox.newstore.units import OPEN, WITH_A_NODE, Unit, UnitState
from streams.sandbox.newstore.world import World


class Fulfilment:
    """Takes orders from their creation to their end."""

    def __init__(self, world: World) -> None:
        self._world = world
        # Orders in their grace period, and those whose reservations still stand.
        self._waiting: dict[str, datetime] = {}
        self._reserved: dict[str, datetime] = {}

    @property
    def next_due_at(self) -> datetime | None:
        """Return when the next order opens or loses its reservations."""
        return min((*self._waiting.values(), *self._reserved.values()), default=None)

    def begin(self, order: Order) -> None:
        """Let a new order's grace period run; reserve what it will need."""
        world = self._world
        units = world.units_of(order.id)
        world.emit("order.created", order.id, order_payload(order, units, "created"))
        if not order.is_historical:
            self._reserve(order, units)
        self._waiting[order.id] = order.opens_at
        self.pass_time()

    def pass_time(self) -> None:
        """Do what has come due: reservations end, orders open and are routed."""
        now = self._world.now
        for order_id in [found for found, at in self._waiting.items() if at <= now]:
            del self._waiting[order_id]
            with self._world.ids_named(f"opened/{order_id}"):
                self._open(self._world.orders.get(order_id))
        for order_id in [found for found, at in self._reserved.items() if at <= now]:
            self._unreserve(order_id)

    def _open(self, order: Order) -> None:
        world = self._world
        if order.is_closed:
            return
        order = world.orders.put(replace(order, is_opened=True))
        units = [unit for unit in world.units_of(order.id) if unit.state in OPEN]
        world.emit("order.opened", order.id, order_payload(order, units, "opened"))
        if order.is_historical:
            for unit in units:
                world.units.put(unit.moved(UnitState.COMPLETED))
            self.close(order.id)
            return
        self._unreserve(order.id)
        self._route_first(order)

    def _route_first(self, order: Order) -> None:
        """Send pre-routed units to their node; let the rule decide about the others."""
        world = self._world
        units = self.open_units(order.id, UnitState.PENDING)
        chosen = dict(order.routes_to)
        if world.config.preroute_checks_atp:
            chosen = self._within_atp(units, chosen)
        self.assign(order, [unit for unit in units if unit.id in chosen], chosen)
        others = []
        for unit in self.open_units(order.id, UnitState.PENDING):
            node_id = order.routes_to.get(unit.id)
            refused = () if node_id is None else (node_id,)
            others.append(world.units.put(replace(unit, tried=refused)))
        if world.reroutes:
            self.route(order, others)
        else:
            self.route(order, [unit for unit in others if not unit.tried])
            self._leave(order, [unit for unit in others if unit.tried])

    def _within_atp(
        self, units: Sequence[Unit], wanted: dict[str, str]
    ) -> dict[str, str]:
        taken: Counter[tuple[str, str]] = Counter()
        chosen = {}
        for unit in units:
            node_id = wanted.get(unit.id)
            if node_id is None:
                continue
            place = node_id, unit.product_id
            if self._world.stock.atp(*place) > taken[place]:
                taken[place] += 1
                chosen[unit.id] = node_id
        return chosen

    def route(self, order: Order, units: Sequence[Unit]) -> None:
        """Find nodes for units by the rule; what none takes is held or cancelled."""
        world = self._world
        chosen = route(
            [(unit.id, unit.product_id) for unit in units],
            list(world.nodes),
            world.stock.atp,
            {unit.id: unit.tried for unit in units},
        )
        self.assign(order, [unit for unit in units if unit.id in chosen], chosen)
        self._leave(order, [unit for unit in units if unit.id not in chosen])

    def _leave(self, order: Order, units: Sequence[Unit]) -> None:
        held = [self.hold(unit) for unit in units]
        if held and self._world.config.unroutable is Unroutable.CANCEL:
            self.cancel(order.id, [unit.id for unit in held], "insufficient_stock")

    def hold(self, unit: Unit) -> Unit:
        """Leave a unit without a node."""
        if unit.state is UnitState.ON_HOLD:
            return unit
        self._release(unit)
        held = replace(unit.moved(UnitState.ON_HOLD), request_id=None, node_id=None)
        return self._world.units.put(held)

    def assign(
        self, order: Order, units: Sequence[Unit], chosen: dict[str, str]
    ) -> list[FulfilmentRequest]:
        """Send one request to each node for the units chosen for it."""
        groups: dict[tuple[str, str], list[Unit]] = {}
        for unit in units:
            key = chosen[unit.id], unit.service_level
            groups.setdefault(key, []).append(unit)
        return [
            self._ask(order, node_id, service_level, group)
            for (node_id, service_level), group in groups.items()
        ]

    def _ask(
        self, order: Order, node_id: str, service_level: str, units: Sequence[Unit]
    ) -> FulfilmentRequest:
        world = self._world
        request = FulfilmentRequest(
            id=world.new_id(),
            order_id=order.id,
            node_id=node_id,
            service_level=service_level,
            created_at=world.now,
            items={unit.id: ItemStatus.PENDING for unit in units},
        )
        world.orders.put_request(request)
        for unit in units:
            world.stock.change(node_id, unit.product_id, allocated=1)
            moved = unit.moved(UnitState.ASSIGNED)
            world.units.put(replace(moved, node_id=node_id, request_id=request.id))
            world.note(Fact("assigned", node_id, unit.product_id, 1, order.id, unit.id))
        stamp = world.next_logical_timestamp()
        payload = request_payload(request, units, stamp)
        world.emit("fulfillment_request.assigned", request.id, payload)
        return request

    def failed(self, request: FulfilmentRequest, unit_ids: Sequence[str]) -> None:
        """Take units off a node that will not fulfil them; route them on."""
        world = self._world
        order = world.orders.get(request.order_id)
        for unit_id in unit_ids:
            unit = world.units.get(unit_id)
            note = Fact(
                "failed", request.node_id, unit.product_id, 1, order.id, unit.id
            )
            world.note(note)
            self.hold(replace(unit, tried=(*unit.tried, request.node_id)))
        self.route_on(request.id)

    def route_on(self, request_id: str) -> None:
        """Route a request's rejected units again, if NewStore does that here.

        A DC's rejected items wait until the request's other items are finished (DC
        fulfilment lifecycle).
        """
        world = self._world
        request = world.orders.request(request_id)
        is_dc = world.node(request.node_id).kind is NodeKind.DC
        if is_dc and request.undone:
            return
        units = [
            world.units.get(unit_id)
            for unit_id, status in request.items.items()
            if status is ItemStatus.REJECTED
        ]
        stuck = [unit for unit in units if self._is_stuck_after(unit, request)]
        order = world.orders.get(request.order_id)
        if world.reroutes:
            self.route(order, stuck)
        else:
            self._leave(order, stuck)

    def _is_stuck_after(self, unit: Unit, request: FulfilmentRequest) -> bool:
        is_last = unit.tried[-1:] == (request.node_id,)
        return unit.state is UnitState.ON_HOLD and is_last

    def cancel(self, order_id: str, unit_ids: Iterable[str], reason: str) -> None:
        """Cancel units that are not completed; tell so, and end the order if it is."""
        world = self._world
        order = world.orders.get(order_id)
        units = [world.units.get(unit_id) for unit_id in dict.fromkeys(unit_ids)]
        cancelled = [
            replace(u.moved(UnitState.CANCELLED), reserved_at=None) for u in units
        ]
        for before, unit in zip(units, cancelled, strict=True):
            self._release(before)
            if before.request_id is not None and before.state in WITH_A_NODE:
                request = world.orders.request(before.request_id)
                world.orders.put_request(
                    request.marked((unit.id,), ItemStatus.CANCELED)
                )
            world.units.put(unit)
            world.note(
                Fact(
                    "cancelled",
                    unit.node_id or "",
                    unit.product_id,
                    1,
                    order.id,
                    unit.id,
                )
            )
        world.emit(
            "order.items_cancelled",
            order.id,
            items_cancelled_payload(order, cancelled, reason),
        )
        self.close(order.id)

    def close(self, order_id: str) -> None:
        """End an order that has no open unit: completed, or cancelled as a whole."""
        world = self._world
        order = world.orders.get(order_id)
        units = world.units_of(order_id)
        if order.is_closed or any(unit.state in OPEN for unit in units):
            return
        world.orders.put(replace(order, is_closed=True))
        self._waiting.pop(order_id, None)
        self._reserved.pop(order_id, None)
        if all(unit.state is UnitState.CANCELLED for unit in units):
            payload = cancelled_payload(order, units)
            world.emit("order.cancelled", order.id, payload)
        else:
            world.emit("order.completed", order.id, completed_payload(order, units))

    def open_units(self, order_id: str, *states: UnitState) -> list[Unit]:
        """Return an order's units in some states."""
        units = self._world.units_of(order_id)
        return [unit for unit in units if unit.state in (states or OPEN)]

    def _reserve(self, order: Order, units: Sequence[Unit]) -> None:
        """Hold stock where routing would send the units now ("soft routing")."""
        world = self._world
        free = [unit for unit in units if unit.id not in order.routes_to]
        chosen = dict(order.routes_to) | route(
            [(unit.id, unit.product_id) for unit in free],
            list(world.nodes),
            world.stock.atp,
            {},
        )
        for unit in units:
            node_id = chosen.get(unit.id)
            if node_id is None or world.stock.atp(node_id, unit.product_id) < 1:
                continue
            world.stock.change(node_id, unit.product_id, reserved=1)
            world.units.put(replace(unit, reserved_at=node_id))
        ends_at = world.now + timedelta(seconds=world.config.reservation_s)
        self._reserved[order.id] = ends_at

    def _unreserve(self, order_id: str) -> None:
        self._reserved.pop(order_id, None)
        for unit in self._world.units_of(order_id):
            if unit.reserved_at is not None:
                self._release(unit)
                self._world.units.put(replace(unit, reserved_at=None))

    def _release(self, unit: Unit) -> None:
        """Give back what stock is promised to a unit."""
        stock = self._world.stock
        if unit.reserved_at is not None:
            stock.change(unit.reserved_at, unit.product_id, reserved=-1)
        if unit.state in WITH_A_NODE and unit.node_id is not None:
            packed = -1 if unit.state is UnitState.READY else 0
            stock.change(unit.node_id, unit.product_id, allocated=-1, packed=packed)
