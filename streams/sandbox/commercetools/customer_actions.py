"""How customers are made and changed.

Source: API spec, `types/customer/CustomerDraft` and `types/customer/updates/*`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.custom import (
    draft_custom,
    read_custom_field,
    read_custom_type,
)
from streams.sandbox.commercetools.customer_addresses import (
    ADDRESS_ACTIONS,
    check_address_keys,
    read_address,
)
from streams.sandbox.commercetools.customers import Customer
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.customs import tell_custom
from streams.sandbox.commercetools.resources import Stamp
from streams.sandbox.commercetools.values import Fields, needed, optional

PASSWORD, EXTERNAL = "Password", "ExternalAuth"
# The plain texts, and whether a message tells of their change.
NAMES = {
    "firstName": True,
    "lastName": True,
    "middleName": False,
    "title": True,
    "salutation": False,
    "dateOfBirth": True,
    "companyName": True,
    "vatId": False,
    "locale": False,
}
Change = updates.Change[Customer, Desk]
INDEX = values.integer(0, values.INT32_MAX)


def create_customer(draft: Fields, stamp: Stamp, desk: Desk) -> Customer:
    """Create a customer; without a password only with `ExternalAuth`.

    A missing password as `RequiredField` is a guess.
    """
    mode = optional(draft, "authenticationMode", values.one_of(PASSWORD, EXTERNAL))
    if mode != EXTERNAL and optional(draft, "password", values.text) is None:
        raise errors.required_field("password")
    drafts = optional(draft, "addresses", values.objects) or ()
    addresses = tuple(read_address(each, desk.new_id()) for each in drafts)
    check_address_keys(addresses)
    names = {
        name: values.text(name, draft[name])
        for name in NAMES
        if draft.get(name) is not None
    }
    customer = Customer(
        stamp=stamp,
        key=optional(draft, "key", values.key),
        email=needed(draft, "email", _email),
        customer_number=optional(draft, "customerNumber", values.text),
        external_id=optional(draft, "externalId", values.text),
        names=names,
        authentication_mode=mode or PASSWORD,
        is_email_verified=optional(draft, "isEmailVerified", values.boolean) or False,
        addresses=addresses,
        stores=_stores(optional(draft, "stores", values.objects) or ()),
        groups=tuple(optional(draft, "customerGroupAssignments", values.objects) or ()),
        custom=draft_custom(desk.project.types, "customer", draft),
    )
    customer = _with_roles(customer, draft)
    desk.project.customers.put(customer)
    return customer


def _email(name: str, value: object) -> str:
    email = values.text(name, value)
    local, at, domain = email.partition("@")
    if not (local and at and domain) or any(each.isspace() for each in email):
        raise errors.invalid_field(name, email)
    return email


def _stores(drafts: Sequence[Fields]) -> tuple[Fields, ...]:
    return tuple(
        {"typeId": "store", "key": needed(each, "key", values.text)} for each in drafts
    )


def _with_roles(customer: Customer, draft: Fields) -> Customer:
    """Read which addresses are for what: indices of the draft's array."""

    def pointed(name: str, value: object) -> str:
        index = INDEX(name, value)
        if index >= len(customer.addresses):
            raise errors.invalid_input(f"{name}: There is no address {index}")
        return customer.addresses[index].id

    def several(name: str, default: str | None) -> tuple[str, ...]:
        listed = optional(draft, name, values.listing) or ()
        found = [pointed(name, each) for each in listed]
        return tuple(dict.fromkeys([*found, *([default] if default else [])]))

    shipping = optional(draft, "defaultShippingAddress", pointed)
    billing = optional(draft, "defaultBillingAddress", pointed)
    return replace(
        customer,
        default_shipping_id=shipping,
        default_billing_id=billing,
        shipping_ids=several("shippingAddresses", shipping),
        billing_ids=several("billingAddresses", billing),
    )


def _set_name(name: str, *, is_told: bool) -> updates.Reader[Customer, Desk]:
    upper = name[0].upper() + name[1:]

    def read(action: Fields) -> Change:
        text = optional(action, name, values.text)

        def change(customer: Customer, desk: Desk) -> Customer:
            names = {n: v for n, v in (customer.names or {}).items() if n != name}
            if text is not None:
                names[name] = text
            if is_told and names != customer.names:
                desk.tell(f"Customer{upper}Set", **{name: text})
            return replace(customer, names=names)

        return change

    return read


def _change_email(action: Fields) -> Change:
    """Change the email, which is then unverified (`CustomerChangeEmailAction`)."""
    email = needed(action, "email", _email)

    def change(customer: Customer, desk: Desk) -> Customer:
        if email != customer.email:
            desk.tell("CustomerEmailChanged", email=email, oldEmail=customer.email)
        return replace(customer, email=email, is_email_verified=False)

    return change


def _set_external_id(action: Fields) -> Change:
    """Set the external id, which is not unique."""
    external_id = optional(action, "externalId", values.text)

    def change(customer: Customer, desk: Desk) -> Customer:
        desk.tell("CustomerExternalIdSet", externalId=external_id)
        return replace(customer, external_id=external_id)

    return change


def _set_key(action: Fields) -> Change:
    key = optional(action, "key", values.key)
    return lambda customer, _: replace(customer, key=key)


def _set_number(action: Fields) -> Change:
    """Set the number once (`CustomerSetCustomerNumberAction`; the code is a guess)."""
    number = optional(action, "customerNumber", values.text)

    def change(customer: Customer, _: Desk) -> Customer:
        if customer.customer_number not in (None, number):
            raise errors.invalid_operation("The customerNumber cannot be changed.")
        return replace(customer, customer_number=number)

    return change


def _set_authentication_mode(action: Fields) -> Change:
    """Set how the customer signs in; a password is needed to sign in with one."""
    mode = needed(action, "authMode", values.one_of(PASSWORD, EXTERNAL))
    if mode == PASSWORD and optional(action, "password", values.text) is None:
        raise errors.required_field("password")
    return lambda customer, _: replace(customer, authentication_mode=mode)


def _change_stores(
    changed: Callable[[tuple[Fields, ...], tuple[Fields, ...]], tuple[Fields, ...]],
    field: str,
) -> updates.Reader[Customer, Desk]:
    def read(action: Fields) -> Change:
        given = action.get(field)
        drafts = given if field == "stores" else [given]
        stores = _stores(values.objects(field, drafts))

        def change(customer: Customer, desk: Desk) -> Customer:
            wanted = changed(customer.stores, stores)
            if wanted != customer.stores:
                desk.tell(
                    "CustomerStoresSet",
                    stores=list(wanted),
                    oldStores=list(customer.stores),
                )
            return replace(customer, stores=wanted)

        return change

    return read


def _set_groups(action: Fields) -> Change:
    """Set the group assignments, kept as they came (ours: there are no groups)."""
    groups = tuple(optional(action, "customerGroupAssignments", values.objects) or ())
    return lambda customer, _: replace(customer, groups=groups)


def _set_custom_type(action: Fields) -> Change:
    custom = read_custom_type("customer", action)

    def change(customer: Customer, desk: Desk) -> Customer:
        wanted = custom(desk.project.types)
        tell_custom("Customer", customer.custom, wanted, desk.tell)
        return replace(customer, custom=wanted)

    return change


def _set_custom_field(action: Fields) -> Change:
    custom = read_custom_field(action)

    def change(customer: Customer, desk: Desk) -> Customer:
        wanted = custom(desk.project.types, customer.custom)
        tell_custom("Customer", customer.custom, wanted, desk.tell)
        return replace(customer, custom=wanted)

    return change


CUSTOMER_ACTIONS: dict[str, updates.Reader[Customer, Desk]] = {
    **{
        f"set{name[0].upper()}{name[1:]}": _set_name(name, is_told=is_told)
        for name, is_told in NAMES.items()
    },
    **ADDRESS_ACTIONS,
    "addStore": _change_stores(
        lambda held, given: (*held, *(each for each in given if each not in held)),
        "store",
    ),
    "changeEmail": _change_email,
    "removeStore": _change_stores(
        lambda held, given: tuple(each for each in held if each not in given), "store"
    ),
    "setAuthenticationMode": _set_authentication_mode,
    "setCustomField": _set_custom_field,
    "setCustomType": _set_custom_type,
    "setCustomerGroupAssignments": _set_groups,
    "setCustomerNumber": _set_number,
    "setExternalId": _set_external_id,
    "setKey": _set_key,
    "setStores": _change_stores(lambda _, given: given, "stores"),
}
