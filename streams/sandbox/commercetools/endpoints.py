"""The addresses of the API: which kind of resource is where, who may see and change it.

Source: API spec, `api.raml`, `resources/*` (`securedBy`); docs "Scopes".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.sandbox.commercetools import values
from streams.sandbox.commercetools.carts import CART_SCHEMA, cart_body
from streams.sandbox.commercetools.channels import CHANNEL_SCHEMA, channel_body
from streams.sandbox.commercetools.custom import TYPE_SCHEMA, type_body
from streams.sandbox.commercetools.customers import (
    CUSTOMER_SCHEMA,
    customer_body,
    searched_body,
    sign_in_body,
)
from streams.sandbox.commercetools.inventory import INVENTORY_SCHEMA, entry_body
from streams.sandbox.commercetools.messaging.log import MESSAGE_SCHEMA, message_body
from streams.sandbox.commercetools.messaging.subscriptions import (
    SUBSCRIPTION_SCHEMA,
    subscription_body,
)
from streams.sandbox.commercetools.orders import ORDER_SCHEMA, order_body
from streams.sandbox.commercetools.payments import PAYMENT_SCHEMA, payment_body
from streams.sandbox.commercetools.predicates import Schema
from streams.sandbox.commercetools.queries import Body
from streams.sandbox.commercetools.resources import Caller
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.commercetools.states import STATE_SCHEMA, state_body

READING = frozenset({"GET", "HEAD"})
# Any: each kind of resource has its own type, and its functions fit it.
Create = Callable[[Sandbox, values.Fields, Caller], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The addresses of one kind of resource, `/{projectKey}/{name}…`."""

    collection: Callable[[Sandbox], Any]
    body_of: Callable[[Any], Body]
    schema: Schema
    # Names of scopes; managing includes viewing, `manage_project` includes all.
    view: tuple[str, ...]
    manage: tuple[str, ...]
    # By path under the collection: what POST creates there.
    creations: Mapping[str, Create] = field(default_factory=dict)
    key_name: str = "key"
    update: Callable[[Sandbox, str, str, values.Fields, Caller], Any] | None = None
    delete: Callable[[Sandbox, str, str, int, Caller], Any] | None = None
    # Where a creation answers otherwise, or predicates see more than is shown.
    created_body: Callable[[Any], Body] | None = None
    searched_body: Callable[[Any], Body] | None = None

    def scopes(self, method: str, project: str) -> tuple[str, ...]:
        """Return the scopes of which a request needs one."""
        names = (*self.manage, "manage_project")
        if method in READING:
            names = (*self.view, *names)
        return tuple(f"{name}:{project}" for name in names)

    def selector(self, segment: str) -> tuple[str, str]:
        """Read `{id}` or `key={key}`."""
        name, equals, value = segment.partition("=")
        if equals and name == self.key_name:
            return "key", value
        return "id", segment

    def intrude(self, sandbox: Sandbox, name: str, value: str, quantity: int) -> None:
        """Let another client write just before: an entry's quantity, or a version."""
        collection = self.collection(sandbox)
        if collection is sandbox.inventory:
            sandbox.intrude(name, value, quantity)
        else:
            sandbox.touch(collection, name, value)


ENDPOINTS = {
    "inventory": Endpoint(
        collection=lambda sandbox: sandbox.inventory,
        body_of=entry_body,
        schema=INVENTORY_SCHEMA,
        view=("view_products",),
        manage=("manage_products",),
        creations={"": Sandbox.create_entry},
        update=Sandbox.update_entry,
        delete=Sandbox.delete_entry,
    ),
    "channels": Endpoint(
        collection=lambda sandbox: sandbox.channels,
        body_of=channel_body,
        schema=CHANNEL_SCHEMA,
        view=("view_channels", "view_products"),
        manage=("manage_channels", "manage_products"),
        creations={"": Sandbox.create_channel},
        update=Sandbox.update_channel,
    ),
    "types": Endpoint(
        collection=lambda sandbox: sandbox.types,
        body_of=type_body,
        schema=TYPE_SCHEMA,
        view=("view_types",),
        manage=("manage_types",),
        creations={"": Sandbox.create_type},
        update=Sandbox.update_type,
    ),
    "states": Endpoint(
        collection=lambda sandbox: sandbox.states,
        body_of=state_body,
        schema=STATE_SCHEMA,
        view=("view_states", "view_products", "view_orders"),
        manage=("manage_states", "manage_products", "manage_orders"),
        creations={"": Sandbox.create_state},
        update=Sandbox.update_state,
    ),
    "carts": Endpoint(
        collection=lambda sandbox: sandbox.carts,
        body_of=cart_body,
        schema=CART_SCHEMA,
        view=("view_orders",),
        manage=("manage_orders",),
        creations={"": Sandbox.create_cart},
        update=Sandbox.update_cart,
    ),
    "orders": Endpoint(
        collection=lambda sandbox: sandbox.orders,
        body_of=order_body,
        schema=ORDER_SCHEMA,
        view=("view_orders",),
        manage=("manage_orders",),
        creations={"": Sandbox.create_order, "import": Sandbox.import_order},
        key_name="order-number",
        update=Sandbox.update_order,
        delete=Sandbox.delete_order,
    ),
    "payments": Endpoint(
        collection=lambda sandbox: sandbox.payments,
        body_of=payment_body,
        schema=PAYMENT_SCHEMA,
        view=("view_payments",),
        manage=("manage_payments",),
        creations={"": Sandbox.create_payment},
        update=Sandbox.update_payment,
    ),
    "customers": Endpoint(
        collection=lambda sandbox: sandbox.customers,
        body_of=customer_body,
        schema=CUSTOMER_SCHEMA,
        view=("view_customers",),
        manage=("manage_customers",),
        creations={"": Sandbox.create_customer},
        update=Sandbox.update_customer,
        delete=Sandbox.delete_customer,
        created_body=sign_in_body,
        searched_body=searched_body,
    ),
    "subscriptions": Endpoint(
        collection=lambda sandbox: sandbox.subscriptions,
        body_of=subscription_body,
        schema=SUBSCRIPTION_SCHEMA,
        view=("manage_subscriptions",),
        manage=("manage_subscriptions",),
        creations={"": Sandbox.create_subscription},
        update=Sandbox.update_subscription,
        delete=Sandbox.delete_subscription,
    ),
    "messages": Endpoint(
        collection=lambda sandbox: sandbox.messages,
        body_of=message_body,
        schema=MESSAGE_SCHEMA,
        view=("view_messages",),
        manage=(),
    ),
}
