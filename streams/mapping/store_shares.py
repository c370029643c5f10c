"""What each unit of an order costs, so that all units' cents add up to the order's.

commercetools prices lines, NewStore prices units: a line's amounts are divided by
largest remainder. The shares hang on the order alone, not on where its units go.
"""

from typing import NamedTuple

from streams.domain.money import divide
from streams.domain.order_names import unit_name
from streams.mapping.commerce_order_wire import (
    PaidWire,
    PricedLineWire,
    ShippingWire,
    SourceOrderWire,
    TaxedWire,
    TransactionWire,
)

_TAKEN = "Success"


class TaxShare(NamedTuple):
    """A tax of a unit; the rate as it is written, the amount in minor units."""

    name: str
    rate: str
    amount: int


class UnitShare(NamedTuple):
    """One unit's part of an order, in minor units.

    Attributes:
        price: After the discounts of its line, before those of the whole order.
    """

    sku: str
    list_price: int
    price: int
    order_discount: int
    taxes: tuple[TaxShare, ...]

    @property
    def discount(self) -> int:
        return max(0, self.list_price - self.price)

    def paid(self, *, tax_included: bool) -> int:
        """Return what the customer pays for it, taxes included."""
        paid = self.price - self.order_discount
        return paid if tax_included else paid + sum(tax.amount for tax in self.taxes)


class ShippingShare(NamedTuple):
    """What sending the order costs; `price` is as the order's prices are."""

    price: int = 0
    tax: int = 0


class PaymentShare(NamedTuple):
    """A payment's parts: by unit, and for the shipping."""

    payment: PaidWire
    transaction: TransactionWire
    by_unit: dict[str, int]
    shipping: int

    @property
    def is_captured(self) -> bool:
        return self.transaction.type == "Charge"


class OrderShares(NamedTuple):
    """An order, divided."""

    tax_included: bool
    units: dict[str, UnitShare]
    shipping: ShippingShare
    payments: tuple[PaymentShare, ...]


def share(order: SourceOrderWire) -> OrderShares:
    """Divide an order's prices, taxes, discounts and payments over its units."""
    tax_included = _is_tax_included(order)
    lines = {line.id: _line_shares(line) for line in order.line_items}
    units = {
        unit_name(line_id, index): unit
        for line_id, shares in lines.items()
        for index, unit in enumerate(shares, 1)
    }
    discount = order.discount_on_total_price
    total = 0 if discount is None else discount.discounted_amount.cent_amount
    discounts = divide(total, [max(0, unit.price) for unit in units.values()])
    units = {
        name: unit._replace(order_discount=part)
        for (name, unit), part in zip(units.items(), discounts, strict=True)
    }
    shipping = _shipping_share(order.shipping_info)
    weights = [max(0, u.paid(tax_included=tax_included)) for u in units.values()]
    to_ship = shipping.price + (0 if tax_included else shipping.tax)
    payments = tuple(
        _payment_share(payment, transaction, list(units), [*weights, max(0, to_ship)])
        for payment, transaction in _money_taken(order)
    )
    return OrderShares(tax_included, units, shipping, payments)


def _line_shares(line: PricedLineWire) -> list[UnitShare]:
    count = max(0, line.quantity)
    evenly = [1] * count
    prices = divide(line.total_price.cent_amount, evenly)
    taxes = [
        [TaxShare(name, rate, part) for part in divide(amount, evenly)]
        for name, rate, amount in _taxes(line)
    ]
    return [
        UnitShare(
            line.variant.sku or "",
            max(line.price.value.cent_amount, prices[index]),
            prices[index],
            0,
            tuple(portion[index] for portion in taxes),
        )
        for index in range(count)
    ]


def _taxes(line: PricedLineWire) -> list[tuple[str, str, int]]:
    if line.taxed_price is None:
        return []
    named = "" if line.tax_rate is None else line.tax_rate.name
    portions = [
        (portion.name or named, str(portion.rate), portion.amount.cent_amount)
        for portion in line.taxed_price.tax_portions
    ]
    if portions or line.tax_rate is None:
        return portions
    return [(named, str(line.tax_rate.amount), _tax_of(line.taxed_price))]


def _tax_of(taxed: TaxedWire) -> int:
    return taxed.total_gross.cent_amount - taxed.total_net.cent_amount


def _shipping_share(shipping: ShippingWire | None) -> ShippingShare:
    if shipping is None:
        return ShippingShare()
    price = shipping.price
    if shipping.discounted_price is not None:
        price = shipping.discounted_price.value
    tax = 0 if shipping.taxed_price is None else _tax_of(shipping.taxed_price)
    return ShippingShare(price.cent_amount, tax)


def _is_tax_included(order: SourceOrderWire) -> bool:
    rates = [line.tax_rate for line in order.line_items if line.tax_rate is not None]
    return all(rate.included_in_price for rate in rates)


def _money_taken(order: SourceOrderWire) -> list[tuple[PaidWire, TransactionWire]]:
    """List what was paid: a payment's charges, or what was authorised for them."""
    if order.payment_info is None:
        return []
    taken = []
    for payment in (p.obj for p in order.payment_info.payments if p.obj is not None):
        done = [t for t in payment.transactions if t.state == _TAKEN]
        charges = [t for t in done if t.type == "Charge"]
        chosen = charges or [t for t in done if t.type == "Authorization"]
        taken += [(payment, transaction) for transaction in chosen]
    return taken


def _payment_share(
    payment: PaidWire,
    transaction: TransactionWire,
    units: list[str],
    weights: list[int],
) -> PaymentShare:
    *parts, shipping = divide(transaction.amount.cent_amount, weights)
    by_unit = dict(zip(units, parts, strict=True))
    return PaymentShare(payment, transaction, by_unit, shipping)
