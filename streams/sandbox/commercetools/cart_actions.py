"""How carts are made and changed before they are ordered.

Source: API spec, `types/cart/CartDraft` and `types/cart/updates/*`.
"""

from collections.abc import Callable
from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.carts import ACTIVE, Cart
from streams.sandbox.commercetools.channels import INVENTORY_SUPPLY
from streams.sandbox.commercetools.custom import draft_custom
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.drafts import (
    UNITS,
    channel_of,
    check_line_keys,
    no_line,
    read_mode,
    read_shipping,
)
from streams.sandbox.commercetools.orders.model import (
    MULTIPLE,
    SINGLE,
    InventoryMode,
    OrderLine,
    Shipping,
)
from streams.sandbox.commercetools.orders.placing import (
    free_payment,
    read_customer_id,
    read_facts,
    read_payments,
)
from streams.sandbox.commercetools.resources import Stamp
from streams.sandbox.commercetools.states import INITIAL_STATE_ID
from streams.sandbox.commercetools.values import Fields, needed, optional

# The sandbox has no products: what a line costs unless `externalPrice` says.
PRICE_CENTS = 1000
Change = updates.Change[Cart, Desk]


def create_cart(draft: Fields, stamp: Stamp, desk: Desk) -> Cart:
    """Create a cart (`CartDraft`).

    `customShippingMethod` and `paymentInfo` save the calls of `setCustomShippingMethod`
    and `addPayment`: ours.
    """
    currency = needed(draft, "currency", values.text)
    lines = optional(draft, "lineItems", values.objects) or ()
    shipping_mode = optional(draft, "shippingMode", values.one_of(SINGLE, MULTIPLE))
    cart = Cart(
        stamp=stamp,
        key=optional(draft, "key", values.key),
        currency=currency,
        mode=read_mode(draft) or InventoryMode.NONE,
        lines=tuple(_line(line, currency, desk) for line in lines),
        facts=read_facts(draft),
        shipping_mode=shipping_mode or SINGLE,
        customer_id=read_customer_id(draft, desk),
        customer_email=optional(draft, "customerEmail", values.text),
        custom=draft_custom(desk.project.types, "order", draft),
        payment_ids=read_payments(draft, desk),
    )
    cart = replace(cart, shippings=_shippings(cart, draft, desk))
    check_line_keys(cart.lines)
    desk.project.carts.put(cart)
    return cart


def _shippings(cart: Cart, draft: Fields, desk: Desk) -> tuple[Shipping, ...]:
    """Read `customShipping`, where a key is needed (`CustomShippingDraft.key`)."""
    single = optional(draft, "customShippingMethod", values.mapping)
    if single is not None:
        return (_shipping(cart, single, desk),)
    several = optional(draft, "customShipping", values.objects) or ()
    if several and cart.shipping_mode != MULTIPLE:
        raise errors.invalid_operation("The cart's shipping mode is not 'Multiple'.")
    keys = [needed(each, "key", values.text) for each in several]
    for key in keys:
        if keys.count(key) > 1:
            raise errors.duplicate_field("customShipping.key", key)
    return tuple(
        read_shipping({"price": _rate_price(each), **each}, (), desk)
        for each in several
    )


def _rate_price(draft: Fields) -> object:
    return needed(draft, "shippingRate", values.mapping).get("price")


def _shipping(cart: Cart, draft: Fields, desk: Desk) -> Shipping:
    """Read a custom shipping method (`CartSetCustomShippingMethodAction`)."""
    if cart.shipping_mode != SINGLE or "shippingAddress" not in cart.facts:
        raise errors.invalid_operation(
            "The cart needs a shipping address and the shipping mode 'Single'."
        )
    read = read_shipping({"price": _rate_price(draft), **draft}, (), desk)
    return replace(read, key=None)


def _line(draft: Fields, currency: str, desk: Desk) -> OrderLine:
    """Read a LineItemDraft; a SKU without a product is fine here (ours)."""
    sku = needed(draft, "sku", values.text)
    quantity = optional(draft, "quantity", UNITS) or 1
    own_mode = read_mode(draft)
    plain = {"currencyCode": currency, "centAmount": PRICE_CENTS}
    price = optional(draft, "externalPrice", values.money)
    if price is not None and price["currencyCode"] != currency:
        raise errors.invalid_field("externalPrice", price["currencyCode"], [currency])
    return OrderLine(
        id=desk.new_id(),
        sku=sku,
        quantity=quantity,
        channel_id=channel_of(desk, draft, "supplyChannel", INVENTORY_SUPPLY),
        mode=own_mode or InventoryMode.NONE,
        states=((INITIAL_STATE_ID, quantity),),
        name={"en": sku},
        price={"value": price or values.money("currency", plain)},
        key=optional(draft, "key", values.text),
        own_mode=own_mode,
        distribution_channel_id=channel_of(
            desk, draft, "distributionChannel", "ProductDistribution"
        ),
        shipping_details=optional(draft, "shippingDetails", values.mapping),
        custom=draft_custom(desk.project.types, "line-item", draft),
    )


def _active(change: Change) -> Change:
    """Let a change happen only while the cart may change (`CartState`)."""

    def checked(cart: Cart, desk: Desk) -> Cart:
        if cart.state != ACTIVE:
            raise errors.invalid_operation(f"The cart '{cart.id}' is {cart.state}.")
        return change(cart, desk)

    return checked


def _add_line(action: Fields) -> Change:
    def change(cart: Cart, desk: Desk) -> Cart:
        lines = (*cart.lines, _line(action, cart.currency, desk))
        check_line_keys(lines)
        return replace(cart, lines=lines)

    return _active(change)


def _with_line(
    action: Fields, change_line: Callable[[OrderLine, Desk], OrderLine | None]
) -> Change:
    line_id = needed(action, "lineItemId", values.text)

    def change(cart: Cart, desk: Desk) -> Cart:
        if line_id not in {line.id for line in cart.lines}:
            raise no_line(line_id)
        changed = (
            change_line(line, desk) if line.id == line_id else line
            for line in cart.lines
        )
        return replace(cart, lines=tuple(line for line in changed if line is not None))

    return _active(change)


def _change_quantity(action: Fields) -> Change:
    """Change a line's quantity; 0 removes it (`CartChangeLineItemQuantityAction`)."""
    quantity = needed(action, "quantity", values.integer(0, values.INT64_MAX))

    def change(line: OrderLine, _: Desk) -> OrderLine | None:
        if not quantity:
            return None
        return replace(line, quantity=quantity, states=((INITIAL_STATE_ID, quantity),))

    return _with_line(action, change)


def _set_supply_channel(action: Fields) -> Change:
    return _with_line(
        action,
        lambda line, desk: replace(
            line, channel_id=channel_of(desk, action, "supplyChannel", INVENTORY_SUPPLY)
        ),
    )


def _set_line_mode(action: Fields) -> Change:
    mode = read_mode(action)
    return _with_line(action, lambda line, _: replace(line, own_mode=mode))


def _set_shipping_address(action: Fields) -> Change:
    address = optional(action, "address", values.mapping)

    def change(cart: Cart, _: Desk) -> Cart:
        facts = {n: v for n, v in cart.facts.items() if n != "shippingAddress"}
        if address is not None:
            facts["shippingAddress"] = address
        return replace(cart, facts=facts)

    return _active(change)


def _set_shipping_method(action: Fields) -> Change:
    return _active(
        lambda cart, desk: replace(cart, shippings=(_shipping(cart, action, desk),))
    )


def _add_payment(action: Fields) -> Change:
    """Add a payment, which the order will have (`CartAddPaymentAction`)."""
    wanted = needed(action, "payment", values.mapping)

    def change(cart: Cart, desk: Desk) -> Cart:
        payment_id = free_payment("payment", wanted, None, desk)
        ids = dict.fromkeys((*cart.payment_ids, payment_id))
        return replace(cart, payment_ids=tuple(ids))

    return _active(change)


def _set_email(action: Fields) -> Change:
    email = optional(action, "email", values.text)
    return _active(lambda cart, _: replace(cart, customer_email=email))


# Of the vendor's seventy, those that placing an order needs.
CART_ACTIONS: dict[str, updates.Reader[Cart, Desk]] = {
    "addLineItem": _add_line,
    "addPayment": _add_payment,
    "changeLineItemQuantity": _change_quantity,
    "removeLineItem": lambda action: _with_line(action, lambda line, desk: None),
    "setCustomShippingMethod": _set_shipping_method,
    "setCustomerEmail": _set_email,
    "setLineItemInventoryMode": _set_line_mode,
    "setLineItemSupplyChannel": _set_supply_channel,
    "setShippingAddress": _set_shipping_address,
}
