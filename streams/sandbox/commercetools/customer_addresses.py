"""The addresses of customers: what they are for, by id or by key.

Source: API spec, `types/common/BaseAddress`, `types/customer/updates/*Address*`.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.customers import Address, Customer
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.finding import Finder, read_finder
from streams.sandbox.commercetools.values import Fields, needed, optional

Change = updates.Change[Customer, Desk]
Use = Literal["shipping", "billing"]


def read_address(draft: Fields, address_id: str) -> Address:
    """Read a BaseAddress: a country is needed, everything else is kept."""
    needed(draft, "country", values.text)
    optional(draft, "key", values.key)
    return Address(address_id, {n: v for n, v in draft.items() if n != "id"})


def check_address_keys(addresses: Iterable[Address]) -> None:
    """Refuse two addresses with one key (`BaseAddress.key`; the code is a guess)."""
    seen: set[str] = set()
    for address in addresses:
        if address.key is None:
            continue
        if address.key in seen:
            raise errors.duplicate_field("addresses.key", address.key)
        seen.add(address.key)


def _roles(customer: Customer, address_id: str) -> list[str]:
    """Return what an address is used for (`AddressRole`)."""
    shipping = ["Shipping"] if address_id in customer.shipping_ids else []
    return shipping + (["Billing"] if address_id in customer.billing_ids else [])


def _add(action: Fields) -> Change:
    draft = needed(action, "address", values.mapping)

    def change(customer: Customer, desk: Desk) -> Customer:
        address = read_address(draft, desk.new_id())
        addresses = (*customer.addresses, address)
        check_address_keys(addresses)
        desk.tell("CustomerAddressAdded", address=address.body())
        return replace(customer, addresses=addresses)

    return change


def _change(action: Fields) -> Change:
    """Replace an address whole: what is not sent again is gone, its key, too."""
    find: Finder[Address] = read_finder(action, "address")
    draft = needed(action, "address", values.mapping)

    def change(customer: Customer, desk: Desk) -> Customer:
        held = find(customer.addresses)
        address = read_address(draft, held.id)
        addresses = tuple(
            address if each is held else each for each in customer.addresses
        )
        check_address_keys(addresses)
        desk.tell(
            "CustomerAddressChanged",
            address=address.body(),
            addressRoles=_roles(customer, held.id),
        )
        return replace(customer, addresses=addresses)

    return change


def _remove(action: Fields) -> Change:
    """Remove an address, and with it what it was used for."""
    find: Finder[Address] = read_finder(action, "address")

    def change(customer: Customer, desk: Desk) -> Customer:
        held = find(customer.addresses)
        desk.tell(
            "CustomerAddressRemoved",
            address=held.body(),
            addressRoles=_roles(customer, held.id),
        )
        rest = tuple(each for each in customer.addresses if each is not held)
        customer = _without(_without(customer, "shipping", held), "billing", held)
        return replace(customer, addresses=rest)

    return change


def _used(customer: Customer, use: Use) -> tuple[tuple[str, ...], str | None]:
    if use == "shipping":
        return customer.shipping_ids, customer.default_shipping_id
    return customer.billing_ids, customer.default_billing_id


def _using(
    customer: Customer, use: Use, ids: tuple[str, ...], default: str | None
) -> Customer:
    if use == "shipping":
        return replace(customer, shipping_ids=ids, default_shipping_id=default)
    return replace(customer, billing_ids=ids, default_billing_id=default)


def _with(customer: Customer, use: Use, address: Address) -> Customer:
    ids, default = _used(customer, use)
    return _using(customer, use, tuple(dict.fromkeys((*ids, address.id))), default)


def _without(customer: Customer, use: Use, address: Address) -> Customer:
    ids, default = _used(customer, use)
    rest = tuple(each for each in ids if each != address.id)
    return _using(customer, use, rest, None if default == address.id else default)


def _role(
    use: Use, changed: Callable[[Customer, Use, Address], Customer], what: str
) -> updates.Reader[Customer, Desk]:
    def read(action: Fields) -> Change:
        find: Finder[Address] = read_finder(action, "address")

        def change(customer: Customer, desk: Desk) -> Customer:
            address = find(customer.addresses)
            done = changed(customer, use, address)
            if done != customer:
                name = f"Customer{use.capitalize()}Address{what}"
                desk.tell(name, address=address.body())
            return done

        return change

    return read


def _set_default(use: Use) -> updates.Reader[Customer, Desk]:
    """Set or remove the default, which is then among the addresses of its use.

    Source: API spec, `CustomerSetDefaultShippingAddressAction`.
    """

    def read(action: Fields) -> Change:
        names = ("addressId", "addressKey")
        is_named = any(action.get(name) is not None for name in names)
        find: Finder[Address] | None = None
        if is_named:
            find = read_finder(action, "address")

        def change(customer: Customer, desk: Desk) -> Customer:
            address = None if find is None else find(customer.addresses)
            desk.tell(
                f"CustomerDefault{use.capitalize()}AddressSet",
                address=None if address is None else address.body(),
            )
            if address is None:
                return _using(customer, use, _used(customer, use)[0], None)
            customer = _with(customer, use, address)
            return _using(customer, use, _used(customer, use)[0], address.id)

        return change

    return read


ADDRESS_ACTIONS: dict[str, updates.Reader[Customer, Desk]] = {
    "addAddress": _add,
    "addBillingAddressId": _role("billing", _with, "Added"),
    "addShippingAddressId": _role("shipping", _with, "Added"),
    "changeAddress": _change,
    "removeAddress": _remove,
    "removeBillingAddressId": _role("billing", _without, "Removed"),
    "removeShippingAddressId": _role("shipping", _without, "Removed"),
    "setDefaultBillingAddress": _set_default("billing"),
    "setDefaultShippingAddress": _set_default("shipping"),
}
