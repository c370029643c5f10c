"""The commercetools client: inventory entries, channels, the custom type.

Endpoints and fields: commercetools API reference, "Inventory", "Channels", "Types".
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

from streams.connectors.channels import ChannelSession
from streams.connectors.commerce_session import BOOTSTRAP_HINT
from streams.connectors.errors import ChannelMissing, NotFound
from streams.mapping.commerce import (
    TYPE_KEY,
    Body,
    ChannelWire,
    EntryPageWire,
    EntryWire,
    TypeWire,
    channel_draft,
    entry_query,
    field_definition,
    scan_query,
    type_draft,
)

SCAN_PAGE: Final = 500  # The API's largest page.
MISSING_CHANNEL_FOR_S: Final = 30.0


class CommercetoolsClient(ChannelSession):
    """Everything we ask of commercetools, one method for each request."""

    async def entry_by_id(self, entry_id: str) -> EntryWire | None:
        """Read an entry, once; None if it is not there."""
        try:
            return await self.get(f"/inventory/{entry_id}", EntryWire, attempts=1)
        except NotFound:
            return None

    async def entry_by_sku(self, sku: str, channel_id: str | None) -> EntryWire | None:
        """Find the entry of SKU and channel, once; None if there is none."""
        query = entry_query(sku, channel_id)
        page = await self.get("/inventory", EntryPageWire, query, attempts=1)
        return page.results[0] if page.results else None

    async def create_entry(self, draft: Body) -> EntryWire:
        return await self.post("/inventory", draft, EntryWire)

    async def update_entry(
        self, entry_id: str, version: int, actions: list[Body]
    ) -> EntryWire:
        body = {"version": version, "actions": actions}
        return await self.post(f"/inventory/{entry_id}", body, EntryWire)

    async def scan_inventory(self) -> AsyncIterator[EntryWire]:
        """Read every entry of the project, in order of id."""
        after_id = ""
        while True:
            query = scan_query(after_id, SCAN_PAGE)
            page = await self.get("/inventory", EntryPageWire, query)
            for entry in page.results:
                yield entry
            if len(page.results) < SCAN_PAGE:
                return
            after_id = page.results[-1].id

    async def create_channel(self, key: str, label: str) -> ChannelWire:
        return await self.post("/channels", channel_draft(key, label), ChannelWire)

    async def stock_type(self) -> TypeWire | None:
        try:
            return await self.get(f"/types/key={quote(TYPE_KEY)}", TypeWire)
        except NotFound:
            return None

    async def create_stock_type(self) -> TypeWire:
        return await self.post("/types", type_draft(), TypeWire)

    async def add_type_fields(self, wire: TypeWire, names: list[str]) -> TypeWire:
        actions = [
            {"action": "addFieldDefinition", "fieldDefinition": field_definition(name)}
            for name in names
        ]
        body = {"version": wire.version, "actions": actions}
        return await self.post(f"/types/{wire.id}", body, TypeWire)


class ChannelIds:
    """Remembers the ids of channels: predicates match channels by id, not by key.

    A missing channel is remembered too, for a while, so that its thousand entries
    do not ask a thousand times.
    """

    def __init__(self, client: CommercetoolsClient) -> None:
        self._client = client
        self._ids: dict[str, str] = {}
        self._missing_until: dict[str, float] = {}
        self._lock = asyncio.Lock()

    def is_known(self, key: str) -> bool:
        """Say whether `find` will answer without asking commercetools."""
        return key in self._ids or self._is_missing(key)

    async def find(self, key: str) -> str:
        """Return the channel's id.

        Raises:
            ChannelMissing: The project has no such channel.
        """
        async with self._lock:
            if not self.is_known(key):
                channel = await self._client.channel(key, attempts=1)
                if channel is None:
                    now = asyncio.get_running_loop().time()
                    self._missing_until[key] = now + MISSING_CHANNEL_FOR_S
                else:
                    self._ids[key] = channel.id
        if key not in self._ids:
            raise ChannelMissing(
                f"commercetools has no channel with key {key!r}: {BOOTSTRAP_HINT}",
                reason="channel_missing",
            )
        return self._ids[key]

    def forget(self, key: str) -> None:
        """Ask anew next time: the channel may have been deleted and made again."""
        self._ids.pop(key, None)

    def _is_missing(self, key: str) -> bool:
        until = self._missing_until.get(key)
        return until is not None and asyncio.get_running_loop().time() < until
