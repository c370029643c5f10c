"""The bodies that NewStore's operations take, as far as they are acted on.

Unknown fields are let pass: the real bodies have more. Amounts keep the digits they
came with.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec

from streams.sandbox.newstore.errors import invalid

T = TypeVar("T")
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Amount = Annotated[Decimal, msgspec.Meta(description="major units")]
ZERO = Decimal(0)
# Importing orders: "up to 5 shipments, and each shipment can contain up to a 100
# items".
SHIPMENTS_MAX = 5
ITEMS_MAX = 100
# Availabilities API: "Array of objects [ 1 .. 2000 ] items".
ATP_KEYS_MAX = 2000


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A body or a part of one."""


class Attribute(Draft, frozen=True, kw_only=True):
    name: Text
    value: str


class TaxLine(Draft, frozen=True, kw_only=True):
    amount: Amount
    name: str = ""
    rate: Decimal = ZERO


class Discount(Draft, frozen=True, kw_only=True):
    price_adjustment: Amount = ZERO


class PriceDraft(Draft, frozen=True, kw_only=True):
    item_price: Amount
    item_list_price: Amount | None = None
    item_tax_lines: tuple[TaxLine, ...] = ()
    item_discount_info: tuple[Discount, ...] = ()
    item_order_discount_info: tuple[Discount, ...] = ()


class ItemDraft(Draft, frozen=True, kw_only=True):
    product_id: Text
    price: PriceDraft
    external_item_id: Text | None = None
    extended_attributes: tuple[Attribute, ...] = ()


class ShippingOption(Draft, frozen=True, kw_only=True):
    service_level_identifier: Text | None = None
    shipping_offer_token: Text | None = None
    fulfillment_node_id: Text | None = None
    price: Amount = ZERO
    tax: Amount = ZERO


class ShipmentDraft(Draft, frozen=True, kw_only=True):
    items: Annotated[
        tuple[ItemDraft, ...], msgspec.Meta(min_length=1, max_length=ITEMS_MAX)
    ]
    shipping_option: ShippingOption


class PaymentDraft(Draft, frozen=True, kw_only=True):
    processor: Text
    correlation_ref: Text
    type: Literal["authorized", "captured"]
    amount: Amount
    method: Text = "credit_card"
    processed_at: Moment | None = None


class OrderDraft(Draft, frozen=True, kw_only=True):
    """The body of `POST /v0/d/fulfill_order`."""

    external_id: Text
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    shipments: Annotated[
        tuple[ShipmentDraft, ...], msgspec.Meta(min_length=1, max_length=SHIPMENTS_MAX)
    ]
    placed_at: Moment
    channel_type: Literal["web", "store"] = "web"
    channel_name: str = ""
    price_method: Literal["tax_included", "tax_excluded"] = "tax_included"
    is_historical: bool = False
    external_customer_id: str | None = None
    customer_email: str | None = None
    shop: str | None = None
    shop_locale: str | None = None
    shipping_address: dict[str, object] | None = None
    billing_address: dict[str, object] | None = None
    payments: tuple[PaymentDraft, ...] = ()
    extended_attributes: tuple[Attribute, ...] = ()


class AtpKey(Draft, frozen=True, kw_only=True):
    product_id: Text
    fulfillment_node_id: Text


class AtpQuery(Draft, frozen=True, kw_only=True):
    atp_keys: Annotated[
        tuple[AtpKey, ...], msgspec.Meta(min_length=1, max_length=ATP_KEYS_MAX)
    ]


class Named(Draft, frozen=True, kw_only=True):
    """Items by product or by their own ids; the latter are exact."""

    product_ids: tuple[Text, ...] = ()
    item_ids: tuple[Text, ...] = ()


class Rejection(Draft, frozen=True, kw_only=True):
    """The body of `…/rejection`: the whole request."""

    rejection_reason: Literal["cannot_fulfill", "no_inventory"]
    missing_product_ids: tuple[Text, ...] = ()


class MissingItems(Named, frozen=True, kw_only=True):
    reason: Literal["cannot_fulfill", "no_inventory"] = "no_inventory"


class ItemRejection(Draft, frozen=True, kw_only=True):
    """The body of `…/reject_items`."""

    missing_items: Annotated[tuple[MissingItems, ...], msgspec.Meta(min_length=1)]


class ParcelDraft(Draft, frozen=True, kw_only=True):
    tracking_code: str = ""
    carrier: str = ""


class ShippedItems(Named, frozen=True, kw_only=True):
    shipment: ParcelDraft


class ShipmentBody(Draft, frozen=True, kw_only=True):
    """The body of `…/shipment`."""

    line_items: Annotated[tuple[ShippedItems, ...], msgspec.Meta(min_length=1)]


class ReturnedItem(Draft, frozen=True, kw_only=True):
    product_id: Text | None = None
    item_id: Text | None = None
    condition_code: int | None = None
    return_reason: str | None = None
    return_code: int | None = None


class ReturnDraft(Draft, frozen=True, kw_only=True):
    """The body of `POST /v0/d/orders/{order_id}/returns`."""

    returned_from: Text
    items: Annotated[tuple[ReturnedItem, ...], msgspec.Meta(min_length=1)]
    returned_at: Moment | None = None
    is_historical: bool = False
    refund_amount: Amount | None = None
    return_fee: Amount | None = None


class CancellationDraft(Draft, frozen=True, kw_only=True):
    reason: str = "customer_request"
    note: str | None = None


def read(body: bytes, kind: type[T]) -> T:
    """Read a body; what does not fit is refused with where and why."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(str(error)) from None
    except RecursionError:
        raise invalid("The body is nested too deeply.") from None


def convert(fields: object, kind: type[T]) -> T:
    """Read a body that has been decoded already."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
