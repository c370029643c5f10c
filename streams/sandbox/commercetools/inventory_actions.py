"""The update actions of inventory entries: a table from name to what it does.

Source: API spec, `types/inventory/updates/*`, which is the complete list. There is no
`setQuantity`.
"""

from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.custom import read_custom_field, read_custom_type
from streams.sandbox.commercetools.inventory import (
    CART_QUANTITY,
    RESERVATION_EXPIRATION,
    Inventory,
    InventoryEntry,
)
from streams.sandbox.commercetools.values import Fields, needed, optional

Change = updates.Change[InventoryEntry, Inventory]


def _with_quantity(entry: InventoryEntry, quantity: int) -> InventoryEntry:
    if abs(quantity) > values.INT64_MAX:
        raise errors.invalid_input("quantityOnStock: the result does not fit int64")
    return replace(entry, quantity_on_stock=quantity)


def _change_quantity(action: Fields) -> Change:
    """Set the absolute quantity (`InventoryEntryChangeQuantityAction`)."""
    quantity = needed(action, "quantity", values.INT64)
    return lambda entry, inventory: _with_quantity(entry, quantity)


def _add_quantity(action: Fields) -> Change:
    """Add to the quantity (`InventoryEntryAddQuantityAction`)."""
    quantity = needed(action, "quantity", values.INT64)
    return lambda entry, inventory: _with_quantity(
        entry, entry.quantity_on_stock + quantity
    )


def _remove_quantity(action: Fields) -> Change:
    """Take off the quantity, also below zero (`InventoryEntryRemoveQuantityAction`)."""
    quantity = needed(action, "quantity", values.INT64)
    return lambda entry, inventory: _with_quantity(
        entry, entry.quantity_on_stock - quantity
    )


def _set_key(action: Fields) -> Change:
    key = optional(action, "key", values.key)
    return lambda entry, inventory: replace(entry, key=key)


def _set_supply_channel(action: Fields) -> Change:
    """Move the entry to another channel, or to none.

    `DuplicateField` if the place is taken (`InventoryEntrySetSupplyChannelAction`);
    the inventory refuses it when the update is stored.
    """
    wanted = action.get("supplyChannel")
    if wanted is not None:
        values.identifier("supplyChannel", wanted)

    def change(entry: InventoryEntry, inventory: Inventory) -> InventoryEntry:
        if wanted is None:
            return replace(entry, channel_id=None)
        channel = inventory.channels.referenced("supplyChannel", wanted)
        return replace(entry, channel_id=channel.id)

    return change


def _set_restockable(action: Fields) -> Change:
    days = optional(action, "restockableInDays", values.INT64)
    return lambda entry, inventory: replace(entry, restockable_in_days=days)


def _set_expected_delivery(action: Fields) -> Change:
    moment = optional(action, "expectedDelivery", values.moment)
    return lambda entry, inventory: replace(entry, expected_delivery=moment)


def _set_limits(action: Fields) -> Change:
    minimum = optional(action, "minCartQuantity", CART_QUANTITY)
    maximum = optional(action, "maxCartQuantity", CART_QUANTITY)
    return lambda entry, inventory: replace(
        entry, min_cart_quantity=minimum, max_cart_quantity=maximum
    )


def _set_reorder_point(action: Fields) -> Change:
    quantity = optional(action, "quantity", values.INT32)
    return lambda entry, inventory: replace(entry, reorder_point=quantity)


def _set_safety_stock(action: Fields) -> Change:
    quantity = optional(action, "quantity", values.INT32)
    return lambda entry, inventory: replace(entry, safety_stock=quantity)


def _set_reservation_expiration(action: Fields) -> Change:
    minutes = optional(action, "reservationExpirationInMinutes", RESERVATION_EXPIRATION)
    return lambda entry, inventory: replace(entry, reservation_expiration_min=minutes)


def _set_custom_type(action: Fields) -> Change:
    custom = read_custom_type("inventory-entry", action)
    return lambda entry, inventory: replace(entry, custom=custom(inventory.types))


def _set_custom_field(action: Fields) -> Change:
    custom = read_custom_field(action)
    return lambda entry, inventory: replace(
        entry, custom=custom(inventory.types, entry.custom)
    )


ENTRY_ACTIONS: dict[str, updates.Reader[InventoryEntry, Inventory]] = {
    "addQuantity": _add_quantity,
    "changeQuantity": _change_quantity,
    "removeQuantity": _remove_quantity,
    "setCustomField": _set_custom_field,
    "setCustomType": _set_custom_type,
    "setExpectedDelivery": _set_expected_delivery,
    "setInventoryLimits": _set_limits,
    "setKey": _set_key,
    "setReorderPoint": _set_reorder_point,
    "setReservationExpirationInMinutes": _set_reservation_expiration,
    "setRestockableInDays": _set_restockable,
    "setSafetyStock": _set_safety_stock,
    "setSupplyChannel": _set_supply_channel,
}
QUANTITY_ACTIONS = frozenset({"addQuantity", "changeQuantity", "removeQuantity"})
