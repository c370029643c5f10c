"""commercetools' orders and payments: the requests that fulfilment and returns need.

Endpoints: commercetools API reference, "Orders", "States", "Payments", "Types".
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final
from urllib.parse import quote

from streams.connectors.channels import ChannelSession
from streams.connectors.commerce_session import BOOTSTRAP_HINT
from streams.connectors.errors import NotFound, StateMissing
from streams.domain.commerce_orders import OUR_STATES
from streams.mapping.commerce import Body, ChannelWire, TypeWire
from streams.mapping.commerce_order_wire import OrderWire, PaymentWire
from streams.mapping.commerce_orders import (
    LINE_TYPE_KEY,
    StatePageWire,
    StateWire,
    line_type_draft,
    state_draft,
)

STATES_PAGE: Final = 500


class OrderClient(ChannelSession):
    """Everything that is asked about an order, one method for each request."""

    async def order_by_id(self, order_id: str) -> OrderWire | None:
        """Read an order, once; None if it is not there."""
        try:
            path = f"/orders/{quote(order_id, safe='')}"
            return await self.get(path, OrderWire, attempts=1)
        except NotFound:
            return None

    async def update_order(
        self, order_id: str, version: int, actions: Sequence[Body]
    ) -> OrderWire:
        body = {"version": version, "actions": list(actions)}
        return await self.post(f"/orders/{quote(order_id, safe='')}", body, OrderWire)

    async def payment(self, payment_id: str) -> PaymentWire | None:
        try:
            path = f"/payments/{quote(payment_id, safe='')}"
            return await self.get(path, PaymentWire, attempts=1)
        except NotFound:
            return None

    async def update_payment(self, payment_id: str, body: Body) -> PaymentWire:
        return await self.post(
            f"/payments/{quote(payment_id, safe='')}", body, PaymentWire
        )

    async def line_states(self) -> list[StateWire]:
        """Read the project's line item states, the built-in one included."""
        query = {
            "where": 'type="LineItemState"',
            "limit": str(STATES_PAGE),
            "withTotal": "false",
        }
        page = await self.get("/states", StatePageWire, query)
        return page.results

    async def create_state(self, key: str) -> StateWire:
        return await self.post("/states", state_draft(key), StateWire)

    async def create_sync_channel(self, key: str, role: str) -> ChannelWire:
        draft = {"key": key, "roles": [role]}
        return await self.post("/channels", draft, ChannelWire)

    async def line_type(self) -> TypeWire | None:
        try:
            return await self.get(f"/types/key={LINE_TYPE_KEY}", TypeWire)
        except NotFound:
            return None

    async def create_line_type(self) -> TypeWire:
        return await self.post("/types", line_type_draft(), TypeWire)


class ProjectIds:
    """Remembers the ids of the states and the type that our updates lean on."""

    def __init__(self, client: OrderClient) -> None:
        self._client = client
        self._state_keys: dict[str, str] = {}
        self._line_type_id = ""

    async def load(
        self, needed: Iterable[str], pay: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Make sure that these states' keys are known; say whether it asked.

        Args:
            pay: Waits until the next request may be sent.

        Raises:
            StateMissing: The project lacks states or the type of ours.
        """
        if self._line_type_id and all(each in self._state_keys for each in needed):
            return False
        if pay is not None:
            await pay()
        states = await self._client.line_states()
        self._state_keys = {state.id: state.key for state in states}
        missing = set(OUR_STATES) - set(self._state_keys.values())
        if pay is not None:
            await pay()
        line_type = await self._client.line_type()
        if missing or line_type is None:
            lacks = sorted(missing) or [LINE_TYPE_KEY]
            raise StateMissing(
                f"commercetools lacks {', '.join(lacks)}: {BOOTSTRAP_HINT}",
                reason="state_missing",
            )
        self._line_type_id = line_type.id
        return True

    @property
    def state_keys(self) -> dict[str, str]:
        return self._state_keys

    @property
    def line_type_id(self) -> str:
        return self._line_type_id

    def forget(self) -> None:
        """Ask anew next time: a person may have changed the project."""
        self._state_keys, self._line_type_id = {}, ""
