"""Reading an order of commercetools as a fulfilment order needs it, payments expanded.

Endpoint: commercetools API reference, "Get Order by ID".
"""

from urllib.parse import quote

from streams.connectors.errors import NotFound
from streams.connectors.http import HttpSession
from streams.mapping.source_order import EXPAND_PAYMENTS, SourceOrderWire


class SourceOrders:
    """Asks for one order at a time."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session

    async def read(self, order_id: str) -> SourceOrderWire | None:
        """Read an order, once; None if it is not there."""
        path = f"/orders/{quote(order_id, safe='')}"
        try:
            return await self._session.get(
                path, SourceOrderWire, EXPAND_PAYMENTS, attempts=1
            )
        except NotFound:
            return None
