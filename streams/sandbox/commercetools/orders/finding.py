"""Finding the part of an order that an action names, by id or by key.

"Either … or … is required": neither and both are `InvalidInput`, an unknown one is
`InvalidOperation`. Both codes are guesses.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.orders.model import (
    Delivery,
    Order,
    OrderLine,
    Parcel,
    ReturnItem,
    Shipping,
)
from streams.sandbox.commercetools.values import Fields, optional


class Part(Protocol):
    """Something with an id and perhaps a key."""

    @property
    def id(self) -> str: ...
    @property
    def key(self) -> str | None: ...


P = TypeVar("P", bound=Part)
Finder = Callable[[Iterable[P]], P]


def read_finder(action: Fields, name: str) -> Finder[P]:
    """Read `{name}Id` or `{name}Key`; the finder returns the part that fits."""
    by_id = optional(action, f"{name}Id", values.text)
    by_key = optional(action, f"{name}Key", values.text)
    if (by_id is None) == (by_key is None):
        raise errors.invalid_input(f"Either '{name}Id' or '{name}Key' is required.")

    def find(parts: Iterable[P]) -> P:
        for part in parts:
            if by_id == part.id if by_id is not None else by_key == part.key:
                return part
        raise errors.invalid_operation(
            f"The {name} with {'id' if by_id else 'key'} '{by_id or by_key}' was not "
            "found."
        )

    return find


def line_finder(action: Fields) -> Callable[[Order], OrderLine]:
    """Read which line item an action is about."""
    find: Finder[OrderLine] = read_finder(action, "lineItem")
    return lambda order: find(order.lines)


def delivery_finder(action: Fields) -> Callable[[Order], tuple[Shipping, Delivery]]:
    """Read which delivery an action is about."""
    find: Finder[Delivery] = read_finder(action, "delivery")

    def pick(order: Order) -> tuple[Shipping, Delivery]:
        pairs = list(order.deliveries())
        wanted = find(delivery for _, delivery in pairs)
        return next(pair for pair in pairs if pair[1] is wanted)

    return pick


def parcel_finder(
    action: Fields,
) -> Callable[[Order], tuple[Shipping, Delivery, Parcel]]:
    """Read which parcel an action is about."""
    find: Finder[Parcel] = read_finder(action, "parcel")

    def pick(order: Order) -> tuple[Shipping, Delivery, Parcel]:
        found = [
            (shipping, delivery, parcel)
            for shipping, delivery in order.deliveries()
            for parcel in delivery.parcels
        ]
        wanted = find(parcel for _, _, parcel in found)
        return next(each for each in found if each[2] is wanted)

    return pick


def return_item_finder(action: Fields) -> Callable[[Order], ReturnItem]:
    """Read which return item an action is about."""
    find: Finder[ReturnItem] = read_finder(action, "returnItem")
    return lambda order: find(order.return_items())


def check_keys(order: Order) -> None:
    """Refuse a key used twice among deliveries, parcels or return items.

    Source: API spec, `Delivery.key`, `Parcel.key`, `ReturnItem.key`: unique in the
    order. That a repeat is `DuplicateField`, and the field's name, are guesses.
    """
    deliveries = [delivery for _, delivery in order.deliveries()]
    parcels = [parcel for delivery in deliveries for parcel in delivery.parcels]
    _check_unique("deliveryKey", deliveries)
    _check_unique("parcelKey", parcels)
    _check_unique("returnItemKey", order.return_items())


def _check_unique(field: str, parts: Iterable[Part]) -> None:
    seen: set[str] = set()
    for part in parts:
        if part.key is None:
            continue
        if part.key in seen:
            raise errors.duplicate_field(field, part.key)
        seen.add(part.key)
