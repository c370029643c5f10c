"""NewStore's requests and answers on the wire, as far as sourcing needs them.

Pure. Fields: NewStore developer documentation, "Availabilities", "Order Injection API",
"External Orders API", "Fulfillment Provider API".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

ATP_KEYS_MAX: Final = 2000
"""So many keys in one question, at least one (Availabilities API)."""

INJECTED_OTHERWISE: Final = "same_order_injection_with_different_data"


class AtpKey(NamedTuple):
    """A product at a fulfilment node, in NewStore's names."""

    product_id: str
    fulfillment_node_id: str


class _AtpItem(msgspec.Struct, frozen=True):
    product_id: str
    fulfillment_node_id: str
    atp: float | None = None


class AtpWire(msgspec.Struct, frozen=True):
    items: list[_AtpItem] = []

    def numbers(self) -> dict[AtpKey, int]:
        """Return the numbers that were given; a key may be left out."""
        return {
            AtpKey(item.product_id, item.fulfillment_node_id): int(item.atp)
            for item in self.items
            if item.atp is not None
        }


class _AttributeWire(msgspec.Struct, frozen=True):
    name: str = ""
    value: str | None = None


class InjectedItemWire(msgspec.Struct, frozen=True):
    """One unit; look-ups call its uuid `item_id`, injections `id`."""

    id: str = ""
    item_id: str = ""
    product_id: str = ""
    external_item_id: str | None = None
    extended_attributes: list[_AttributeWire] = []

    @property
    def uuid(self) -> str:
        return self.id or self.item_id

    @property
    def unit(self) -> str:
        """Return our name of the unit, where the answer repeats it."""
        if self.external_item_id:
            return self.external_item_id
        named = {a.name: a.value for a in self.extended_attributes}
        return named.get("external_item_id") or ""


class InjectedWire(msgspec.Struct, frozen=True):
    """The answer to an injection."""

    id: str
    external_id: str = ""
    items: list[InjectedItemWire] = []


class ExternalOrderWire(msgspec.Struct, frozen=True):
    """An order looked up by its public number."""

    order_uuid: str = ""
    order_id: str = ""
    external_order_id: str = ""
    items: list[InjectedItemWire] = []

    @property
    def uuid(self) -> str:
        return self.order_uuid or self.order_id


class RequestItemWire(msgspec.Struct, frozen=True):
    item_id: str = ""
    product_id: str = ""
    status: str = ""


class RequestWire(msgspec.Struct, frozen=True):
    """A fulfilment request of an order."""

    id: str
    fulfillment_node_id: str = ""
    line_items: list[RequestItemWire] = []


class RequestsWire(msgspec.Struct, frozen=True):
    fulfillment_requests: list[RequestWire] = []


class NoContent(msgspec.Struct, frozen=True):
    """An answer of which nothing is read."""


def atp_query(keys: Iterable[AtpKey]) -> bytes:
    """Ask what can be promised of these products at these nodes."""
    return msgspec.json.encode(
        {"atp_keys": [dict(zip(AtpKey._fields, key, strict=True)) for key in keys]}
    )


def rejection(item_ids: Sequence[str], reason: str) -> Mapping[str, object]:
    """Send units of a fulfilment request back, so that they go elsewhere."""
    return {"missing_items": [{"item_ids": list(item_ids), "reason": reason}]}


def ties_of(
    items: Iterable[InjectedItemWire], products: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Pair our units with NewStore's uuids.

    By our name where it is repeated, else by product: units of one product are alike.

    Args:
        products: Product id by unit.
    """
    left = dict(products)
    pairs: dict[str, str] = {}
    nameless = []
    for item in items:
        if item.unit in left:
            pairs[item.unit] = item.uuid
            del left[item.unit]
        else:
            nameless.append(item)
    for item in nameless:
        unit = next((u for u, p in left.items() if p == item.product_id), None)
        if unit is not None and not item.unit:
            pairs[unit] = item.uuid
            del left[unit]
    return tuple(sorted(pairs.items()))
