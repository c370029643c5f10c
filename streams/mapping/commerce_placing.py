"""commercetools' order, read or brought by a message -> what was placed.

Money, names and addresses stay there.
"""

from streams.domain.order_notes import OrderPlaced, PlacedLine
from streams.mapping.commerce_order_wire import PlacedLineWire, PlacedOrderWire
from streams.mapping.order_aliases import checked_commerce_number
from streams.mapping.pos_rules import NAME_MAX, UNITS_MAX
from streams.mapping.pos_sheet import Refused
from streams.mapping.problems import (
    impossible_quantity,
    missing_field,
    name_too_long,
)

NOT_COUNTED = (None, "None")
"""Inventory modes in which commercetools leaves its own quantity alone."""


def names_all_channels(order: PlacedOrderWire) -> bool:
    """Say whether each supply channel is there with its key, not only with its id."""
    channels = (line.supply_channel for line in order.line_items)
    return all(channel is None or channel.obj is not None for channel in channels)


def placed_of(order: PlacedOrderWire, *, path: str, sequence: int = 0) -> OrderPlaced:
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


def _line(line: PlacedLineWire, order: PlacedOrderWire, path: str) -> PlacedLine:
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


def _country(order: PlacedOrderWire) -> str:
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
