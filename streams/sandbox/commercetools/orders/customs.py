"""The update actions of custom fields on orders and their parts, and all actions.

Source: API spec, `types/order/updates/OrderSet{,LineItem,Delivery,Parcel,ReturnItem}
Custom{Type,Field}Action`; the resource type ids from `types/type/ResourceTypeId`.
"""

from collections.abc import Callable
from dataclasses import replace

from streams.sandbox.commercetools import updates
from streams.sandbox.commercetools.custom import (
    CustomFields,
    Types,
    custom_body,
    read_custom_field,
    read_custom_type,
)
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.deliveries import DELIVERY_ACTIONS
from streams.sandbox.commercetools.orders.finding import (
    delivery_finder,
    line_finder,
    parcel_finder,
    return_item_finder,
)
from streams.sandbox.commercetools.orders.links import LINK_ACTIONS
from streams.sandbox.commercetools.orders.model import Order
from streams.sandbox.commercetools.orders.progress import PROGRESS_ACTIONS
from streams.sandbox.commercetools.orders.returns import RETURN_ACTIONS
from streams.sandbox.commercetools.values import Fields

Change = updates.Change[Order, Desk]
# What a part's custom fields become.
Edit = Callable[[Types, CustomFields | None], CustomFields | None]


# What an action puts an edit to: it finds the part and puts it back.
Part = Callable[[Fields, Edit], Change]


def tell_custom(
    prefix: str,
    old: CustomFields | None,
    new: CustomFields | None,
    tell: Callable[..., None],
    **extra: object,
) -> None:
    """Say what became of custom fields, in the words of `{prefix}Custom…` messages."""
    if new == old:
        return
    old_type = old.type_id if old else None
    if new is None:
        tell(f"{prefix}CustomTypeRemoved", previousTypeId=old_type, **extra)
        return
    if old is None or old.type_id != new.type_id:
        fields = custom_body(new)
        tell(
            f"{prefix}CustomTypeSet",
            customFields=fields,
            previousTypeId=old_type,
            **extra,
        )
        return
    for name in sorted(old.fields.keys() | new.fields.keys()):
        before, after = old.fields.get(name), new.fields.get(name)
        if before == after:
            continue
        if after is None:
            tell(f"{prefix}CustomFieldRemoved", name=name, **extra)
        elif before is None:
            tell(f"{prefix}CustomFieldAdded", name=name, value=after, **extra)
        else:
            tell(
                f"{prefix}CustomFieldChanged",
                name=name,
                value=after,
                previousValue=before,
                **extra,
            )


def _of_order(_: Fields, edit: Edit) -> Change:
    def change(order: Order, desk: Desk) -> Order:
        custom = edit(desk.project.types, order.custom)
        tell_custom("Order", order.custom, custom, desk.tell)
        return replace(order, custom=custom)

    return change


def _of_line(action: Fields, edit: Edit) -> Change:
    find = line_finder(action)

    def change(order: Order, desk: Desk) -> Order:
        line = find(order)
        custom = edit(desk.project.types, line.custom)
        return order.with_line(replace(line, custom=custom))

    return change


def _of_delivery(action: Fields, edit: Edit) -> Change:
    find = delivery_finder(action)

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery = find(order)
        custom = edit(desk.project.types, delivery.custom)
        extra = {"deliveryId": delivery.id, "shippingKey": shipping.key}
        tell_custom("Delivery", delivery.custom, custom, desk.tell, **extra)
        return order.with_delivery(shipping, replace(delivery, custom=custom))

    return change


def _of_parcel(action: Fields, edit: Edit) -> Change:
    find = parcel_finder(action)

    def change(order: Order, desk: Desk) -> Order:
        shipping, delivery, held = find(order)
        parcel = replace(held, custom=edit(desk.project.types, held.custom))
        parcels = tuple(parcel if each is held else each for each in delivery.parcels)
        return order.with_delivery(shipping, replace(delivery, parcels=parcels))

    return change


def _of_return_item(action: Fields, edit: Edit) -> Change:
    find = return_item_finder(action)

    def change(order: Order, desk: Desk) -> Order:
        item = find(order)
        custom = edit(desk.project.types, item.custom)
        if custom == item.custom:
            return order
        return order.with_return_item(
            replace(item, custom=custom, last_modified_at=desk.at)
        )

    return change


def _type_reader(part: Part, type_id: str) -> updates.Reader[Order, Desk]:
    def read(action: Fields) -> Change:
        custom = read_custom_type(type_id, action)
        return part(action, lambda types, _: custom(types))

    return read


def _field_reader(part: Part) -> updates.Reader[Order, Desk]:
    return lambda action: part(action, read_custom_field(action))


def _custom_actions() -> dict[str, updates.Reader[Order, Desk]]:
    parts: dict[str, tuple[Part, str]] = {
        "": (_of_order, "order"),
        "LineItem": (_of_line, "line-item"),
        "Delivery": (_of_delivery, "order-delivery"),
        "Parcel": (_of_parcel, "order-parcel"),
        "ReturnItem": (_of_return_item, "order-return-item"),
    }
    actions: dict[str, updates.Reader[Order, Desk]] = {}
    for name, (part, type_id) in parts.items():
        actions[f"set{name}CustomType"] = _type_reader(part, type_id)
        actions[f"set{name}CustomField"] = _field_reader(part)
    return actions


# Of the vendor's sixty, those that fulfilment and returns need.
ORDER_ACTIONS: dict[str, updates.Reader[Order, Desk]] = {
    **DELIVERY_ACTIONS,
    **RETURN_ACTIONS,
    **PROGRESS_ACTIONS,
    **LINK_ACTIONS,
    **_custom_actions(),
}
