"""Carts, as far as an order needs one: lines, stock mode, shipping, customer.

Source: API spec, `types/cart/{Cart,CartDraft,LineItemDraft,CartState}`.
"""

from dataclasses import dataclass

from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.custom import CustomFields, custom_body
from streams.sandbox.commercetools.orders.bodies import (
    line_body,
    present,
    shipping_body,
)
from streams.sandbox.commercetools.orders.model import (
    SINGLE,
    InventoryMode,
    OrderLine,
    Shipping,
)
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import Stamped, reference
from streams.sandbox.commercetools.values import Fields

ACTIVE, ORDERED = "Active", "Ordered"

CART_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "cartState": FieldKind.TEXT,
    "customerId": FieldKind.TEXT,
    "customerEmail": FieldKind.TEXT,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Cart(Stamped):
    """A cart; its lines are those that the order will have."""

    key: str | None
    currency: str
    mode: InventoryMode
    lines: tuple[OrderLine, ...]
    facts: Fields
    state: str = ACTIVE
    shipping_mode: str = SINGLE
    shippings: tuple[Shipping, ...] = ()
    customer_id: str | None = None
    customer_email: str | None = None
    custom: CustomFields | None = None
    payment_ids: tuple[str, ...] = ()

    def total_price(self) -> Fields:
        """Add up lines and shipping; taxes and discounts are not the sandbox's."""
        prices = [(line.price["value"], line.quantity) for line in self.lines]
        prices += [(shipping.fields["price"], 1) for shipping in self.shippings]
        cents = 0
        total: Fields = {
            "type": "centPrecision",
            "currencyCode": self.currency,
            "fractionDigits": 2,
        }
        for price, quantity in prices:
            if isinstance(price, dict):
                cents += price["centAmount"] * quantity
                total = price
        return {**total, "centAmount": cents}


class Carts(Collection[Cart]):
    """The project's carts."""

    type_id = "cart"


def cart_body(cart: Cart) -> dict[str, object]:
    """Write a cart as the vendor does."""
    is_single = cart.shipping_mode == SINGLE
    shippings = [shipping_body(shipping) for shipping in cart.shippings]
    for info in shippings:
        info.pop("deliveries", None)
    payments = [reference("payment", each) for each in cart.payment_ids]
    return {
        **cart.stamp.body(),
        **present(
            {
                "key": cart.key,
                "customerId": cart.customer_id,
                "customerEmail": cart.customer_email,
                "shippingInfo": shippings[0] if is_single and shippings else None,
                "custom": custom_body(cart.custom),
                "paymentInfo": {"payments": payments} if payments else None,
            }
        ),
        **cart.facts,
        "cartState": cart.state,
        "inventoryMode": cart.mode,
        "shippingMode": cart.shipping_mode,
        "shipping": [] if is_single else shippings,
        "totalPrice": cart.total_price(),
        "lineItems": [line_body(line) for line in cart.lines],
        "customLineItems": [],
    }
