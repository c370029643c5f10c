"""Bring one commercetools order to what is wanted: read, compare, write, once.

What is missing is the domain's to say. Here is what to do when an answer is lost, late
or a conflict: always the same, read again and compare again, because deliveries and
return items carry keys of ours, and the order's version admits only one of two writers.
"""

from dataclasses import dataclass

from streams.connectors.commerce_orders import OrderClient, ProjectIds
from streams.connectors.errors import (
    Ambiguous,
    ConnectorError,
    OrderUnknown,
    Refused,
    Unavailable,
    VersionConflict,
)
from streams.connectors.pacing import AnyTurn, slow_down
from streams.domain.commerce_orders import (
    OrderAction,
    SeenOrder,
    actions_of,
    overdelivered,
    payment_states_of,
)
from streams.domain.commerce_wanted import WantedOrder, WantedRefund
from streams.mapping.commerce_order_wire import OrderWire, PaymentWire
from streams.mapping.commerce_orders import (
    ACTIONS_MAX,
    body_of,
    payment_for,
    refund_body,
    seen_of,
    state_ids_of,
)

ROUNDS_MAX = 5
"""Reads and comparisons in one go; after that other orders get their turn first."""


@dataclass(slots=True)
class OrderCounters:
    """What the delivery of order updates has done since the worker started."""

    reads: int = 0
    updates: int = 0
    payments: int = 0
    told: int = 0
    conflicts: int = 0
    ambiguous: int = 0
    unavailable: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """The order says all that is wanted; `updates` requests were written for it."""

    version: int
    updates: int


class OrderUpdater:
    """Brings orders to what is wanted; each step of it may be repeated."""

    def __init__(
        self, client: OrderClient, ids: ProjectIds, counters: OrderCounters
    ) -> None:
        self._client = client
        self._ids = ids
        self.counters = counters

    async def bring(self, wanted: WantedOrder, turn: AnyTurn) -> Told:
        """Write what is missing of the wanted order.

        Raises:
            ConnectorError: It did not come to that; `retriable` says whether it may.
        """
        task = _Task(self._client, self._ids, self.counters, wanted, turn)
        for _ in range(ROUNDS_MAX - 1):
            try:
                return await task.round()
            except ConnectorError as error:
                task.settle(error)
        return await task.round()


class _Task:
    """One order on its way."""

    def __init__(
        self,
        client: OrderClient,
        ids: ProjectIds,
        counters: OrderCounters,
        wanted: WantedOrder,
        turn: AnyTurn,
    ) -> None:
        self._client = client
        self._ids = ids
        self._counters = counters
        self._wanted = wanted
        self._turn = turn
        self._wire: OrderWire | None = None
        self._updates = 0
        self._refunds_done = False

    async def round(self) -> Told:
        """Order, then money, then what the order says of the money."""
        if self._wire is None:
            self._wire = await self._read()
        await self._guard(self._wire)
        while actions := actions_of(self._wanted, await self._seen()):
            await self._write(actions)
        if not self._refunds_done:
            for refund in self._wanted.refunds:
                await self._book(refund)
            self._refunds_done = True
        while actions := payment_states_of(self._wanted, await self._seen()):
            await self._write(actions)
        self._turn.succeeded()
        self._counters.told += 1
        return Told(self._known().version, self._updates)

    def settle(self, error: ConnectorError) -> None:
        """Have the next round read again; raise what that cannot help.

        Raises:
            ConnectorError: Another time, or not like this.
        """
        self._wire = None
        match error:
            case VersionConflict():
                self._counters.conflicts += 1
                return
            case Ambiguous():
                self._counters.ambiguous += 1
                slow_down(self._turn, error)
                return
            case Unavailable():
                self._counters.unavailable += 1
                slow_down(self._turn, error)
            case Refused():
                self._counters.refused += 1
        raise error

    async def _read(self) -> OrderWire:
        await self._turn.next()
        self._counters.reads += 1
        wire = await self._client.order_by_id(self._wanted.commerce_id)
        if wire is None:
            raise OrderUnknown(
                f"commercetools has no order {self._wanted.commerce_id} "
                f"(number {self._wanted.order_number}), or not yet",
                reason="order_unknown",
                status=404,
            )
        return wire

    async def _guard(self, wire: OrderWire) -> None:
        await self._ids.load(state_ids_of(wire), self._turn.next)
        over = overdelivered(self._wanted, wire.quantities())
        if over:
            raise Refused(
                f"More units of line {over[0]} would be in deliveries than the order "
                f"{self._wanted.order_number} has; look at its fulfilment requests",
                reason="overdelivered",
            )

    async def _seen(self) -> SeenOrder:
        wire = self._known()
        return seen_of(wire, self._ids.state_keys, self._ids.line_type_id)

    async def _write(self, actions: list[OrderAction]) -> None:
        wire = self._known()
        bodies = [body_of(each, wire.shipping_key) for each in actions[:ACTIONS_MAX]]
        await self._turn.next()
        self._counters.updates += 1
        self._updates += 1
        # Until it is answered, nothing is known of the order.
        self._wire = None
        self._wire = await self._client.update_order(wire.id, wire.version, bodies)

    async def _book(self, refund: WantedRefund) -> None:
        """Book a refund on the payment of its currency, unless it is there."""
        payments = []
        for payment_id in self._wanted.payment_ids:
            await self._turn.next()
            self._counters.reads += 1
            payment = await self._client.payment(payment_id)
            if payment is not None:
                payments.append(payment)
        if any(payment.has_refund(refund.interaction_id) for payment in payments):
            return
        await self._refund(refund, payment_for(refund, payments))

    async def _refund(self, refund: WantedRefund, payment: PaymentWire | None) -> None:
        if payment is None:
            # No payment is known to the shop: there is nothing to book it on.
            return
        await self._turn.next()
        self._counters.payments += 1
        body = refund_body(refund, payment.version)
        await self._client.update_payment(payment.id, body)

    def _known(self) -> OrderWire:
        if self._wire is None:
            raise RuntimeError("the order was not read")
        return self._wire
