"""Prepare a commercetools project: our custom type, a supply channel per location."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import stamina

from streams.connectors.channels import ensure_channel
from streams.connectors.commercetools import CommercetoolsClient
from streams.connectors.errors import Duplicate, Misconfigured
from streams.connectors.session import retry_delay
from streams.domain.reference import Location
from streams.mapping.commerce import INVENTORY_SUPPLY, TYPE_KEY, missing_fields

ROUNDS_MAX = 5
"""How often to look again when someone else changes the same thing meanwhile."""


async def bootstrap(
    client: CommercetoolsClient, locations: Iterable[Location]
) -> list[str]:
    """Make what is missing, leave what is there; say in sentences what was done.

    Run it as often as you like: the second run does nothing.

    Raises:
        ConnectorError: commercetools cannot be reached or refuses.
    """
    done = [await until_settled(lambda: _bootstrap_type(client))]
    labels = {
        place.commercetools_channel_key: place.label
        for place in locations
        if place.commercetools_channel_key
    }
    for key, label in sorted(labels.items()):
        create = partial(client.create_channel, key, label)
        step = partial(ensure_channel, client, key, INVENTORY_SUPPLY, create)
        done.append(await until_settled(step))
    return done


async def until_settled(step: Callable[[], Awaitable[str]]) -> str:
    """Take a step of preparing a project, again where another takes it meanwhile."""
    async for attempt in stamina.retry_context(on=_may_be_done, attempts=ROUNDS_MAX):
        with attempt:
            return await step()
    raise AssertionError("stamina raises when its attempts are used up")


def _may_be_done(error: Exception) -> bool | float:
    # A duplicate was made by someone, perhaps by us: the next look finds it.
    return isinstance(error, Duplicate) or retry_delay(error)


async def _bootstrap_type(client: CommercetoolsClient) -> str:
    known = await client.stock_type()
    if known is None:
        await client.create_stock_type()
        return f"custom type {TYPE_KEY}: created"
    if "inventory-entry" not in known.resource_type_ids:
        raise Misconfigured(
            f"The custom type {TYPE_KEY} exists but is not for inventory entries: "
            "delete it, or give it the resource type inventory-entry",
            reason="type_unusable",
        )
    missing = list(missing_fields(known))
    if missing:
        await client.add_type_fields(known, missing)
        return f"custom type {TYPE_KEY}: added {', '.join(missing)}"
    return f"custom type {TYPE_KEY}: already there"
