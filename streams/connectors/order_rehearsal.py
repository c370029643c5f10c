"""What the delivery of order updates would send first: all of it but the sending."""

from collections.abc import Sequence
from typing import Any

from streams.connectors.commerce_orders import OrderClient, ProjectIds
from streams.connectors.errors import ConnectorError
from streams.connectors.order_updates import OrderCounters, OrderUpdater
from streams.connectors.pacing import Lane
from streams.domain.commerce_wanted import WantedOrder
from streams.mapping.commerce_order_wire import OrderWire, PaymentWire

THEN = (
    "What follows, refunds and the states of returns among it, depends on "
    "commercetools' answer, which is not there yet."
)
NOTHING = "commercetools' order says all of it already."

Body = dict[str, Any]


class Held(Exception):
    """An update that would have been sent now."""

    def __init__(self, actions: Sequence[Body]) -> None:
        super().__init__()
        self.actions = list(actions)


class RehearsalClient(OrderClient):
    """Reads like any client; what it is to write it hands back instead."""

    async def update_order(
        self, order_id: str, version: int, actions: Sequence[Body]
    ) -> OrderWire:
        raise Held(actions)

    async def update_payment(self, payment_id: str, body: Body) -> PaymentWire:
        raise Held([{"payment": payment_id, **each} for each in body["actions"]])


class OrderRehearsal:
    """Compares orders with commercetools' as they are now (CommerceTrialPort)."""

    def __init__(self, client: RehearsalClient, lane: Lane) -> None:
        self._client = client
        self._updater = OrderUpdater(client, ProjectIds(client), OrderCounters())
        self._lane = lane

    async def first_update(self, wanted: WantedOrder) -> tuple[list[Any], str]:
        """Return the actions that would be sent first, and what is to be said."""
        turn = await self._lane.turn()
        try:
            await self._updater.bring(wanted, turn)
        except Held as held:
            return held.actions, THEN
        except ConnectorError as error:
            return [], f"commercetools' order cannot be compared now: {error}"
        finally:
            turn.release()
        return [], NOTHING

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
