"""Taking orders from outside: `POST /v0/d/fulfill_order` (Order Injection API).

Idempotent by `external_id`: the same body gets the same answer for ever, another body
is refused; only one order is ever made.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from streams.sandbox.newstore.drafts import (
    ItemDraft,
    OrderDraft,
    PaymentDraft,
    PriceDraft,
    ShipmentDraft,
    read,
)
from streams.sandbox.newstore.errors import invalid, not_allowed
from streams.sandbox.newstore.fulfilment import Fulfilment
from streams.sandbox.newstore.journal import Fact
from streams.sandbox.newstore.money import ZERO, exact, round_to
from streams.sandbox.newstore.orders import Order
from streams.sandbox.newstore.payments import Account, Instrument, Transaction
from streams.sandbox.newstore.units import Price, Unit
from streams.sandbox.newstore.wire import canonical
from streams.sandbox.newstore.world import World


class Injection:
    """Makes orders from injected bodies."""

    def __init__(self, world: World, fulfilment: Fulfilment) -> None:
        self._world = world
        self._fulfilment = fulfilment

    def inject(self, body: bytes) -> Order:
        """Return the order that a body makes, or has made before."""
        draft = read(body, OrderDraft)
        fingerprint = canonical(body)
        known = self._world.orders.find(draft.external_id)
        if known is not None:
            if known.fingerprint != fingerprint:
                # The code is seen in public integrations.
                raise not_allowed(
                    "same_order_injection_with_different_data",
                    f"Order {draft.external_id} was injected with different data.",
                )
            return known
        _check(draft, self._world)
        order = self._make(draft, fingerprint)
        account = self._world.payments.open(order.id, order.currency)
        for payment in draft.payments:
            self._book(account, payment)
        self._fulfilment.begin(order)
        if draft.payments and not draft.is_historical:
            self._tell_paid(account)
        return self._world.orders.get(order.id)

    def _make(self, draft: OrderDraft, fingerprint: bytes) -> Order:
        world = self._world
        order_id = world.new_id()
        units: list[Unit] = []
        routes_to: dict[str, str] = {}
        for shipment in draft.shipments:
            for item in shipment.items:
                unit = self._unit(draft, order_id, shipment, item)
                units.append(world.units.put(unit))
                node_id = shipment.shipping_option.fulfillment_node_id
                if node_id is not None:
                    routes_to[unit.id] = node_id
        nodes = set(routes_to.values())
        options = [shipment.shipping_option for shipment in draft.shipments]
        order = Order(
            id=order_id,
            external_id=draft.external_id,
            channel_type=draft.channel_type,
            channel=draft.channel_name,
            currency=draft.currency,
            price_method=draft.price_method,
            placed_at=draft.placed_at,
            created_at=world.now,
            opens_at=world.now + timedelta(seconds=world.config.grace_s),
            unit_ids=tuple(unit.id for unit in units),
            demand_location_id=nodes.pop() if len(nodes) == 1 else None,
            fingerprint=fingerprint,
            shipping_price=sum((option.price for option in options), ZERO),
            shipping_tax=sum((option.tax for option in options), ZERO),
            is_historical=draft.is_historical,
            routes_to=routes_to,
            attributes=tuple(
                {"name": found.name, "value": found.value}
                for found in draft.extended_attributes
            ),
            details=_details(draft),
        )
        world.note(Fact("order_injected", order_id=order.id, quantity=len(units)))
        return world.orders.put(order)

    def _unit(
        self, draft: OrderDraft, order_id: str, shipment: ShipmentDraft, item: ItemDraft
    ) -> Unit:
        attributes = [
            {"name": found.name, "value": found.value}
            for found in item.extended_attributes
        ]
        names = {found["name"] for found in attributes}
        if item.external_item_id is not None and "external_item_id" not in names:
            # Not echoed on every read, so public integrations keep it here as well.
            attributes.append(
                {"name": "external_item_id", "value": item.external_item_id}
            )
        price = _price(item.price, draft.currency)
        return Unit(
            id=self._world.new_id(),
            order_id=order_id,
            product_id=item.product_id,
            price=price,
            service_level=_service_level(shipment),
            paid=paid_for(price, draft.price_method),
            external_item_id=item.external_item_id,
            attributes=tuple(attributes),
        )

    def _tell_paid(self, account: Account) -> None:
        self._world.emit(
            "payment_account.amount_authorized",
            account.order_id,
            {
                "id": account.order_id,
                "order_id": account.order_id,
                "transactions": [
                    {
                        "id": booked.id,
                        "instrument_id": booked.instrument_id,
                        "amount": booked.amount,
                        "currency": account.currency,
                        "correlation_id": booked.correlation_id,
                    }
                    for booked in account.transactions
                    if booked.reason == "authorization"
                ],
            },
        )

    def _book(self, account: Account, payment: PaymentDraft) -> None:
        world = self._world
        instrument = Instrument(world.new_id(), payment.method, payment.processor)
        account.instruments.append(instrument)
        # A captured payment was authorised before.
        reasons = {"authorized": ("authorization",)}.get(
            payment.type, ("authorization", "capture")
        )
        for reason in reasons:
            account.transactions.append(
                Transaction(
                    id=world.new_id(),
                    instrument_id=instrument.id,
                    correlation_id=payment.correlation_ref,
                    reason=reason,
                    amount=payment.amount,
                    created_at=payment.processed_at or world.now,
                )
            )


def answer(order: Order, units: list[Unit]) -> dict[str, object]:
    """Write the injection's answer; it never changes afterwards."""
    return {
        "id": order.id,
        "external_id": order.external_id,
        "items": [
            {
                "id": unit.id,
                "external_item_id": unit.external_item_id,
                "product_id": unit.product_id,
            }
            for unit in units
        ],
    }


def paid_for(price: Price, method: str) -> Decimal:
    """Return what a customer pays for a unit, taxes included."""
    paid = price.price - price.order_discounts
    return paid if method == "tax_included" else paid + price.tax


def _price(draft: PriceDraft, currency: str) -> Price:
    def total(amounts: Iterable[Decimal]) -> Decimal:
        return round_to(sum(amounts, ZERO), currency)

    listed = (
        draft.item_price if draft.item_list_price is None else draft.item_list_price
    )
    return Price(
        list_price=round_to(listed, currency),
        price=round_to(draft.item_price, currency),
        item_discounts=total(d.price_adjustment for d in draft.item_discount_info),
        order_discounts=total(
            d.price_adjustment for d in draft.item_order_discount_info
        ),
        tax=total(line.amount for line in draft.item_tax_lines),
        taxes=tuple(
            {"name": line.name, "amount": line.amount, "rate": line.rate}
            for line in draft.item_tax_lines
        ),
    )


def _service_level(shipment: ShipmentDraft) -> str:
    option = shipment.shipping_option
    if option.service_level_identifier is not None:
        return option.service_level_identifier
    # A token stands for an offer made before: in-store pickup, for one.
    return "IN_STORE_PICK_UP" if option.shipping_offer_token else "STANDARD"


def _details(draft: OrderDraft) -> dict[str, object]:
    given = {
        "external_customer_id": draft.external_customer_id,
        "customer_email": draft.customer_email,
        "shipping_address": draft.shipping_address,
        "billing_address": draft.billing_address,
    }
    return {name: value for name, value in given.items() if value is not None}


def _check(draft: OrderDraft, world: World) -> None:
    """Refuse what the vendor would refuse, before anything is written."""
    by_level = [
        shipment
        for shipment in draft.shipments
        if shipment.shipping_option.service_level_identifier is not None
    ]
    if world.config.one_shipment_by_level and by_level and len(draft.shipments) > 1:
        # Importing orders: "only one shipment if the shipping option type is
        # identified by a service level identifier".
        raise invalid("An order with a service level identifier has one shipment.")
    for place, shipment in enumerate(draft.shipments):
        option = shipment.shipping_option
        if option.fulfillment_node_id is not None:
            world.node(option.fulfillment_node_id)
        for name, amount in (("price", option.price), ("tax", option.tax)):
            exact(f"shipments[{place}].shipping_option.{name}", amount, draft.currency)
        for index, item in enumerate(shipment.items):
            world.require_product(item.product_id)
            _check_price(f"shipments[{place}].items[{index}]", item, draft.currency)
    for index, payment in enumerate(draft.payments):
        exact(f"payments[{index}].amount", payment.amount, draft.currency)


def _check_price(where: str, item: ItemDraft, currency: str) -> None:
    price = item.price
    amounts = [price.item_price, price.item_list_price or ZERO]
    amounts += [line.amount for line in price.item_tax_lines]
    amounts += [found.price_adjustment for found in price.item_discount_info]
    amounts += [found.price_adjustment for found in price.item_order_discount_info]
    for amount in amounts:
        exact(f"{where}.price", amount, currency)
    if price.item_price < 0:
        raise invalid(f"{where}.price: a price is not negative.")
