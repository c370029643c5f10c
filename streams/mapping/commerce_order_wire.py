"""commercetools' orders on the wire: one model, of which each question takes its part.

What was placed, what became of it, and what NewStore has to be told of it: each view
decodes no more than it asks for. So an odd address keeps no stock from being counted,
and names, addresses and money come no further than the one injection that needs them.
Fields: commercetools API reference, "Order", "LineItem", "Payment", "State".
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from streams.domain.money import digits_of
from streams.mapping.pos_wire import Moment

EXPAND_CHANNELS: Final = {"expand": "lineItems[*].supplyChannel"}
"""The query with which a `PlacedOrderWire` is read."""

EXPAND_PAYMENTS: Final = {"expand": "paymentInfo.payments[*]"}
"""The query with which a `SourceOrderWire` is read."""

Version = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """What we read of a resource; all else is passed over."""


class ReferenceWire(Wire, frozen=True):
    id: str


class Head(Wire, frozen=True, kw_only=True):
    """What every view of an order has."""

    id: str
    version: Version
    order_number: str | None = None


class LineWire(Wire, frozen=True, kw_only=True):
    """Units of a line item."""

    id: str
    quantity: int


class VariantWire(Wire, frozen=True):
    sku: str | None = None


class MoneyWire(Wire, frozen=True):
    cent_amount: int
    currency_code: str
    fraction_digits: int | None = None

    @property
    def digits(self) -> int:
        if self.fraction_digits is None:
            return digits_of(self.currency_code)
        return self.fraction_digits


# --- What was placed: from messages, and from reading with EXPAND_CHANNELS


class ChannelKeyWire(msgspec.Struct, frozen=True, gc=False):
    key: str


class SupplyChannelWire(ReferenceWire, frozen=True, gc=False):
    obj: ChannelKeyWire | None = None


class PlacedLineWire(LineWire, frozen=True, kw_only=True, gc=False, rename="camel"):
    variant: VariantWire
    inventory_mode: str | None = None
    supply_channel: SupplyChannelWire | None = None


class CountryWire(msgspec.Struct, frozen=True, gc=False):
    country: str | None = None


class CurrencyWire(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    currency_code: str | None = None


class DestinationWire(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    shipping_address: CountryWire | None = None


class PaymentIdsWire(msgspec.Struct, frozen=True, gc=False):
    payments: list[ReferenceWire] = []


class PlacedOrderWire(Head, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What was ordered. `inventory_mode` counts for the lines that have none."""

    created_at: Moment
    line_items: list[PlacedLineWire]
    order_state: str | None = None
    inventory_mode: str | None = None
    total_price: CurrencyWire | None = None
    shipping_address: CountryWire | None = None
    shipping_info: DestinationWire | None = None
    shipping: list[DestinationWire] | None = None
    payment_info: PaymentIdsWire | None = None


# --- What became of it: fulfilment, returns, the money given back


class StateQuantityWire(Wire, frozen=True):
    quantity: int
    state: ReferenceWire


class CustomWire(Wire, frozen=True):
    type: ReferenceWire
    fields: dict[str, Any] = {}


class ProgressLineWire(LineWire, frozen=True, kw_only=True):
    state: list[StateQuantityWire] = []
    custom: CustomWire | None = None


class DeliveryWire(Wire, frozen=True):
    key: str = ""
    items: list[LineWire] = []


class DeliveriesWire(Wire, frozen=True):
    deliveries: list[DeliveryWire] = []


class ShippingOfSeveralWire(Wire, frozen=True):
    shipping_key: str = ""
    shipping_info: DeliveriesWire = DeliveriesWire()


class ReturnItemWire(Wire, frozen=True):
    shipment_state: str
    payment_state: str
    key: str = ""


class ReturnInfoWire(Wire, frozen=True):
    items: list[ReturnItemWire] = []


class SyncWire(Wire, frozen=True):
    external_id: str = ""


class OrderWire(Head, frozen=True, kw_only=True, rename="camel"):
    """What an order says of fulfilment and returns."""

    line_items: list[ProgressLineWire]
    order_state: str = "Open"
    shipment_state: str = ""
    shipping_info: DeliveriesWire | None = None
    shipping: list[ShippingOfSeveralWire] = []
    return_info: list[ReturnInfoWire] = []
    sync_info: list[SyncWire] = []

    @property
    def shipping_key(self) -> str:
        """The first shipping method's key, where an order has several."""
        return self.shipping[0].shipping_key if self.shipping else ""

    def shippings(self) -> list[DeliveriesWire]:
        """Return the shipping methods, be it one or several."""
        if self.shipping_info is not None:
            return [self.shipping_info]
        return [each.shipping_info for each in self.shipping]

    def quantities(self) -> dict[str, int]:
        """Return the units ordered, by line."""
        return {line.id: line.quantity for line in self.line_items}


class BookedWire(Wire, frozen=True):
    type: str
    interaction_id: str = ""


class PaymentWire(Wire, frozen=True):
    """A payment, as far as its refunds are concerned."""

    id: str
    version: int
    amount_planned: MoneyWire
    transactions: list[BookedWire] = []

    def has_refund(self, interaction_id: str) -> bool:
        return any(
            entry.type == "Refund" and entry.interaction_id == interaction_id
            for entry in self.transactions
        )


# --- What NewStore has to be told: prices, taxes, addresses; kept nowhere


class PriceWire(Wire, frozen=True):
    value: MoneyWire


class TaxPortionWire(Wire, frozen=True):
    rate: Decimal
    amount: MoneyWire
    name: str = ""


class TaxedWire(Wire, frozen=True):
    total_net: MoneyWire
    total_gross: MoneyWire
    tax_portions: list[TaxPortionWire] = []


class TaxRateWire(Wire, frozen=True):
    name: str = ""
    amount: Decimal = Decimal(0)
    included_in_price: bool = False


class PricedLineWire(LineWire, frozen=True, kw_only=True):
    """A line item; `total_price` is what remains after its own discounts."""

    variant: VariantWire
    price: PriceWire
    total_price: MoneyWire
    taxed_price: TaxedWire | None = None
    tax_rate: TaxRateWire | None = None


class TotalDiscountWire(Wire, frozen=True):
    discounted_amount: MoneyWire


class ShippingWire(Wire, frozen=True):
    price: MoneyWire
    discounted_price: PriceWire | None = None
    taxed_price: TaxedWire | None = None


class AddressWire(Wire, frozen=True):
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


class TransactionWire(Wire, frozen=True):
    id: str
    type: str
    amount: MoneyWire
    state: str = "Initial"
    timestamp: datetime | None = None
    interaction_id: str = ""


class MethodWire(Wire, frozen=True):
    payment_interface: str = ""
    method: str = ""


class PaidWire(Wire, frozen=True):
    id: str
    payment_method_info: MethodWire = MethodWire()
    transactions: list[TransactionWire] = []


class PaymentReferenceWire(ReferenceWire, frozen=True):
    obj: PaidWire | None = None


class PaymentInfoWire(Wire, frozen=True):
    payments: list[PaymentReferenceWire] = []


class SourceOrderWire(Head, frozen=True, kw_only=True):
    """What NewStore has to be told of an order; its payments are expanded."""

    created_at: datetime
    line_items: list[PricedLineWire]
    total_price: MoneyWire
    order_state: str = "Open"
    customer_id: str = ""
    customer_email: str = ""
    locale: str = ""
    discount_on_total_price: TotalDiscountWire | None = None
    shipping_info: ShippingWire | None = None
    shipping_address: AddressWire | None = None
    billing_address: AddressWire | None = None
    payment_info: PaymentInfoWire | None = None
