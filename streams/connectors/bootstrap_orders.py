"""Prepare a commercetools project for orders: line item states, our type, a channel."""

from collections.abc import Awaitable, Callable
from functools import partial

import stamina

from streams.connectors.commerce_orders import OrderClient
from streams.connectors.errors import Duplicate, Misconfigured
from streams.connectors.session import retry_delay
from streams.domain.commerce_orders import OUR_STATES
from streams.mapping.commerce_orders import (
    LINE_TYPE_KEY,
    LOCATIONS_FIELD,
    SYNC_CHANNEL_KEY,
)

ROUNDS_MAX = 5
SYNC_ROLE = "OrderExport"


async def bootstrap_orders(client: OrderClient) -> list[str]:
    """Make what is missing, leave what is there; say in sentences what was done.

    Run it as often as you like: the second run does nothing.

    Raises:
        ConnectorError: commercetools cannot be reached or refuses.
    """
    done = [await _until_settled(partial(_state, client, key)) for key in OUR_STATES]
    done.append(await _until_settled(partial(_line_type, client)))
    done.append(await _until_settled(partial(_sync_channel, client)))
    return done


async def _until_settled(step: Callable[[], Awaitable[str]]) -> str:
    async for attempt in stamina.retry_context(on=_may_be_done, attempts=ROUNDS_MAX):
        with attempt:
            return await step()
    raise AssertionError("stamina raises when its attempts are used up")


def _may_be_done(error: Exception) -> bool | float:
    # A duplicate was made by someone, perhaps by us: the next look finds it.
    return isinstance(error, Duplicate) or retry_delay(error)


async def _state(client: OrderClient, key: str) -> str:
    if any(state.key == key for state in await client.line_states()):
        return f"line item state {key}: already there"
    await client.create_state(key)
    return f"line item state {key}: created"


async def _line_type(client: OrderClient) -> str:
    known = await client.line_type()
    if known is None:
        await client.create_line_type()
        return f"custom type {LINE_TYPE_KEY}: created"
    names = {definition.name for definition in known.field_definitions}
    if "line-item" not in known.resource_type_ids or LOCATIONS_FIELD not in names:
        raise Misconfigured(
            f"The custom type {LINE_TYPE_KEY} exists but is not for line items with "
            f"the field {LOCATIONS_FIELD}: delete it, or add what it lacks",
            reason="type_unusable",
        )
    return f"custom type {LINE_TYPE_KEY}: already there"


async def _sync_channel(client: OrderClient) -> str:
    known = await client.channel(SYNC_CHANNEL_KEY)
    if known is None:
        await client.create_sync_channel(SYNC_CHANNEL_KEY, SYNC_ROLE)
        return f"channel {SYNC_CHANNEL_KEY}: created"
    if SYNC_ROLE not in known.roles:
        await client.add_role(known, SYNC_ROLE)
        return f"channel {SYNC_CHANNEL_KEY}: given the role {SYNC_ROLE}"
    return f"channel {SYNC_CHANNEL_KEY}: already there"
