"""A commercetools order and its units' places -> NewStore's fulfilment order.

Pure and deterministic: NewStore tells a repeat by its bytes. Fields: NewStore developer
documentation, "Order Injection API".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from streams.domain.reference import Reference
from streams.domain.sourcing_run import Injection, Need
from streams.mapping.commerce_order_wire import AddressWire, SourceOrderWire
from streams.mapping.newstore import AtpKey
from streams.mapping.store_shares import (
    OrderShares,
    ShippingShare,
    share,
)

Body = dict[str, Any]

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """How this retailer's NewStore names what commercetools does not say."""

    shop: str = ""
    channel_name: str = "commercetools"
    service_level: str = "STANDARD"


@dataclass(eq=False)
class Unsourceable(Exception):
    """The order in commercetools is not the one that was sourced."""

    reason: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def injection_body(
    order: SourceOrderWire,
    injection: Injection,
    reference: Reference,
    options: StoreOptions,
) -> bytes:
    """Write the fulfilment order for the units of one place.

    Raises:
        Unsourceable: A unit is not in the order as it is now.
    """
    shares = share(order)
    require_units(injection, shares)
    writer = _Writer(order, injection, reference, options, shares)
    return _encoder.encode(writer.body())


def require_units(injection: Injection, shares: OrderShares) -> None:
    """Make sure that every unit to be injected is in the order.

    Raises:
        Unsourceable: One is not, or is another product.
    """
    for placement in injection.placements:
        unit = shares.units.get(placement.unit)
        if unit is None or unit.sku != placement.sku:
            found = "is not there" if unit is None else f"is {unit.sku}"
            raise Unsourceable(
                "order_changed",
                f"Unit {placement.unit} ({placement.sku}) of order "
                f"{injection.order_number} {found} in commercetools any more. Look at "
                "the order there, and cancel or place it anew.",
            )


def products_of(injection: Injection, reference: Reference) -> dict[str, str]:
    """Return NewStore's product id by unit."""
    return {p.unit: product_id_of(reference, p.sku) for p in injection.placements}


def atp_key_of(need: Need, reference: Reference) -> AtpKey:
    """Name what an order needs as NewStore does."""
    return AtpKey(
        product_id_of(reference, need.sku), node_id_of(reference, need.location_id)
    )


def product_id_of(reference: Reference, sku: str) -> str:
    product = reference.products.get(sku)
    return (product.newstore_product_id if product else "") or sku


def node_id_of(reference: Reference, location_id: str) -> str:
    location = reference.locations.get(location_id)
    return (location.newstore_node_id if location else "") or location_id


@dataclass(frozen=True, slots=True)
class _Writer:
    order: SourceOrderWire
    injection: Injection
    reference: Reference
    options: StoreOptions
    shares: OrderShares

    def body(self) -> Body:
        order = self.order
        included = self.shares.tax_included
        written: Body = {
            "external_id": self.injection.external_id,
            "shop": self.options.shop,
            "shop_locale": order.locale,
            "channel_type": "web",
            "channel_name": self.options.channel_name,
            "currency": order.total_price.currency_code,
            "placed_at": _moment(order.created_at),
            "price_method": "tax_included" if included else "tax_excluded",
            "external_customer_id": order.customer_id,
            "customer_email": order.customer_email,
            "shipping_address": _address(order.shipping_address),
            "billing_address": _address(order.billing_address),
            "shipments": [self._shipment()],
            "payments": list(self._payments()),
            "extended_attributes": [
                {"name": "commercetools_order_id", "value": order.id},
                {"name": "order_number", "value": self.injection.order_number},
            ],
        }
        return {name: value for name, value in written.items() if value not in ("", {})}

    def _shipment(self) -> Body:
        shipping = self.shares.shipping if self._is_first() else ShippingShare()
        node_id = node_id_of(self.reference, self.injection.placements[0].location_id)
        return {
            "items": [self._item(p.unit) for p in self.injection.placements],
            "shipping_option": {
                "service_level_identifier": self.options.service_level,
                "fulfillment_node_id": node_id,
                "price": self._money(shipping.price),
                "tax": self._money(shipping.tax),
            },
        }

    def _item(self, name: str) -> Body:
        unit = self.shares.units[name]
        return {
            "external_item_id": name,
            "product_id": product_id_of(self.reference, unit.sku),
            "price": {
                "item_price": self._money(unit.price),
                "item_list_price": self._money(unit.list_price),
                "item_tax_lines": [
                    {
                        "name": tax.name,
                        "rate": Decimal(tax.rate),
                        "amount": self._money(tax.amount),
                    }
                    for tax in unit.taxes
                ],
                "item_discount_info": self._discount(unit.discount, "line"),
                "item_order_discount_info": self._discount(
                    unit.order_discount, "order"
                ),
            },
            # Not repeated on every read of NewStore's, these are.
            "extended_attributes": [{"name": "external_item_id", "value": name}],
        }

    def _discount(self, amount: int, level: str) -> list[Body]:
        if amount <= 0:
            return []
        return [
            {
                "type": "fixed",
                "original_value": self._money(amount),
                "price_adjustment": self._money(amount),
                "discount_ref": f"commercetools-{level}",
            }
        ]

    def _payments(self) -> Iterator[Body]:
        for paid in self.shares.payments:
            units = (paid.by_unit[p.unit] for p in self.injection.placements)
            amount = sum(units) + (paid.shipping if self._is_first() else 0)
            if amount == 0:
                continue
            method = paid.payment.payment_method_info
            at = paid.transaction.timestamp or self.order.created_at
            yield {
                "processor": method.payment_interface or "commercetools",
                "correlation_ref": paid.transaction.interaction_id
                or paid.transaction.id,
                "type": "captured" if paid.is_captured else "authorized",
                "amount": self._money(amount),
                "method": (method.method or "credit_card").lower(),
                "processed_at": _moment(at),
            }

    def _is_first(self) -> bool:
        """Say whether this is the order that carries the shipping."""
        return self.injection.run == 1 and self.injection.part == 1

    def _money(self, minor: int) -> Decimal:
        return Decimal(minor).scaleb(-self.order.total_price.digits)


def _address(address: AddressWire | None) -> Body:
    if address is None:
        return {}
    street = f"{address.street_name} {address.street_number}".strip()
    fields = {
        "first_name": address.first_name,
        "last_name": address.last_name,
        "company": address.company,
        "address_line_1": street,
        "address_line_2": address.additional_street_info,
        "zip_code": address.postal_code,
        "city": address.city,
        "state": address.state or address.region,
        "country": address.country,
        "phone": address.phone or address.mobile,
    }
    return {name: value for name, value in fields.items() if value}


def _moment(at: datetime) -> str:
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
