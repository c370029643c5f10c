"""Inventory entries: one per SKU and supply channel, versioned, updated all or nothing.

Source: API spec, `types/inventory/*` and `resources/inventory`.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.channels import Channels
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.custom import (
    CustomFields,
    Types,
    custom_body,
    draft_custom,
)
from streams.sandbox.commercetools.predicate_parser import Node
from streams.sandbox.commercetools.predicates import (
    ANY_NAME,
    FieldKind,
    Schema,
    equal_to,
)
from streams.sandbox.commercetools.resources import PLATFORM, Stamp, Stamped, reference
from streams.sandbox.commercetools.values import Fields, needed, optional

# API spec: InventoryEntry.reservationExpirationInMinutes, minimum and maximum.
RESERVATION_EXPIRATION = values.integer(1, 44_640)
CART_QUANTITY = values.integer(1, values.INT32_MAX)

INVENTORY_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "sku": FieldKind.TEXT,
    "supplyChannel": {"typeId": FieldKind.TEXT, "id": FieldKind.TEXT},
    "quantityOnStock": FieldKind.NUMBER,
    "availableQuantity": FieldKind.NUMBER,
    "minCartQuantity": FieldKind.NUMBER,
    "maxCartQuantity": FieldKind.NUMBER,
    "restockableInDays": FieldKind.NUMBER,
    "expectedDelivery": FieldKind.MOMENT,
    "reservationExpirationInMinutes": FieldKind.NUMBER,
    "stockLevels": {"reorderPoint": FieldKind.NUMBER, "safetyStock": FieldKind.NUMBER},
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
    "custom": {
        "type": {"typeId": FieldKind.TEXT, "id": FieldKind.TEXT},
        "fields": {ANY_NAME: FieldKind.ANY},
    },
}


@dataclass(frozen=True, slots=True)
class InventoryEntry(Stamped):
    """An entry as commercetools shows it.

    `availableQuantity` is on stock less what carts have reserved; the sandbox's carts
    reserve nothing, so both are equal.
    """

    sku: str
    quantity_on_stock: int
    key: str | None = None
    channel_id: str | None = None
    min_cart_quantity: int | None = None
    max_cart_quantity: int | None = None
    restockable_in_days: int | None = None
    expected_delivery: str | None = None
    reservation_expiration_min: int | None = None
    reorder_point: int | None = None
    safety_stock: int | None = None
    custom: CustomFields | None = None

    @property
    def place(self) -> tuple[str, str | None]:
        """Return what is unique about an entry: SKU and supply channel."""
        return self.sku, self.channel_id


class Inventory(Collection[InventoryEntry]):
    """The project's entries, also by place and by SKU."""

    type_id = "inventory-entry"

    def __init__(self, channels: Channels, types: Types) -> None:
        super().__init__()
        self.channels = channels
        self.types = types
        self._id_by_place: dict[tuple[str, str | None], str] = {}
        self._ids_by_sku: defaultdict[str, set[str]] = defaultdict(set)

    def at(self, sku: str, channel_id: str | None) -> InventoryEntry | None:
        """Return the entry of a place."""
        return self._by_id.get(self._id_by_place.get((sku, channel_id), ""))

    def put(self, resource: InventoryEntry) -> None:
        """Keep an entry or its next version; place and key are unique.

        Source: API spec, `InventoryEntrySetSupplyChannelAction` and `POST /inventory`.
        """
        held = self._by_id.get(resource.id)
        moved = held is None or held.place != resource.place
        if moved and resource.place in self._id_by_place:
            raise _duplicate_place(resource)
        super().put(resource)
        if not moved:
            return
        if held is not None:
            del self._id_by_place[held.place]
        self._id_by_place[resource.place] = resource.id
        self._ids_by_sku[resource.sku].add(resource.id)

    def remove(self, resource: InventoryEntry) -> None:
        """Forget an entry."""
        super().remove(resource)
        del self._id_by_place[resource.place]
        self._ids_by_sku[resource.sku].discard(resource.id)

    def candidates(self, predicate: Node | None) -> Iterator[InventoryEntry]:
        """Return, by id, the entries that a predicate can match at all."""
        skus = equal_to(predicate, "sku")
        if skus is None:
            return super().candidates(predicate)
        ids = {id_ for sku in skus for id_ in self._ids_by_sku.get(sku, ())}
        return (self._by_id[id_] for id_ in sorted(ids))

    def create(self, draft: Fields, stamp: Stamp) -> InventoryEntry:
        """Create an entry from an InventoryEntryDraft."""
        levels = optional(draft, "stockLevels", values.mapping) or {}
        channel = None
        if draft.get("supplyChannel") is not None:
            channel = self.channels.referenced("supplyChannel", draft["supplyChannel"])
        entry = InventoryEntry(
            stamp=stamp,
            sku=needed(draft, "sku", values.text),
            quantity_on_stock=needed(draft, "quantityOnStock", values.INT64),
            key=optional(draft, "key", values.key),
            channel_id=channel.id if channel else None,
            min_cart_quantity=optional(draft, "minCartQuantity", CART_QUANTITY),
            max_cart_quantity=optional(draft, "maxCartQuantity", CART_QUANTITY),
            restockable_in_days=optional(draft, "restockableInDays", values.INT64),
            expected_delivery=optional(draft, "expectedDelivery", values.moment),
            reservation_expiration_min=optional(
                draft, "reservationExpirationInMinutes", RESERVATION_EXPIRATION
            ),
            reorder_point=optional(levels, "reorderPoint", values.INT32),
            safety_stock=optional(levels, "safetyStock", values.INT32),
            custom=draft_custom(self.types, "inventory-entry", draft),
        )
        self.put(entry)
        return entry

    def land(self, entry_id: str, quantity: int, at: str) -> InventoryEntry | None:
        """Let an order's decrement become visible; None if the entry is gone.

        The version moves with it: a guess, the docs do not say.
        """
        held = self.find("id", entry_id)
        if held is None:
            return None
        entry = replace(
            held,
            quantity_on_stock=held.quantity_on_stock - quantity,
            stamp=held.stamp.grown(steps=1, by=PLATFORM, at=at),
        )
        self.put(entry)
        return entry


def _duplicate_place(entry: InventoryEntry) -> errors.ApiError:
    combination = (
        f' in combination with channel:"{entry.channel_id}"' if entry.channel_id else ""
    )
    return errors.duplicate_field("sku", entry.sku, combination)


def entry_body(entry: InventoryEntry) -> dict[str, object]:
    """Write an entry as the vendor does: absent fields are left out."""
    body = entry.stamp.body()
    body["sku"] = entry.sku
    body["quantityOnStock"] = entry.quantity_on_stock
    body["availableQuantity"] = entry.quantity_on_stock
    if entry.channel_id is not None:
        body["supplyChannel"] = reference("channel", entry.channel_id)
    body["custom"] = custom_body(entry.custom)
    levels = {"reorderPoint": entry.reorder_point, "safetyStock": entry.safety_stock}
    present = {name: value for name, value in levels.items() if value is not None}
    body["stockLevels"] = present or None
    body["key"] = entry.key
    body["minCartQuantity"] = entry.min_cart_quantity
    body["maxCartQuantity"] = entry.max_cart_quantity
    body["restockableInDays"] = entry.restockable_in_days
    body["expectedDelivery"] = entry.expected_delivery
    body["reservationExpirationInMinutes"] = entry.reservation_expiration_min
    return {name: value for name, value in body.items() if value is not None}
