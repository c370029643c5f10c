"""Channels of a commercetools project: our locations and our name towards orders.

Endpoint: commercetools API reference, "Channels".
"""

from collections.abc import Awaitable, Callable

from streams.connectors.commerce_session import HttpSession
from streams.connectors.session import READ_ATTEMPTS_MAX
from streams.mapping.commerce import ChannelPageWire, ChannelWire


class ChannelSession(HttpSession):
    """What every client of ours may ask about channels."""

    async def channel(
        self, key: str, *, attempts: int = READ_ATTEMPTS_MAX
    ) -> ChannelWire | None:
        query = {"where": "key=:k", "var.k": key, "limit": "1", "withTotal": "false"}
        page = await self.get("/channels", ChannelPageWire, query, attempts=attempts)
        return page.results[0] if page.results else None

    async def add_role(self, channel: ChannelWire, role: str) -> ChannelWire:
        actions = [{"action": "addRoles", "roles": [role]}]
        body = {"version": channel.version, "actions": actions}
        return await self.post(f"/channels/{channel.id}", body, ChannelWire)


async def ensure_channel(
    client: ChannelSession,
    key: str,
    role: str,
    create: Callable[[], Awaitable[ChannelWire]],
) -> str:
    """Make a channel, or give it its role; say in a sentence what was done."""
    known = await client.channel(key)
    if known is None:
        await create()
        return f"channel {key}: created"
    if role not in known.roles:
        await client.add_role(known, role)
        return f"channel {key}: given the role {role}"
    return f"channel {key}: already there"
