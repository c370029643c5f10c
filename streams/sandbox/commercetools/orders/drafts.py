"""Reading what an order is made of: lines, shipping, deliveries, returns.

Source: API spec, `types/order/{OrderImportDraft,LineItemImportDraft,DeliveryDraft,
ParcelDraft,ReturnInfoDraft,ReturnItemDraft,ShippingInfoImportDraft}`.
"""

from collections.abc import Sequence

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.channels import INVENTORY_SUPPLY
from streams.sandbox.commercetools.custom import draft_custom
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.model import (
    Delivery,
    InventoryMode,
    Item,
    OrderLine,
    Parcel,
    ReturnInfo,
    ReturnItem,
    Shipping,
)
from streams.sandbox.commercetools.states import INITIAL_STATE_ID, LINE_ITEM_STATE
from streams.sandbox.commercetools.values import Fields, needed, optional

States = tuple[tuple[str, int], ...]
TRACKING = {
    "trackingId": values.text,
    "carrier": values.text,
    "provider": values.text,
    "providerTransaction": values.text,
}
MEASUREMENTS = (
    "heightInMillimeter",
    "lengthInMillimeter",
    "widthInMillimeter",
    "weightInGram",
)
UNITS = values.integer(1, values.INT64_MAX)


def read_mode(draft: Fields) -> InventoryMode | None:
    """Read an `inventoryMode`, if there is one."""
    name = optional(draft, "inventoryMode", values.one_of(*InventoryMode))
    return None if name is None else InventoryMode(name)


def channel_of(desk: Desk, draft: Fields, name: str, role: str) -> str | None:
    """Return the id of a channel with a role, else `MissingRoleOnChannel`."""
    if draft.get(name) is None:
        return None
    channel = desk.project.channels.referenced(name, draft[name])
    if role not in channel.roles:
        raise errors.missing_role(channel.key, role)
    return channel.id


def import_line(draft: Fields, mode: InventoryMode, desk: Desk) -> OrderLine:
    """Read a LineItemImportDraft; without `state` all units are in `Initial`."""
    own_mode = read_mode(draft)
    variant = needed(draft, "variant", values.mapping)
    quantity = needed(draft, "quantity", values.INT64)
    states = optional(draft, "state", values.objects)
    return OrderLine(
        id=desk.new_id(),
        sku=needed(variant, "sku", values.text),
        quantity=quantity,
        channel_id=channel_of(desk, draft, "supplyChannel", INVENTORY_SUPPLY),
        mode=own_mode or mode,
        states=(
            ((INITIAL_STATE_ID, quantity),)
            if states is None
            else item_states(states, quantity, desk)
        ),
        name=needed(draft, "name", values.mapping),
        price=read_price(needed(draft, "price", values.mapping)),
        key=optional(draft, "key", values.text),
        own_mode=own_mode,
        distribution_channel_id=channel_of(
            desk, draft, "distributionChannel", "ProductDistribution"
        ),
        shipping_details=optional(draft, "shippingDetails", values.mapping),
        custom=draft_custom(desk.project.types, "line-item", draft),
    )


def read_price(draft: Fields) -> Fields:
    """Read a PriceDraft: its value is money."""
    return {**draft, "value": needed(draft, "value", values.money)}


def check_line_keys(lines: Sequence[OrderLine]) -> None:
    """Refuse two lines with one key (`LineItemImportDraft.key`)."""
    seen: set[str] = set()
    for line in lines:
        if line.key is None:
            continue
        if line.key in seen:
            raise errors.duplicate_field("lineItems.key", line.key)
        seen.add(line.key)


def item_states(drafts: Sequence[Fields], quantity: int, desk: Desk) -> States:
    """Read ItemStates; they must add up to the line's quantity.

    Source: API spec, `OrderImportLineItemStateAction`; the code is a guess.
    """
    shares: dict[str, int] = {}
    for draft in drafts:
        state = desk.project.states.of_type(
            LINE_ITEM_STATE, "state", needed(draft, "state", values.mapping)
        )
        units = needed(draft, "quantity", values.INT64)
        if units < 0 <= quantity:
            raise errors.invalid_input("state: A quantity must not be negative")
        shares[state.id] = shares.get(state.id, 0) + units
    if sum(shares.values()) != quantity:
        raise errors.invalid_operation(
            f"The states hold {sum(shares.values())} units, the line item {quantity}."
        )
    return tuple(shares.items())


def read_items(
    drafts: Sequence[Fields] | None, lines: Sequence[OrderLine]
) -> tuple[Item, ...]:
    """Read DeliveryItems: lines of this order by id, `InvalidOperation` else (guess).

    How many units all deliveries hold is not checked (`OrderAddDeliveryAction`).
    """
    ids = {line.id for line in lines}
    items = []
    for draft in drafts or ():
        line_id = needed(draft, "id", values.text)
        if line_id not in ids:
            raise no_line(line_id)
        items.append(Item(line_id, needed(draft, "quantity", UNITS)))
    return tuple(items)


def no_line(name: str) -> errors.ApiError:
    """Refuse a line item that the order does not have (the code is a guess)."""
    return errors.invalid_operation(f"The line item '{name}' does not exist.")


def read_parcel(draft: Fields, lines: Sequence[OrderLine], desk: Desk) -> Parcel:
    """Read a ParcelDraft."""
    return Parcel(
        id=desk.new_id(),
        created_at=desk.at,
        key=optional(draft, "key", values.key),
        measurements=read_measurements(draft),
        tracking=read_tracking(draft),
        items=read_items(optional(draft, "items", values.objects), lines),
        custom=draft_custom(desk.project.types, "order-parcel", draft),
    )


def read_tracking(draft: Fields) -> Fields | None:
    """Read TrackingData; `isReturn` is false unless given."""
    data = optional(draft, "trackingData", values.mapping)
    if data is None:
        return None
    found: dict[str, object] = {
        name: kind(name, data[name])
        for name, kind in TRACKING.items()
        if data.get(name) is not None
    }
    return {**found, "isReturn": optional(data, "isReturn", values.boolean) or False}


def read_measurements(draft: Fields) -> Fields | None:
    """Read ParcelMeasurements."""
    data = optional(draft, "measurements", values.mapping)
    if data is None:
        return None
    return {
        name: values.INT32(name, data[name])
        for name in MEASUREMENTS
        if data.get(name) is not None
    }


def read_delivery(
    draft: Fields, lines: Sequence[OrderLine], desk: Desk, key_name: str = "key"
) -> Delivery:
    """Read a DeliveryDraft, or the fields of `addDelivery`."""
    parcels = optional(draft, "parcels", values.objects) or ()
    return Delivery(
        id=desk.new_id(),
        created_at=desk.at,
        key=optional(draft, key_name, values.key),
        items=read_items(optional(draft, "items", values.objects), lines),
        parcels=tuple(read_parcel(parcel, lines, desk) for parcel in parcels),
        address=optional(draft, "address", values.mapping),
        custom=draft_custom(desk.project.types, "order-delivery", draft),
    )


def read_shipping(draft: Fields, lines: Sequence[OrderLine], desk: Desk) -> Shipping:
    """Read a shipping method's name, price and rate, and its deliveries."""
    rate = needed(draft, "shippingRate", values.mapping)
    fields: dict[str, object] = {
        "shippingMethodName": needed(draft, "shippingMethodName", values.text),
        "price": needed(draft, "price", values.money),
        "shippingRate": {**rate, "price": needed(rate, "price", values.money)},
    }
    deliveries = optional(draft, "deliveries", values.objects) or ()
    return Shipping(
        fields=fields,
        key=optional(draft, "key", values.text),
        address=optional(draft, "shippingAddress", values.mapping),
        deliveries=tuple(read_delivery(each, lines, desk) for each in deliveries),
    )


def read_return(draft: Fields, lines: Sequence[OrderLine], desk: Desk) -> ReturnInfo:
    """Read a return; it needs at least one item (`OrderAddReturnInfoAction`)."""
    items = needed(draft, "items", values.objects)
    if not items:
        raise errors.invalid_input("items: At least one return item is expected")
    return ReturnInfo(
        items=tuple(_read_return_item(item, lines, desk) for item in items),
        return_date=optional(draft, "returnDate", values.moment) or desk.at,
        tracking_id=optional(draft, "returnTrackingId", values.text),
    )


def _read_return_item(
    draft: Fields, lines: Sequence[OrderLine], desk: Desk
) -> ReturnItem:
    """Read a ReturnItemDraft; how many units come back at all is not checked.

    `Advised` starts as `NonRefundable`, `Returned` as `Initial` (`ReturnItem`).
    """
    state = needed(draft, "shipmentState", values.one_of("Advised", "Returned"))
    line_id = needed(draft, "lineItemId", values.text)
    if line_id not in {line.id for line in lines}:
        raise no_line(line_id)
    return ReturnItem(
        id=desk.new_id(),
        line_id=line_id,
        quantity=needed(draft, "quantity", UNITS),
        shipment_state=state,
        payment_state="NonRefundable" if state == "Advised" else "Initial",
        created_at=desk.at,
        last_modified_at=desk.at,
        key=optional(draft, "key", values.key),
        comment=optional(draft, "comment", values.text),
        custom=draft_custom(desk.project.types, "order-return-item", draft),
    )
