"""Customers: one per email in the project, whatever its case.

Source: API spec, `types/customer/{Customer,CustomerDraft,CustomerSignInResult}`; docs
"Customers overview". Customers of single stores are not told apart here.
"""

from dataclasses import dataclass

from streams.sandbox.commercetools import errors
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.custom import CustomFields, custom_body
from streams.sandbox.commercetools.orders.bodies import CUSTOM, present
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import Stamped
from streams.sandbox.commercetools.values import Fields

CUSTOMER_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "customerNumber": FieldKind.TEXT,
    "externalId": FieldKind.TEXT,
    "email": FieldKind.TEXT,
    # Asked for, never shown.
    "lowercaseEmail": FieldKind.TEXT,
    "firstName": FieldKind.TEXT,
    "lastName": FieldKind.TEXT,
    "stores": {"typeId": FieldKind.TEXT, "key": FieldKind.TEXT},
    "custom": CUSTOM,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a customer; its fields are kept as they came."""

    id: str
    fields: Fields

    @property
    def key(self) -> str | None:
        """Return the address's key, unique for its customer."""
        key = self.fields.get("key")
        return key if isinstance(key, str) else None

    def body(self) -> dict[str, object]:
        """Write the address."""
        return {**self.fields, "id": self.id}


@dataclass(frozen=True, slots=True)
class Customer(Stamped):
    """A customer; `names` are the plain texts, by their names on the wire."""

    key: str | None
    email: str
    customer_number: str | None = None
    external_id: str | None = None
    names: Fields | None = None
    authentication_mode: str = "Password"
    is_email_verified: bool = False
    addresses: tuple[Address, ...] = ()
    default_shipping_id: str | None = None
    default_billing_id: str | None = None
    shipping_ids: tuple[str, ...] = ()
    billing_ids: tuple[str, ...] = ()
    stores: tuple[Fields, ...] = ()
    groups: tuple[Fields, ...] = ()
    custom: CustomFields | None = None


class Customers(Collection[Customer]):
    """The project's customers, also by email and by number."""

    type_id = "customer"

    def __init__(self) -> None:
        super().__init__()
        self._id_by_email: dict[str, str] = {}
        self._id_by_number: dict[str, str] = {}

    def with_email(self, email: str) -> Customer | None:
        """Return the customer with an email, compared as sign-up does."""
        return self._by_id.get(self._id_by_email.get(email.lower(), ""))

    def put(self, resource: Customer) -> None:
        """Keep a customer or its next version.

        An email that differs in case only is taken, too; the number is unique
        (`CustomerDraft`): `DuplicateField`.
        """
        email, number = resource.email.lower(), resource.customer_number
        if self._id_by_email.get(email, resource.id) != resource.id:
            raise errors.duplicate_field("email", resource.email)
        if number and self._id_by_number.get(number, resource.id) != resource.id:
            raise errors.duplicate_field("customerNumber", number)
        held = self._by_id.get(resource.id)
        super().put(resource)
        if held is not None:
            self._forget(held)
        self._id_by_email[email] = resource.id
        if number:
            self._id_by_number[number] = resource.id

    def remove(self, resource: Customer) -> None:
        """Forget a customer."""
        super().remove(resource)
        self._forget(resource)

    def _forget(self, held: Customer) -> None:
        del self._id_by_email[held.email.lower()]
        if held.customer_number:
            del self._id_by_number[held.customer_number]


def customer_body(customer: Customer) -> dict[str, object]:
    """Write a customer as the vendor does; a password is never kept."""
    return {
        **customer.stamp.body(),
        **present(
            {
                "key": customer.key,
                "customerNumber": customer.customer_number,
                "externalId": customer.external_id,
                "defaultShippingAddressId": customer.default_shipping_id,
                "defaultBillingAddressId": customer.default_billing_id,
                "custom": custom_body(customer.custom),
            }
        ),
        **(customer.names or {}),
        "email": customer.email,
        "authenticationMode": customer.authentication_mode,
        "isEmailVerified": customer.is_email_verified,
        "addresses": [address.body() for address in customer.addresses],
        "shippingAddressIds": list(customer.shipping_ids),
        "billingAddressIds": list(customer.billing_ids),
        "stores": list(customer.stores),
        "customerGroupAssignments": list(customer.groups),
    }


def searched_body(customer: Customer) -> dict[str, object]:
    """Write what predicates see: the body and `lowercaseEmail`."""
    return {
        **customer_body(customer),
        "lowercaseEmail": customer.email.lower(),
    }


def sign_in_body(customer: Customer) -> dict[str, object]:
    """Write the answer to a creation (`CustomerSignInResult`)."""
    return {"customer": customer_body(customer)}
