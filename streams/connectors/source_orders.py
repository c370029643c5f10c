"""Reading an order of commercetools as a fulfilment order needs it, payments expanded.

Endpoint: commercetools API reference, "Get Order by ID".
"""

from urllib.parse import quote

from streams.connectors.commerce_session import HttpSession
from streams.connectors.errors import ConnectorError, NotFound
from streams.connectors.pacing import Lane, slow_down
from streams.mapping.commerce_order_wire import EXPAND_PAYMENTS, SourceOrderWire


class SourceOrders:
    """Asks for one order at a time, when its lane lets it."""

    def __init__(self, session: HttpSession, lane: Lane) -> None:
        self._session = session
        self._lane = lane

    async def read(self, order_id: str) -> SourceOrderWire | None:
        """Read an order, once; None if it is not there."""
        turn = await self._lane.turn()
        try:
            await turn.next()
            order = await self._get(order_id)
        except ConnectorError as error:
            slow_down(turn, error)
            raise
        finally:
            turn.release()
        turn.succeeded()
        return order

    async def _get(self, order_id: str) -> SourceOrderWire | None:
        path = f"/orders/{quote(order_id, safe='')}"
        try:
            return await self._session.get(
                path, SourceOrderWire, EXPAND_PAYMENTS, attempts=1
            )
        except NotFound:
            return None
