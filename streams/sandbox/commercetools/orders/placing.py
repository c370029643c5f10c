"""How orders come about: imported, or placed from a cart.

Source: API spec, `resources/orders`, `types/order/Order{Import,FromCart}Draft`.
"""

from dataclasses import replace

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.carts import ACTIVE, ORDERED, Cart
from streams.sandbox.commercetools.custom import CustomFields, draft_custom
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.drafts import (
    check_line_keys,
    import_line,
    read_mode,
    read_shipping,
)
from streams.sandbox.commercetools.orders.finding import check_keys
from streams.sandbox.commercetools.orders.model import (
    ORDER_STATES,
    PAYMENT_STATES,
    SHIPMENT_STATES,
    InventoryMode,
    Order,
    OrderLine,
)
from streams.sandbox.commercetools.orders.stock import supply
from streams.sandbox.commercetools.resources import Stamp
from streams.sandbox.commercetools.states import ORDER_STATE
from streams.sandbox.commercetools.updates import check_version
from streams.sandbox.commercetools.values import Fields, needed, optional

# Kept as they came, and shown again.
FACTS = {
    "billingAddress": values.mapping,
    "shippingAddress": values.mapping,
    "country": values.text,
    "origin": values.text,
    "completedAt": values.moment,
    "purchaseOrderNumber": values.text,
    "locale": values.text,
}


def read_facts(draft: Fields) -> dict[str, object]:
    """Read what the sandbox only shows again; a store is a reference by key."""
    facts: dict[str, object] = {
        name: kind(name, draft[name])
        for name, kind in FACTS.items()
        if draft.get(name) is not None
    }
    store = optional(draft, "store", values.mapping)
    if store is not None:
        facts["store"] = {"typeId": "store", "key": needed(store, "key", values.text)}
    return facts


def read_customer_id(draft: Fields, desk: Desk) -> str | None:
    """Read a `customerId`; the customer must exist (`OrderImportDraft`)."""
    customer_id = optional(draft, "customerId", values.text)
    if (
        customer_id is not None
        and desk.project.customers.find("id", customer_id) is None
    ):
        raise errors.reference_not_found("customer", "id", customer_id)
    return customer_id


def import_order(draft: Fields, stamp: Stamp, desk: Desk) -> Order:
    """Import an order; without a mode it leaves stock alone (`OrderImportDraft`)."""
    mode = read_mode(draft) or InventoryMode.NONE
    drafts = optional(draft, "lineItems", values.objects)
    if not drafts:
        # The spec allows custom line items instead; they hold no stock.
        raise errors.invalid_input("lineItems: At least one line item is expected")
    lines = tuple(import_line(line, mode, desk) for line in drafts)
    shipping = optional(draft, "shippingInfo", values.mapping)
    order = _with_states(
        Order(
            stamp=stamp,
            key=optional(draft, "orderNumber", values.text),
            state="Open",
            mode=mode,
            total_price=needed(draft, "totalPrice", values.money),
            lines=lines,
            shippings=(
                () if shipping is None else (read_shipping(shipping, lines, desk),)
            ),
            payment_ids=read_payments(draft, desk),
            custom=draft_custom(desk.project.types, "order", draft),
            customer_id=read_customer_id(draft, desk),
            customer_email=optional(draft, "customerEmail", values.text),
            facts=read_facts(draft),
        ),
        draft,
        desk,
    )
    return _place(order, desk)


def order_from_cart(draft: Fields, stamp: Stamp, desk: Desk) -> tuple[Order, Cart]:
    """Place the order of a cart, which is `Ordered` from then on.

    The cart's version must be the stored one (`resources/orders`, conflicting); it
    needs lines and a shipping address, and can be ordered once: `InvalidOperation` else
    (the code is a guess).
    """
    cart = _orderable(draft, desk)
    lines = tuple(
        replace(line, id=desk.new_id(), mode=line.own_mode or cart.mode)
        for line in cart.lines
    )
    order = _with_states(
        Order(
            stamp=stamp,
            key=optional(draft, "orderNumber", values.text),
            state="Open",
            mode=cart.mode,
            total_price=cart.total_price(),
            lines=lines,
            shipping_mode=cart.shipping_mode,
            shippings=cart.shippings,
            custom=_merged_custom(cart, draft, desk),
            customer_id=cart.customer_id,
            customer_email=cart.customer_email,
            facts={"origin": "Customer", **cart.facts},
            cart_id=cart.id,
            payment_ids=tuple(
                free_payment("payments", {"id": each}, None, desk)
                for each in cart.payment_ids
            ),
        ),
        draft,
        desk,
    )
    return _place(order, desk), replace(cart, state=ORDERED)


def _orderable(draft: Fields, desk: Desk) -> Cart:
    cart = desk.project.carts.referenced("cart", needed(draft, "cart", values.mapping))
    check_version(cart, needed(draft, "version", values.INT64))
    if cart.state != ACTIVE:
        raise errors.invalid_operation(f"The cart '{cart.id}' is {cart.state}.")
    if not cart.lines:
        raise errors.invalid_operation(f"The cart '{cart.id}' is empty.")
    if "shippingAddress" not in cart.facts:
        raise errors.invalid_operation("The cart has no shipping address.")
    return cart


def _merged_custom(cart: Cart, draft: Fields, desk: Desk) -> CustomFields | None:
    """Merge the draft's fields with the cart's (`OrderFromCartDraft.custom`)."""
    own = draft_custom(desk.project.types, "order", draft)
    if own is None or cart.custom is None:
        return own or cart.custom
    return CustomFields(own.type_id, {**cart.custom.fields, **own.fields})


def _with_states(order: Order, draft: Fields, desk: Desk) -> Order:
    """Read the states that a draft may begin with; `Open` unless given."""
    workflow = draft.get("state")
    states = desk.project.states
    return replace(
        order,
        state=optional(draft, "orderState", values.one_of(*ORDER_STATES)) or "Open",
        shipment_state=optional(
            draft, "shipmentState", values.one_of(*SHIPMENT_STATES)
        ),
        payment_state=optional(draft, "paymentState", values.one_of(*PAYMENT_STATES)),
        workflow_state_id=(
            None
            if workflow is None
            else states.of_type(ORDER_STATE, "state", workflow).id
        ),
    )


def read_payments(draft: Fields, desk: Desk) -> tuple[str, ...]:
    """Read a PaymentInfo: payments that belong to no order yet."""
    info = optional(draft, "paymentInfo", values.mapping) or {}
    listed = optional(info, "payments", values.objects) or ()
    return tuple(free_payment("payments", each, None, desk) for each in listed)


def free_payment(name: str, wanted: Fields, order_id: str | None, desk: Desk) -> str:
    """Return the id of a payment that belongs to no other order.

    Source: API spec, `OrderAddPaymentAction`; that it is `InvalidOperation`, a guess.
    """
    payment = desk.project.payments.referenced(name, wanted)
    holder = desk.project.orders.paid_by(payment.id)
    if holder is not None and holder.id != order_id:
        raise errors.invalid_operation(
            f"The payment '{payment.id}' belongs to the order '{holder.id}'."
        )
    return payment.id


def _place(order: Order, desk: Desk) -> Order:
    """Keep the order and take its stock, which shows later; or neither."""
    check_line_keys(order.lines)
    check_keys(order)
    project = desk.project
    lines: tuple[OrderLine, ...] = order.lines
    takings = supply(lines, project.inventory, project.landings)
    project.orders.put(order)
    for entry, quantity in takings:
        project.landings.add(entry.id, quantity, desk.now)
    return order
