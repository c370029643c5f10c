"""The update actions that tie an order to others: channels, payments, customer, number.

Source: API spec, `types/order/updates/Order{UpdateSyncInfo,AddPayment,RemovePayment,
SetOrderNumber,SetCustomerId,SetCustomerEmail,SetStore,SetLineItemShippingDetails}Action`.
"""

from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.finding import line_finder
from streams.sandbox.commercetools.orders.model import Order, SyncInfo
from streams.sandbox.commercetools.orders.placing import (
    free_payment,
    read_customer_id,
)
from streams.sandbox.commercetools.resources import reference
from streams.sandbox.commercetools.values import Fields, needed, optional

Change = updates.Change[Order, Desk]
SYNC_ROLES = frozenset({"OrderExport", "OrderImport"})


def update_sync_info(action: Fields) -> Change:
    """Set when and as what the order was exchanged with a channel.

    The channel needs the role `OrderExport` or `OrderImport`, else `InvalidInput`
    (`OrderUpdateSyncInfoAction`). One entry per channel, the last wins: a guess.
    """
    wanted = needed(action, "channel", values.mapping)
    external_id = optional(action, "externalId", values.text)
    synced_at = optional(action, "syncedAt", values.moment)

    def change(order: Order, desk: Desk) -> Order:
        channel = desk.project.channels.referenced("channel", wanted)
        if SYNC_ROLES.isdisjoint(channel.roles):
            raise errors.invalid_input(
                f"The channel '{channel.key}' has neither the role 'OrderExport' nor "
                "'OrderImport'."
            )
        rest = [sync for sync in order.syncs if sync.channel_id != channel.id]
        sync = SyncInfo(channel.id, synced_at or desk.at, external_id)
        return replace(order, syncs=(*rest, sync))

    return change


def add_payment(action: Fields) -> Change:
    """Add a payment that is free; one that is there already changes nothing (guess)."""
    wanted = needed(action, "payment", values.mapping)

    def change(order: Order, desk: Desk) -> Order:
        payment_id = free_payment("payment", wanted, order.id, desk)
        if payment_id in order.payment_ids:
            return order
        desk.tell("OrderPaymentAdded", paymentRef=reference("payment", payment_id))
        return replace(order, payment_ids=(*order.payment_ids, payment_id))

    return change


def remove_payment(action: Fields) -> Change:
    """Remove a payment from the order; one it does not have is refused (guess)."""
    wanted = needed(action, "payment", values.mapping)

    def change(order: Order, desk: Desk) -> Order:
        payment = desk.project.payments.referenced("payment", wanted)
        if payment.id not in order.payment_ids:
            raise errors.invalid_operation(
                f"The payment '{payment.id}' is not of this order."
            )
        rest = tuple(each for each in order.payment_ids if each != payment.id)
        desk.tell(
            "OrderPaymentRemoved",
            paymentRef=reference("payment", payment.id),
            removedPaymentInfo=not rest,
        )
        return replace(order, payment_ids=rest)

    return change


def set_order_number(action: Fields) -> Change:
    """Set the order number once; another later is `InvalidOperation` (guess).

    That it is unique is seen to where orders are kept: `DuplicateField`.
    """
    number = optional(action, "orderNumber", values.text)

    def change(order: Order, _: Desk) -> Order:
        if order.key is not None and order.key != number:
            raise errors.invalid_operation("The order number cannot be changed.")
        return replace(order, key=number)

    return change


def set_customer_id(action: Fields) -> Change:
    """Set or remove the customer, who must exist."""

    def change(order: Order, desk: Desk) -> Order:
        customer_id = read_customer_id(action, desk)
        old_id = order.customer_id
        if customer_id != old_id:
            desk.tell(
                "OrderCustomerSet",
                customer=_customer(customer_id),
                oldCustomer=_customer(old_id),
            )
        return replace(order, customer_id=customer_id)

    return change


def _customer(customer_id: str | None) -> object:
    return None if customer_id is None else reference("customer", customer_id)


def set_customer_email(action: Fields) -> Change:
    """Set or remove the customer's email."""
    email = optional(action, "email", values.text)

    def change(order: Order, desk: Desk) -> Order:
        if email != order.customer_email:
            desk.tell(
                "OrderCustomerEmailSet", email=email, oldEmail=order.customer_email
            )
        return replace(order, customer_email=email)

    return change


def set_store(action: Fields) -> Change:
    """Assign the order to another store; the same is a 400 (`OrderSetStoreAction`)."""
    wanted = optional(action, "store", values.mapping)
    store = None
    if wanted is not None:
        store = {"typeId": "store", "key": needed(wanted, "key", values.text)}

    def change(order: Order, desk: Desk) -> Order:
        facts = dict(order.facts or {})
        old = facts.pop("store", None)
        if old == store:
            raise errors.invalid_operation("The order's store would not change.")
        if store is not None:
            facts["store"] = store
        desk.tell("OrderStoreSet", store=store, oldStore=old)
        return replace(order, facts=facts)

    return change


def set_line_item_shipping_details(action: Fields) -> Change:
    """Say which units of a line go to which address; kept as it came (ours)."""
    find = line_finder(action)
    details = optional(action, "shippingDetails", values.mapping)
    return lambda order, _: order.with_line(
        replace(find(order), shipping_details=details)
    )


LINK_ACTIONS: dict[str, updates.Reader[Order, Desk]] = {
    "addPayment": add_payment,
    "removePayment": remove_payment,
    "setCustomerEmail": set_customer_email,
    "setCustomerId": set_customer_id,
    "setLineItemShippingDetails": set_line_item_shipping_details,
    "setOrderNumber": set_order_number,
    "setStore": set_store,
    "updateSyncInfo": update_sync_info,
}
