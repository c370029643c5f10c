"""commercetools' inventory rules in memory, and a network that loses and delays."""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from types import coroutine
from typing import Any

from streams.connectors.errors import (
    Ambiguous,
    ConnectorError,
    Duplicate,
    NotFound,
    VersionConflict,
)
from streams.mapping.commerce import (
    SEQUENCE_FIELD,
    TARGET_FIELD,
    Body,
    CustomWire,
    EntryWire,
    ReferenceWire,
)

OWN_TYPE = ReferenceWire(type_id="type", id="t-oneshelf")


@dataclass(slots=True)
class Shop:
    """Entries with versions and unique places; every accepted write is checked.

    In commerce counting the quantity may only move by as much as the target does, and
    a sequence may only grow: a delta applied twice breaks one of the two at once.
    """

    deltas: bool = True
    entries: dict[str, EntryWire] = field(default_factory=dict)
    writes: list[list[Body]] = field(default_factory=list)

    def entry(self, sku: str, channel_id: str | None) -> EntryWire | None:
        for entry in self.entries.values():
            held = None if entry.supply_channel is None else entry.supply_channel.id
            if (entry.sku, held) == (sku, channel_id):
                return entry
        return None

    def create(self, draft: Body) -> EntryWire:
        channel = draft.get("supplyChannel")
        channel_id = None if channel is None else f"id-{channel['key']}"
        taken = any(entry.key == draft["key"] for entry in self.entries.values())
        if taken or self.entry(draft["sku"], channel_id) is not None:
            raise Duplicate("taken", reason="DuplicateField", status=400)
        entry = EntryWire(
            id=f"e{len(self.entries) + 1}",
            version=1,
            sku=draft["sku"],
            quantity_on_stock=draft["quantityOnStock"],
            key=draft["key"],
            supply_channel=None
            if channel_id is None
            else ReferenceWire(type_id="channel", id=channel_id),
            custom=CustomWire(OWN_TYPE, dict(draft["custom"]["fields"])),
        )
        self.entries[entry.id] = entry
        self.writes.append([draft])
        return entry

    def update(self, entry_id: str, version: int, actions: list[Body]) -> EntryWire:
        held = self.entries.get(entry_id)
        if held is None:
            raise NotFound("gone", reason="ResourceNotFound", status=404)
        if held.version != version:
            raise VersionConflict("version", status=409)
        entry = held
        for action in actions:
            entry = _applied(entry, action)
        self._check(held, entry)
        self.entries[entry_id] = entry = _with(entry, version=held.version + 1)
        self.writes.append(actions)
        return entry

    def sell(self, entry_id: str, quantity: int) -> None:
        """Let commerce count an order of its own."""
        held = self.entries[entry_id]
        self.entries[entry_id] = _with(
            held,
            version=held.version + 1,
            quantity_on_stock=held.quantity_on_stock - quantity,
        )

    def touch(self, entry_id: str) -> None:
        """Raise the version as background changes do."""
        self.sell(entry_id, 0)

    def _check(self, before: EntryWire, after: EntryWire) -> None:
        old, new = _fields(before), _fields(after)
        if TARGET_FIELD not in old:
            return
        assert new[SEQUENCE_FIELD] >= old[SEQUENCE_FIELD], "an older state was told"
        if self.deltas:
            moved = after.quantity_on_stock - before.quantity_on_stock
            assert moved == new[TARGET_FIELD] - old[TARGET_FIELD], "not once"


def foreign_entry(quantity: int, custom: CustomWire | None = None) -> Shop:
    """Make a shop with an entry of TEE at channel ldn that is not ours."""
    channel = ReferenceWire(type_id="channel", id="id-ldn")
    entry = EntryWire("f1", 3, "TEE", quantity, supply_channel=channel, custom=custom)
    return Shop(entries={"f1": entry})


def _fields(entry: EntryWire) -> dict[str, Any]:
    return {} if entry.custom is None else entry.custom.fields


def _with(entry: EntryWire, **changes: Any) -> EntryWire:
    values = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return EntryWire(**{**values, **changes})


def _applied(entry: EntryWire, action: Body) -> EntryWire:
    quantity = entry.quantity_on_stock
    match action["action"]:
        case "addQuantity":
            return _with(entry, quantity_on_stock=quantity + action["quantity"])
        case "removeQuantity":
            return _with(entry, quantity_on_stock=quantity - action["quantity"])
        case "changeQuantity":
            return _with(entry, quantity_on_stock=action["quantity"])
        case "setCustomType":
            return _with(entry, custom=CustomWire(OWN_TYPE, dict(action["fields"])))
        case "setCustomField":
            assert entry.custom is not None
            fields = {**entry.custom.fields, action["name"]: action["value"]}
            return _with(entry, custom=CustomWire(entry.custom.type, fields))
        case name:
            raise AssertionError(name)


@dataclass(slots=True, eq=False)
class Request:
    """A request on its way: the shop may get it late, its answer may get lost."""

    work: Callable[[], EntryWire | None]
    reached: bool = False
    result: EntryWire | None = None
    error: ConnectorError | None = None

    def arrive(self) -> None:
        """Let the shop do it, once."""
        if self.reached:
            return
        self.reached = True
        try:
            self.result = self.work()
        except ConnectorError as error:
            self.error = error


@coroutine
def _travel(request: Request) -> Generator[Request, bool, EntryWire | None]:
    """Hand the request to whoever drives the coroutine; it says if an answer came."""
    answered = yield request
    if not answered:
        raise Ambiguous("No answer", reason="no_answer")
    if request.error is not None:
        raise request.error
    return request.result


class Network:
    """A client (InventoryClient) whose every request waits to be driven by a test."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def entry_by_id(self, entry_id: str) -> EntryWire | None:
        return await _travel(Request(lambda: self._shop.entries.get(entry_id)))

    async def entry_by_sku(self, sku: str, channel_id: str | None) -> EntryWire | None:
        return await _travel(Request(lambda: self._shop.entry(sku, channel_id)))

    async def create_entry(self, draft: Body) -> EntryWire:
        return _there(await _travel(Request(lambda: self._shop.create(draft))))

    async def update_entry(
        self, entry_id: str, version: int, actions: list[Body]
    ) -> EntryWire:
        work = lambda: self._shop.update(entry_id, version, actions)  # noqa: E731 (one use)
        return _there(await _travel(Request(work)))


Gate = Callable[[str], Awaitable[None]]


class Direct:
    """A client of the shop without network; `gate` may wait or fail before a write,
    `after` after it."""

    def __init__(
        self, shop: Shop, *, gate: Gate | None = None, after: Gate | None = None
    ) -> None:
        self.shop = shop
        self.gate = gate
        self.after = after

    async def entry_by_id(self, entry_id: str) -> EntryWire | None:
        return self.shop.entries.get(entry_id)

    async def entry_by_sku(self, sku: str, channel_id: str | None) -> EntryWire | None:
        return self.shop.entry(sku, channel_id)

    async def create_entry(self, draft: Body) -> EntryWire:
        return await self._write(draft["sku"], lambda: self.shop.create(draft))

    async def update_entry(
        self, entry_id: str, version: int, actions: list[Body]
    ) -> EntryWire:
        held = self.shop.entries.get(entry_id)
        sku = "" if held is None else held.sku
        return await self._write(
            sku, lambda: self.shop.update(entry_id, version, actions)
        )

    async def _write(self, sku: str, work: Callable[[], EntryWire]) -> EntryWire:
        if self.gate is not None:
            await self.gate(sku)
        entry = work()
        if self.after is not None:
            await self.after(sku)
        return entry


class KnownChannels:
    """Channels whose ids are known without asking."""

    def is_known(self, key: str) -> bool:
        return True

    async def find(self, key: str) -> str:
        return f"id-{key}"

    def forget(self, key: str) -> None:
        pass


@dataclass(slots=True)
class FreeTurn:
    """A turn that never waits, and remembers what it was told."""

    waits: list[float | None] = field(default_factory=list)
    failures: int = 0

    async def next(self) -> None:
        pass

    def succeeded(self) -> None:
        pass

    def failed(self) -> None:
        self.failures += 1

    def throttled(self, retry_after_s: float | None) -> None:
        self.waits.append(retry_after_s)


def _there(entry: EntryWire | None) -> EntryWire:
    assert entry is not None
    return entry
