"""Prepare a commercetools project for orders: line item states, our type, a channel."""

from functools import partial

from streams.connectors.bootstrap import until_settled
from streams.connectors.channels import ensure_channel
from streams.connectors.commerce_orders import OrderClient
from streams.connectors.errors import Misconfigured
from streams.domain.commerce_orders import OUR_STATES
from streams.mapping.commerce_orders import (
    LINE_TYPE_KEY,
    LOCATIONS_FIELD,
    SYNC_CHANNEL_KEY,
)

SYNC_ROLE = "OrderExport"


async def bootstrap_orders(client: OrderClient) -> list[str]:
    """Make what is missing, leave what is there; say in sentences what was done.

    Run it as often as you like: the second run does nothing.

    Raises:
        ConnectorError: commercetools cannot be reached or refuses.
    """
    done = [await until_settled(partial(_state, client, key)) for key in OUR_STATES]
    done.append(await until_settled(partial(_line_type, client)))
    create = partial(client.create_sync_channel, SYNC_CHANNEL_KEY, SYNC_ROLE)
    channel = partial(ensure_channel, client, SYNC_CHANNEL_KEY, SYNC_ROLE, create)
    done.append(await until_settled(channel))
    return done


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
