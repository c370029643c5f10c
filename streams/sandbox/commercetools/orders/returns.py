"""The update actions of returns.

Source: API spec, `types/order/updates/Order{AddReturnInfo,SetReturnInfo,
SetReturnShipmentState,SetReturnPaymentState}Action`.
"""

from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.bodies import return_body
from streams.sandbox.commercetools.orders.drafts import read_return
from streams.sandbox.commercetools.orders.finding import check_keys, return_item_finder
from streams.sandbox.commercetools.orders.model import (
    RETURN_PAYMENT_STATES,
    RETURN_SHIPMENT_STATES,
    Order,
)
from streams.sandbox.commercetools.values import Fields, needed, optional

Change = updates.Change[Order, Desk]
BACK = ("BackInStock", "Unusable")


def add_return(action: Fields) -> Change:
    """Add a return, whatever was shipped; returned quantities are not checked."""

    def change(order: Order, desk: Desk) -> Order:
        info = read_return(action, order.lines, desk)
        changed = replace(order, returns=(*(order.returns or ()), info))
        check_keys(changed)
        desk.tell("ReturnInfoAdded", returnInfo=return_body(info))
        return changed

    return change


def set_returns(action: Fields) -> Change:
    """Replace all returns; without `items` they are removed."""
    drafts = optional(action, "items", values.objects)

    def change(order: Order, desk: Desk) -> Order:
        returns = None
        if drafts is not None:
            returns = tuple(read_return(each, order.lines, desk) for each in drafts)
        changed = replace(order, returns=returns)
        check_keys(changed)
        bodies = None if returns is None else [return_body(info) for info in returns]
        desk.tell("ReturnInfoSet", returnInfo=bodies)
        return changed

    return change


def set_return_shipment_state(action: Fields) -> Change:
    """Take an item from `Returned` to `BackInStock` or `Unusable`, and no other way.

    Another way is `InvalidOperation` (guess). Stock does not move with it (guess).
    """
    find = return_item_finder(action)
    wanted = needed(action, "shipmentState", values.one_of(*RETURN_SHIPMENT_STATES))

    def change(order: Order, desk: Desk) -> Order:
        item = find(order)
        if item.shipment_state != "Returned" or wanted not in BACK:
            raise errors.invalid_operation(
                f"The return item '{item.id}' cannot go from '{item.shipment_state}' "
                f"to '{wanted}'."
            )
        desk.tell(
            "OrderReturnShipmentStateChanged",
            returnItemId=item.id,
            returnShipmentState=wanted,
        )
        return order.with_return_item(
            replace(item, shipment_state=wanted, last_modified_at=desk.at)
        )

    return change


def set_return_payment_state(action: Fields) -> Change:
    """Set an item's payment state; the spec names no rule and no message."""
    find = return_item_finder(action)
    wanted = needed(action, "paymentState", values.one_of(*RETURN_PAYMENT_STATES))

    def change(order: Order, desk: Desk) -> Order:
        item = find(order)
        if item.payment_state == wanted:
            return order
        return order.with_return_item(
            replace(item, payment_state=wanted, last_modified_at=desk.at)
        )

    return change


RETURN_ACTIONS: dict[str, updates.Reader[Order, Desk]] = {
    "addReturnInfo": add_return,
    "setReturnInfo": set_returns,
    "setReturnPaymentState": set_return_payment_state,
    "setReturnShipmentState": set_return_shipment_state,
}
