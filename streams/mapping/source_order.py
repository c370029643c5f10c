"""A commercetools order as NewStore's injection needs it: prices, taxes, addresses.

Read when it is injected and kept nowhere. Fields: commercetools API reference, "Order",
"LineItem", "Payment".
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from streams.domain.money import digits_of


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    """A part of the order."""


class MoneyWire(_Wire, frozen=True):
    cent_amount: int
    currency_code: str
    fraction_digits: int | None = None

    @property
    def digits(self) -> int:
        if self.fraction_digits is None:
            return digits_of(self.currency_code)
        return self.fraction_digits


class VariantWire(_Wire, frozen=True):
    sku: str = ""


class PriceWire(_Wire, frozen=True):
    value: MoneyWire


class TaxPortionWire(_Wire, frozen=True):
    rate: Decimal
    amount: MoneyWire
    name: str = ""


class TaxedWire(_Wire, frozen=True):
    total_net: MoneyWire
    total_gross: MoneyWire
    tax_portions: list[TaxPortionWire] = []


class TaxRateWire(_Wire, frozen=True):
    name: str = ""
    amount: Decimal = Decimal(0)
    included_in_price: bool = False


class LineWire(_Wire, frozen=True):
    """A line item; `total_price` is what remains after its own discounts."""

    id: str
    variant: VariantWire
    quantity: int
    price: PriceWire
    total_price: MoneyWire
    taxed_price: TaxedWire | None = None
    tax_rate: TaxRateWire | None = None


class TotalDiscountWire(_Wire, frozen=True):
    discounted_amount: MoneyWire


class ShippingWire(_Wire, frozen=True):
    price: MoneyWire
    discounted_price: PriceWire | None = None
    taxed_price: TaxedWire | None = None


class AddressWire(_Wire, frozen=True):
    country: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street_name: str = ""
    street_number: str = ""
    additional_street_info: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    region: str = ""
    phone: str = ""
    mobile: str = ""


class TransactionWire(_Wire, frozen=True):
    id: str
    type: str
    amount: MoneyWire
    state: str = "Initial"
    timestamp: datetime | None = None
    interaction_id: str = ""


class MethodWire(_Wire, frozen=True):
    payment_interface: str = ""
    method: str = ""


class PaymentWire(_Wire, frozen=True):
    id: str
    payment_method_info: MethodWire = MethodWire()
    transactions: list[TransactionWire] = []


class PaymentReferenceWire(_Wire, frozen=True):
    id: str
    obj: PaymentWire | None = None


class PaymentInfoWire(_Wire, frozen=True):
    payments: list[PaymentReferenceWire] = []


class SourceOrderWire(_Wire, frozen=True):
    """An order, its payments expanded."""

    id: str
    version: int
    created_at: datetime
    line_items: list[LineWire]
    total_price: MoneyWire
    order_number: str = ""
    order_state: str = "Open"
    customer_id: str = ""
    customer_email: str = ""
    locale: str = ""
    discount_on_total_price: TotalDiscountWire | None = None
    shipping_info: ShippingWire | None = None
    shipping_address: AddressWire | None = None
    billing_address: AddressWire | None = None
    payment_info: PaymentInfoWire | None = None


EXPAND_PAYMENTS = {"expand": "paymentInfo.payments[*]"}
"""The query with which a `SourceOrderWire` is read."""
