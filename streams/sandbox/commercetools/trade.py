"""What is traded: states, payments, customers, carts and orders, each by its draft.

Source: API spec, `resources/{states,payments,customers,carts,orders}`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from streams.sandbox.commercetools.cart_actions import CART_ACTIONS, create_cart
from streams.sandbox.commercetools.carts import Cart
from streams.sandbox.commercetools.core import OPERATOR, Core
from streams.sandbox.commercetools.customer_actions import (
    CUSTOMER_ACTIONS,
    create_customer,
)
from streams.sandbox.commercetools.customers import Customer, customer_body
from streams.sandbox.commercetools.orders import (
    InventoryMode,
    Order,
    order_body,
    purchase_draft,
)
from streams.sandbox.commercetools.orders.customs import ORDER_ACTIONS
from streams.sandbox.commercetools.orders.placing import import_order, order_from_cart
from streams.sandbox.commercetools.orders.purchases import basket_draft
from streams.sandbox.commercetools.payment_actions import (
    PAYMENT_ACTIONS,
    create_payment,
)
from streams.sandbox.commercetools.payments import Payment, payment_body
from streams.sandbox.commercetools.resources import Caller, reference
from streams.sandbox.commercetools.states import STATE_ACTIONS, State
from streams.sandbox.commercetools.updates import check_version
from streams.sandbox.commercetools.values import Fields

SHOP = Caller("web-shop", "web-shop")


class Trade(Core):
    """A project's operations on what is traded."""

    def create_state(self, draft: Fields, caller: Caller = OPERATOR) -> State:
        """Create a state from its draft."""
        state = self.states.create(draft, self._stamp(caller))
        self._keep("state-created", caller, "state", state)
        return state

    def update_state(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> State:
        """Apply an update to a state."""
        return self._update(
            self.states, STATE_ACTIONS, self.states, (name, value), body, caller
        )

    def create_payment(self, draft: Fields, caller: Caller = OPERATOR) -> Payment:
        """Create a payment from its draft."""
        desk = self.desk()
        payment = create_payment(draft, self._stamp(caller), desk)
        desk.tell("PaymentCreated", payment=payment_body(payment))
        self._keep("payment-created", caller, "payment", payment, told=desk.told)
        return payment

    def update_payment(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> Payment:
        """Apply an update to a payment."""
        return self._update(
            self.payments, PAYMENT_ACTIONS, self.desk(), (name, value), body, caller
        )

    def create_customer(self, draft: Fields, caller: Caller = OPERATOR) -> Customer:
        """Create a customer from their draft."""
        desk = self.desk()
        customer = create_customer(draft, self._stamp(caller), desk)
        desk.tell("CustomerCreated", customer=customer_body(customer))
        self._keep("customer-created", caller, "customer", customer, told=desk.told)
        return customer

    def update_customer(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> Customer:
        """Apply an update to a customer."""
        return self._update(
            self.customers, CUSTOMER_ACTIONS, self.desk(), (name, value), body, caller
        )

    def delete_customer(
        self, name: str, value: str, version: int, caller: Caller = OPERATOR
    ) -> Customer:
        """Delete a customer; return them as they were."""
        held = self.customers.get(name, value)
        check_version(held, version)
        self.customers.remove(held)
        desk = self.desk()
        desk.tell("CustomerDeleted")
        self._keep(
            "customer-deleted",
            caller,
            "customer",
            held,
            change="ResourceDeleted",
            told=desk.told,
        )
        return held

    def create_cart(self, draft: Fields, caller: Caller = OPERATOR) -> Cart:
        """Create a cart from its draft."""
        cart = create_cart(draft, self._stamp(caller), self.desk())
        self._keep("cart-created", caller, "cart", cart)
        return cart

    def update_cart(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> Cart:
        """Apply an update to a cart that was not ordered yet."""
        return self._update(
            self.carts, CART_ACTIONS, self.desk(), (name, value), body, caller
        )

    def create_order(
        self,
        draft: Fields,
        caller: Caller = OPERATOR,
        *,
        recurring_order_id: str | None = None,
    ) -> Order:
        """Place the order of a cart; its decrements land later.

        Of a recurring order the message is `OrderCreatedFromRecurringOrder` instead of
        `OrderCreated` (`resources/orders`).
        """
        desk = self.desk()
        order, cart = order_from_cart(draft, self._stamp(caller), desk)
        if recurring_order_id is None:
            desk.tell("OrderCreated", order=order_body(order))
        else:
            order = replace(order, recurring_order_id=recurring_order_id)
            self.orders.put(order)
            desk.tell(
                "OrderCreatedFromRecurringOrder",
                order=order_body(order),
                recurringOrderRef=reference("recurring-order", recurring_order_id),
            )
        stamp = cart.stamp.grown(steps=1, by=caller.client_id, at=desk.at)
        ordered = replace(cart, stamp=stamp)
        self.carts.put(ordered)
        self._keep(
            "cart-ordered",
            caller,
            "cart",
            ordered,
            change="ResourceUpdated",
            old_version=cart.version,
        )
        self._keep("order", caller, "order", order, told=desk.told)
        return order

    def import_order(self, draft: Fields, caller: Caller = OPERATOR) -> Order:
        """Import an order; its decrements land later. The message: `OrderImported`."""
        desk = self.desk()
        order = import_order(draft, self._stamp(caller), desk)
        desk.tell("OrderImported", order=order_body(order))
        self._keep("order", caller, "order", order, told=desk.told)
        return order

    def update_order(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> Order:
        """Apply an update to the order whose `id` or number (`key`) is the value."""
        return self._update(
            self.orders, ORDER_ACTIONS, self.desk(), (name, value), body, caller
        )

    def delete_order(
        self, name: str, value: str, version: int, caller: Caller = OPERATOR
    ) -> Order:
        """Delete an order; what it took from stock stays taken (guess)."""
        held = self.orders.get(name, value)
        check_version(held, version)
        self.orders.remove(held)
        desk = self.desk()
        desk.tell("OrderDeleted", order=order_body(held))
        self._keep(
            "order-deleted",
            caller,
            "order",
            held,
            change="ResourceDeleted",
            told=desk.told,
        )
        return held

    def purchase(
        self,
        sku: str,
        quantity: int,
        *,
        channel_key: str | None = None,
        mode: str = InventoryMode.TRACK_ONLY,
        order_number: str | None = None,
    ) -> Order:
        """Buy one SKU in the web shop by an import, without shipping or cart."""
        draft = purchase_draft(
            sku,
            quantity,
            channel_key=channel_key,
            mode=mode,
            order_number=order_number,
        )
        return self.import_order(draft, SHOP)

    def place_order(
        self,
        lines: Iterable[Mapping[str, object]],
        *,
        order_number: str | None = None,
        mode: str = InventoryMode.TRACK_ONLY,
        is_shipped: bool = True,
        recurring_order_id: str | None = None,
        fields: Mapping[str, object] | None = None,
    ) -> Order:
        """Buy in the web shop as a customer does: a cart, then its order.

        Args:
            lines: Each with `sku`, and `quantity`, `channelKey`, `price`, `key` if
                wanted.
            order_number: The order's number; None leaves it without.
            mode: The inventory mode of the cart.
            is_shipped: False for a pickup: no shipping, hence no deliveries.
            recurring_order_id: The recurring order that it was placed for.
            fields: More of the cart's draft: `customerEmail`, `paymentInfo`, …
        """
        basket = basket_draft(lines, mode=mode, is_shipped=is_shipped, fields=fields)
        cart = self.create_cart(basket, SHOP)
        draft = {
            "cart": {"typeId": "cart", "id": cart.id},
            "version": cart.version,
            "orderNumber": order_number,
        }
        return self.create_order(draft, SHOP, recurring_order_id=recurring_order_id)
