"""What a change of an inventory entry says.

Source: API spec, `types/message/InventoryEntry*Message`; `InventoryEntryStockLevels`.
An order's late decrement is no `InventoryEntryQuantitySet`.
"""

from collections.abc import Collection, Iterator

from streams.sandbox.commercetools.happenings import Happening, happening
from streams.sandbox.commercetools.inventory import InventoryEntry, entry_body
from streams.sandbox.commercetools.inventory_actions import QUANTITY_ACTIONS
from streams.sandbox.commercetools.resources import reference


def entry_created(entry: InventoryEntry) -> Happening:
    """Say that an entry was created."""
    return happening("InventoryEntryCreated", inventoryEntry=entry_body(entry))


def entry_deleted(entry: InventoryEntry) -> Happening:
    """Say that an entry was deleted."""
    return happening("InventoryEntryDeleted", **_place(entry))


def quantity_set(before: InventoryEntry, after: InventoryEntry) -> Happening:
    """Say that the quantity was set; once per request (guess), from first to last."""
    return happening(
        "InventoryEntryQuantitySet",
        **_place(after),
        oldQuantityOnStock=before.quantity_on_stock,
        newQuantityOnStock=after.quantity_on_stock,
        oldAvailableQuantity=before.quantity_on_stock,
        newAvailableQuantity=after.quantity_on_stock,
    )


def entry_updated(
    before: InventoryEntry, after: InventoryEntry, actions: Collection[str]
) -> Iterator[Happening]:
    """Say what an update did."""
    if not QUANTITY_ACTIONS.isdisjoint(actions):
        yield quantity_set(before, after)
    old = before.reservation_expiration_min
    new = after.reservation_expiration_min
    if old != new:
        yield happening(
            "InventoryEntryReservationExpirationInMinutesSet",
            oldReservationExpirationInMinutes=old,
            newReservationExpirationInMinutes=new,
        )
    yield from levels_reached(before, after)


def levels_reached(
    before: InventoryEntry, after: InventoryEntry
) -> Iterator[Happening]:
    """Say which level the quantity fell to or through: zero, safety, reorder."""
    levels = (
        ("InventoryEntryReorderPoint", after.reorder_point),
        ("InventoryEntrySafetyStock", after.safety_stock),
    )
    old, new = before.quantity_on_stock, after.quantity_on_stock
    for message_type, level in levels:
        if level is not None and new <= level < old:
            yield happening(message_type, **_place(after), quantityOnStock=new)
    if new <= 0 < old:
        yield happening("InventoryEntryOutOfStock", **_place(after))


def _place(entry: InventoryEntry) -> dict[str, object]:
    channel = entry.channel_id
    supply = None if channel is None else reference("channel", channel)
    return {"sku": entry.sku, "supplyChannel": supply}
