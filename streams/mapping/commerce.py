"""commercetools inventory on the wire <-> domain values.

Pure. Field names and actions: commercetools API reference, "Inventory".
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

import msgspec

from streams.domain.availability import (
    AddQuantity,
    Adopt,
    ChangeQuantity,
    CreateEntry,
    Entry,
    FieldsOnly,
    Foreign,
    Ours,
    RemoveQuantity,
    Update,
    Wanted,
)
from streams.mapping.publications import UpdateWire

TYPE_KEY: Final = "oneshelf-stock"
TARGET_FIELD: Final = "oneshelfTarget"
SEQUENCE_FIELD: Final = "oneshelfSequence"
INVENTORY_SUPPLY: Final = "InventorySupply"

Body = dict[str, Any]
"""A JSON body to send."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{2,256}")


class ReferenceWire(msgspec.Struct, frozen=True, rename="camel"):
    type_id: str
    id: str


class CustomWire(msgspec.Struct, frozen=True):
    type: ReferenceWire
    fields: dict[str, Any] = {}


class EntryWire(msgspec.Struct, frozen=True, rename="camel"):
    """An inventory entry as commercetools returns it, as far as we read it."""

    id: str
    version: int
    sku: str
    quantity_on_stock: int
    available_quantity: int = 0
    key: str = ""
    supply_channel: ReferenceWire | None = None
    custom: CustomWire | None = None


class EntryPageWire(msgspec.Struct, frozen=True):
    results: list[EntryWire]


class ChannelWire(msgspec.Struct, frozen=True):
    id: str
    version: int
    key: str
    roles: list[str] = []


class ChannelPageWire(msgspec.Struct, frozen=True):
    results: list[ChannelWire]


class FieldDefinitionWire(msgspec.Struct, frozen=True):
    name: str


class TypeWire(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    version: int
    key: str
    resource_type_ids: list[str] = []
    field_definitions: list[FieldDefinitionWire] = []


def entry_of(wire: EntryWire) -> Entry:
    """Tell an entry of ours, by its two fields, from a foreign one."""
    fields: Mapping[str, Any] = {} if wire.custom is None else wire.custom.fields
    target, sequence = _whole(fields, TARGET_FIELD), _whole(fields, SEQUENCE_FIELD)
    if target is None or sequence is None:
        typed = wire.custom is not None
        return Foreign(wire.quantity_on_stock, wire.version, typed=typed)
    return Ours(target, sequence, wire.quantity_on_stock, wire.version)


def _whole(fields: Mapping[str, Any], name: str) -> int | None:
    # commercetools' field type Number may write 5 as 5.0.
    value = fields.get(name)
    return int(value) if isinstance(value, int | float) else None


def draft_of(update: UpdateWire, decision: CreateEntry, *, hashed: bool) -> Body:
    """Write the draft of a new entry: quantity, key, channel and our fields."""
    wanted = update.wanted
    draft: Body = {
        "sku": update.sku,
        "key": entry_key(update.channel_key, update.sku, hashed=hashed),
        "quantityOnStock": decision.quantity,
        "custom": _custom(wanted),
    }
    if update.channel_key:
        draft["supplyChannel"] = {"typeId": "channel", "key": update.channel_key}
    return draft


def actions_of(wanted: Wanted, decision: Update) -> list[Body]:
    """Write the update actions: the quantity and both fields, all or nothing."""
    match decision:
        case Adopt():
            quantity = _adoption(decision)
            if decision.typed:
                return [*quantity, *_fields(wanted)]
            return [*quantity, {"action": "setCustomType", **_custom(wanted)}]
        case AddQuantity(quantity=quantity):
            return [_quantity("addQuantity", quantity), *_fields(wanted)]
        case RemoveQuantity(quantity=quantity):
            return [_quantity("removeQuantity", quantity), *_fields(wanted)]
        case ChangeQuantity(quantity=quantity):
            return [_quantity("changeQuantity", quantity), *_fields(wanted)]
        case FieldsOnly():
            return _fields(wanted)
        case CreateEntry():
            raise ValueError("A new entry is a draft, not a list of actions")
        case _:
            assert_never(decision)


def _adoption(decision: Adopt) -> list[Body]:
    if decision.correction == 0:
        return []
    if decision.absolute:
        total = decision.found + decision.correction
        return [_quantity("changeQuantity", total)]
    if decision.correction > 0:
        return [_quantity("addQuantity", decision.correction)]
    return [_quantity("removeQuantity", -decision.correction)]


def _quantity(action: str, quantity: int) -> Body:
    return {"action": action, "quantity": quantity}


def _fields(wanted: Wanted) -> list[Body]:
    values = ((TARGET_FIELD, wanted.target), (SEQUENCE_FIELD, wanted.sequence))
    return [
        {"action": "setCustomField", "name": name, "value": value}
        for name, value in values
    ]


def _custom(wanted: Wanted) -> Body:
    return {
        "type": {"typeId": "type", "key": TYPE_KEY},
        "fields": {TARGET_FIELD: wanted.target, SEQUENCE_FIELD: wanted.sequence},
    }


def entry_key(channel_key: str, sku: str, *, hashed: bool = False) -> str:
    """Name an entry `{channel}_{sku}`; a hash where that does not fit or is taken.

    Keys are 2 to 256 characters of `[A-Za-z0-9_-]` (commercetools API reference,
    "InventoryEntryDraft").
    """
    plain = f"{channel_key or 'pooled'}_{sku}"
    if not hashed and _PLAIN_KEY.fullmatch(plain):
        return plain
    digest = hashlib.sha256(f"{channel_key}\0{sku}".encode()).hexdigest()
    return f"oneshelf-{digest[:40]}"


def entry_query(sku: str, channel_id: str | None) -> dict[str, str]:
    """Ask for the entry of a SKU and channel; without channel, the project-wide one."""
    query = {"var.s": sku, "limit": "2", "withTotal": "false"}
    if channel_id is None:
        return {"where": "sku=:s and supplyChannel is not defined", **query}
    where = "sku=:s and supplyChannel(id=:c)"
    return {"where": where, "var.c": channel_id, **query}


def scan_query(after_id: str, limit: int) -> dict[str, str]:
    """Ask for one page of a full scan; by id, because offsets end at 10,000."""
    query = {"sort": "id asc", "limit": str(limit), "withTotal": "false"}
    return {**query, "where": f'id > "{after_id}"'} if after_id else query


def type_draft() -> Body:
    """Write the draft of the custom type that carries our two fields."""
    return {
        "key": TYPE_KEY,
        "name": {"en": "OneShelf stock"},
        "resourceTypeIds": ["inventory-entry"],
        "fieldDefinitions": [field_definition(name) for name in TYPE_FIELDS],
    }


def field_definition(name: str) -> Body:
    return {
        "name": name,
        "label": {"en": TYPE_FIELDS[name]},
        "required": False,
        "type": {"name": "Number"},
        "inputHint": "SingleLine",
    }


TYPE_FIELDS: Final = {
    TARGET_FIELD: "Sum of the changes that OneShelf has sent",
    SEQUENCE_FIELD: "Sequence of the last change that OneShelf has sent",
}


def channel_draft(key: str, label: str) -> Body:
    draft: Body = {"key": key, "roles": [INVENTORY_SUPPLY]}
    return {**draft, "name": {"en": label}} if label else draft


def missing_fields(wire: TypeWire) -> Sequence[str]:
    """Name our fields that an existing type lacks."""
    present = {definition.name for definition in wire.field_definitions}
    return [name for name in TYPE_FIELDS if name not in present]
