"""commercetools' orders on the wire, as far as we read them, and what they tell us.

Fields: commercetools API reference, "Order". Money, names and addresses stay there.
"""

from typing import Annotated

import msgspec

from streams.domain.order_notes import OrderPlaced, PlacedLine
from streams.mapping.order_aliases import checked_commerce_number
from streams.mapping.pos_rules import NAME_MAX, UNITS_MAX
from streams.mapping.pos_sheet import Refused
from streams.mapping.pos_wire import Moment
from streams.mapping.problems import (
    impossible_quantity,
    missing_field,
    name_too_long,
)

Version = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Reference(msgspec.Struct, frozen=True, gc=False):
    id: str


class Channel(msgspec.Struct, frozen=True, gc=False):
    key: str


class ChannelReference(msgspec.Struct, frozen=True, gc=False):
    id: str
    obj: Channel | None = None


class Variant(msgspec.Struct, frozen=True, gc=False):
    sku: str | None = None


class LineItem(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    id: str
    variant: Variant
    quantity: int
    inventory_mode: str | None = None
    supply_channel: ChannelReference | None = None


class Address(msgspec.Struct, frozen=True, gc=False):
    country: str | None = None


class Money(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    currency_code: str | None = None


class Shipping(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    shipping_address: Address | None = None


class PaymentInfo(msgspec.Struct, frozen=True, gc=False):
    payments: list[Reference] = []


class Order(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`inventory_mode` counts for the lines that have none of their own."""

    id: str
    version: Version
    created_at: Moment
    line_items: list[LineItem]
    order_number: str | None = None
    order_state: str | None = None
    inventory_mode: str | None = None
    total_price: Money | None = None
    shipping_address: Address | None = None
    shipping_info: Shipping | None = None
    shipping: list[Shipping] | None = None
    payment_info: PaymentInfo | None = None


NOT_COUNTED = (None, "None")
"""Inventory modes in which commercetools leaves its own quantity alone."""


def names_all_channels(order: Order) -> bool:
    """Say whether each supply channel is there with its key, not only with its id."""
    channels = (line.supply_channel for line in order.line_items)
    return all(channel is None or channel.obj is not None for channel in channels)


def placed_of(order: Order, *, path: str, sequence: int = 0) -> OrderPlaced:
    """Return what an order makes known; its supply channels have to be expanded.

    Args:
        path: Where the order stands in its message, for the words of a problem.

    Raises:
        Refused: It cannot be an order of ours; the problem says why.
    """
    at = f"{path}." if path else ""
    number = order.order_number or order.id
    payments = order.payment_info.payments if order.payment_info else []
    return OrderPlaced(
        commerce_id=_name(order.id, f"{at}id"),
        number=checked_commerce_number(number, f"{at}orderNumber"),
        version=order.version,
        placed_at=order.created_at,
        lines=tuple(
            _line(line, order, f"{at}lineItems[{index}]")
            for index, line in enumerate(order.line_items)
        ),
        state=_name(order.order_state or "Open", f"{at}orderState"),
        currency=(order.total_price and order.total_price.currency_code) or "",
        country=_country(order),
        has_shipping=order.shipping_info is not None or bool(order.shipping),
        payment_ids=tuple(payment.id for payment in payments),
        sequence=sequence,
    )


def _line(line: LineItem, order: Order, path: str) -> PlacedLine:
    if not 1 <= line.quantity <= UNITS_MAX:
        at = f"{path}.quantity"
        raise Refused(impossible_quantity(at, line.quantity, 1, UNITS_MAX))
    channel = line.supply_channel
    mode = line.inventory_mode or order.inventory_mode
    return PlacedLine(
        line_id=_name(line.id, f"{path}.id"),
        sku=_name(line.variant.sku, f"{path}.variant.sku"),
        quantity=line.quantity,
        channel_key="" if channel is None or channel.obj is None else channel.obj.key,
        commerce_counted=mode not in NOT_COUNTED,
    )


def _country(order: Order) -> str:
    several = (each.shipping_address for each in order.shipping or ())
    for address in (order.shipping_address, *several):
        if address is not None and address.country:
            return address.country
    return ""


def _name(value: str | None, path: str) -> str:
    if not value:
        raise Refused(missing_field(path))
    if len(value) > NAME_MAX:
        raise Refused(name_too_long(path, value, NAME_MAX))
    return value
