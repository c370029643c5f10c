"""Reading orders in commercetools as news of them: with their supply channels' keys.

Endpoint: commercetools API reference, "Get Order by ID", "Reference expansion".
"""

from urllib.parse import quote

import msgspec

from streams.connectors.commerce_session import HttpSession
from streams.connectors.errors import NotFound
from streams.domain.order_notes import OrderPlaced
from streams.mapping.commerce_order_wire import EXPAND_CHANNELS, PlacedOrderWire
from streams.mapping.commerce_placing import placed_of
from streams.mapping.pos_sheet import Refused
from streams.mapping.pos_wire import decode_whole
from streams.mapping.problems import Problem


class OrderReads:
    """Asks for one order at a time."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session

    async def placed(self, order_id: str) -> OrderPlaced | Problem | None:
        """Read an order, once; None if it is not there, else what makes no sense of it.

        Raises:
            ConnectorError: It could not be read now.
        """
        path = f"/orders/{quote(order_id, safe='')}"
        try:
            body = await self._session.get(
                path, msgspec.Raw, EXPAND_CHANNELS, attempts=1
            )
        except NotFound:
            return None
        order = decode_whole(body, PlacedOrderWire, "")
        if isinstance(order, Problem):
            return order
        try:
            return placed_of(order, path="")
        except Refused as refused:
            return refused.problem

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._session.aclose()
