"""The client against the sandbox over real HTTP: token, errors, set-up, scan."""

import asyncio

import msgspec
import pytest

from streams.connectors.bootstrap import bootstrap
from streams.connectors.commercetools import ChannelIds, CommercetoolsClient
from streams.connectors.errors import (
    Ambiguous,
    ChannelMissing,
    ConnectorError,
    Duplicate,
    Misconfigured,
    NotFound,
    Refused,
    Throttled,
    TypeMissing,
    Unavailable,
    VersionConflict,
)
from streams.domain.availability import AddQuantity, Adopt, CreateEntry, Wanted
from streams.domain.reference import Location
from streams.mapping.commerce import (
    TYPE_KEY,
    Body,
    EntryWire,
    actions_of,
    draft_of,
    entry_of,
)
from streams.mapping.publications import UpdateWire
from streams.sandbox.commercetools import (
    FaultKind,
    FaultRule,
    SandboxServer,
)
from tests.connectors.sandbox import settings_for

LONDON = Location(location_id="LDN01", label="London", commercetools_channel_key="ldn")
PARIS = Location(location_id="PAR01", commercetools_channel_key="par")
WAREHOUSE = Location(location_id="WH01")


def fault(server: SandboxServer, rule: FaultRule) -> int:
    return server.call(lambda sandbox: sandbox.faults.add(rule))


def draft(sku: str = "TEE", *, hashed: bool = False) -> Body:
    update = UpdateWire(sku, "LDN01", "ldn", 5, 5, 1)
    return draft_of(update, CreateEntry(5), hashed=hashed)


async def ready(client: CommercetoolsClient) -> EntryWire:
    await bootstrap(client, [LONDON])
    return await client.create_entry(draft())


def delta(entry: EntryWire) -> list[Body]:
    return actions_of(Wanted(6, 6, 2), AddQuantity(1, entry.version))


# Set-up


async def test_bootstrap_makes_what_is_missing_and_says_so(
    client: CommercetoolsClient,
) -> None:
    done = await bootstrap(client, [LONDON, PARIS, WAREHOUSE])
    assert done == [
        "custom type oneshelf-stock: created",
        "channel ldn: created",
        "channel par: created",
    ]
    again = await bootstrap(client, [LONDON, PARIS, WAREHOUSE])
    assert all(sentence.endswith(": already there") for sentence in again)


async def test_bootstrap_mends_what_is_half_there(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    server.call(lambda s: s.create_channel({"key": "ldn", "roles": ["OrderExport"]}))
    server.call(
        lambda s: s.create_type(
            {
                "key": TYPE_KEY,
                "name": {"en": "half"},
                "resourceTypeIds": ["inventory-entry"],
                "fieldDefinitions": [],
            }
        )
    )
    assert await bootstrap(client, [LONDON]) == [
        "custom type oneshelf-stock: added oneshelfTarget, oneshelfSequence",
        "channel ldn: given the role InventorySupply",
    ]
    assert (await client.create_entry(draft())).quantity_on_stock == 5


async def test_bootstrap_refuses_a_type_for_something_else(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    server.call(
        lambda s: s.create_type(
            {"key": TYPE_KEY, "name": {"en": "x"}, "resourceTypeIds": ["order"]}
        )
    )
    with pytest.raises(Misconfigured, match="not for inventory entries"):
        await bootstrap(client, [])


@pytest.mark.parametrize("kind", [FaultKind.FAILURE, FaultKind.DROP])
async def test_bootstrap_survives_lost_answers(
    server: SandboxServer, client: CommercetoolsClient, kind: FaultKind
) -> None:
    lost = FaultRule(kind=kind, when="after", status=500, methods=("POST",), count=1)
    fault(server, msgspec.structs.replace(lost, path="types"))
    assert len(await bootstrap(client, [LONDON])) == 2
    assert await client.stock_type() is not None


# Entries


async def test_an_entry_is_created_found_updated_and_read_back(
    client: CommercetoolsClient,
) -> None:
    entry = await ready(client)
    channel_id = await ChannelIds(client).find("ldn")
    assert await client.entry_by_sku("TEE", channel_id) == entry
    assert await client.entry_by_sku("TEE", None) is None
    updated = await client.update_entry(entry.id, entry.version, delta(entry))
    assert updated.quantity_on_stock == 6
    assert updated.version > entry.version
    assert await client.entry_by_id(entry.id) == updated
    assert entry_of(updated).quantity == 6  # type: ignore[union-attr]  # never Absent


async def test_a_sku_with_quotes_is_found(client: CommercetoolsClient) -> None:
    await bootstrap(client, [LONDON])
    sku = 'TEE "M" \\ ü&='
    entry = await client.create_entry(draft(sku))
    channel_id = await ChannelIds(client).find("ldn")
    assert await client.entry_by_sku(sku, channel_id) == entry


async def test_the_pooled_entry_is_the_one_without_channel(
    client: CommercetoolsClient,
) -> None:
    await ready(client)
    update = UpdateWire("TEE", "*", "", 9, 9, 1)
    entry = await client.create_entry(draft_of(update, CreateEntry(9), hashed=False))
    assert entry.key == "pooled_TEE"
    assert await client.entry_by_sku("TEE", None) == entry


async def test_a_scan_reads_every_entry_once(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    def fill(count: int) -> None:
        for number in range(count):
            body = {"sku": f"S{number}", "quantityOnStock": number}
            server.call(lambda s, body=body: s.create_entry(body))  # type: ignore[misc]  # bound now

    fill(1001)
    seen = [entry.sku async for entry in client.scan_inventory()]
    assert len(seen) == 1001
    assert set(seen) == {f"S{number}" for number in range(1001)}


async def test_an_empty_scan_ends(client: CommercetoolsClient) -> None:
    assert [entry async for entry in client.scan_inventory()] == []


async def test_adoption_keeps_the_quantity_and_sets_our_type(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    await bootstrap(client, [])
    held = server.call(lambda s: s.create_entry({"sku": "TEE", "quantityOnStock": 7}))
    decision = Adopt(7, -2, held.version, typed=False, absolute=False)
    actions = actions_of(Wanted(5, 5, 1), decision)
    entry = await client.update_entry(held.id, held.version, actions)
    assert entry.quantity_on_stock == 5
    assert entry.custom is not None
    assert entry.custom.fields == {"oneshelfTarget": 5, "oneshelfSequence": 1}


# Channels


async def test_a_missing_channel_is_asked_for_once_in_a_while(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    channels = ChannelIds(client)
    for _ in range(3):
        with pytest.raises(ChannelMissing, match="oneshelf commercetools bootstrap"):
            await channels.find("ldn")
    assert channels.is_known("ldn")
    assert server.call(lambda s: s.responses[200]) == 2  # one token, one query


async def test_many_who_ask_for_a_channel_ask_once(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    await bootstrap(client, [LONDON])
    before = server.call(lambda s: s.responses[200])
    channels = ChannelIds(client)
    ids = await asyncio.gather(*(channels.find("ldn") for _ in range(20)))
    assert len(set(ids)) == 1
    assert server.call(lambda s: s.responses[200]) == before + 1
    channels.forget("ldn")
    assert not channels.is_known("ldn")


# Errors


async def error_of(
    client: CommercetoolsClient, entry: EntryWire | None = None
) -> ConnectorError:
    entry = await ready(client) if entry is None else entry
    with pytest.raises(ConnectorError) as raised:
        await client.update_entry(entry.id, entry.version, delta(entry))
    return raised.value


async def test_an_old_version_is_a_conflict(client: CommercetoolsClient) -> None:
    entry = await ready(client)
    await client.update_entry(entry.id, entry.version, delta(entry))
    error = await error_of(client, entry)
    assert isinstance(error, VersionConflict)
    assert error.retriable


async def test_an_unknown_entry_is_not_found(client: CommercetoolsClient) -> None:
    with pytest.raises(NotFound):
        await client.update_entry("nowhere", 1, [])
    assert await client.entry_by_id("nowhere") is None


async def test_a_second_entry_is_a_duplicate(client: CommercetoolsClient) -> None:
    await ready(client)
    with pytest.raises(Duplicate) as raised:
        await client.create_entry(draft(hashed=True))
    assert not raised.value.retriable


async def test_a_missing_type_names_the_command_that_makes_it(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    server.call(lambda s: s.create_channel({"key": "ldn"}))
    with pytest.raises(TypeMissing, match="run `oneshelf commercetools bootstrap`"):
        await client.create_entry(draft())


async def test_a_missing_channel_on_creation_is_named(
    client: CommercetoolsClient,
) -> None:
    await bootstrap(client, [])
    with pytest.raises(ChannelMissing, match="oneshelf commercetools bootstrap"):
        await client.create_entry(draft())


async def test_nonsense_is_refused(client: CommercetoolsClient) -> None:
    entry = await ready(client)
    with pytest.raises(Refused):
        await client.update_entry(entry.id, entry.version, [{"action": "explode"}])


STATUSES = [
    (500, "json", Ambiguous),
    (502, "html", Ambiguous),
    (503, "json", Unavailable),
    (503, "html", Unavailable),
    (504, "html", Ambiguous),
]


@pytest.mark.parametrize(("status", "page", "kind"), STATUSES)
async def test_failing_statuses_are_told_apart_even_as_pages(
    server: SandboxServer,
    client: CommercetoolsClient,
    status: int,
    page: str,
    kind: type[ConnectorError],
) -> None:
    entry = await ready(client)
    rule = {"kind": FaultKind.FAILURE, "status": status, "page": page, "count": 1}
    fault(server, FaultRule(**rule, retry_after_s=3))  # type: ignore[arg-type]  # by table
    error = await error_of(client, entry)
    assert type(error) is kind
    assert (error.status, error.retriable) == (status, True)


async def test_too_many_requests_say_for_how_long(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    entry = await ready(client)
    fault(server, FaultRule(kind=FaultKind.RATE_LIMIT, retry_after_s=7, count=1))
    error = await error_of(client, entry)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == 7.0


async def test_a_dropped_connection_is_ambiguous(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    entry = await ready(client)
    fault(server, FaultRule(kind=FaultKind.DROP, when="after", count=1))
    assert isinstance(await error_of(client, entry), Ambiguous)
    held = await client.entry_by_id(entry.id)
    assert held is not None
    assert held.quantity_on_stock == 6


async def test_an_answer_that_is_late_is_ambiguous(server: SandboxServer) -> None:
    settings = settings_for(server.url)
    async with CommercetoolsClient(settings, answer_timeout_s=0.2) as client:
        entry = await ready(client)
        rule = FaultRule(kind=FaultKind.LATENCY, when="after", latency_s=1, count=1)
        fault(server, rule)
        assert isinstance(await error_of(client, entry), Ambiguous)


async def test_no_server_is_unavailable() -> None:
    async with CommercetoolsClient(settings_for("http://127.0.0.1:9")) as client:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await client.update_entry("e1", 1, [])


async def test_reads_are_tried_again(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    await ready(client)
    fault(server, FaultRule(kind=FaultKind.FAILURE, status=503, count=2))
    assert await client.stock_type() is not None


async def test_writes_are_not_tried_again(
    server: SandboxServer, client: CommercetoolsClient
) -> None:
    entry = await ready(client)
    number = fault(server, FaultRule(kind=FaultKind.FAILURE, status=503))
    await error_of(client, entry)
    assert server.call(lambda s: s.faults.hits(number)) == 1
