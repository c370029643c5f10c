"""Reference data on the topics `locations` and `products`: bytes to values and back."""

from typing import Any, TypeVar

import msgspec

from streams.domain.reference import Location, Product, Reference
from streams.topics import LOCATIONS, PRODUCTS, Topic

VERSION = 1

R = TypeVar("R", bound=msgspec.Struct)


class UndecodableReference(Exception):
    """A reference record is not what its topic promises; the sentence says why."""


class _LocationRecord(msgspec.Struct, frozen=True, kw_only=True):
    schema_version: int
    location_id: str
    label: str = ""
    type: str = "store"
    newstore_store_id: str = ""
    newstore_node_id: str = ""
    commercetools_channel_key: str = ""
    erp_location: str = ""
    erp_damaged_location: str = ""
    timezone: str = "UTC"
    currency: str = ""
    country: str = ""
    tax_included: bool = False
    safety_stock: int = 0
    fallback_location_id: str = ""
    enabled: bool = True


class _ProductRecord(msgspec.Struct, frozen=True, kw_only=True):
    schema_version: int
    sku: str
    newstore_product_id: str = ""
    name: str = ""
    safety_stock: int | None = None
    enabled: bool = True


def encode_location(location: Location) -> bytes:
    """Write a location for the topic `locations`."""
    return _encode(location)


def encode_product(product: Product) -> bytes:
    """Write a product for the topic `products`."""
    return _encode(product)


def decode_location(value: bytes) -> Location:
    """Read a location.

    Raises:
        UndecodableReference: The bytes are not a location of a known version.
    """
    record = _decode(value, _LocationRecord)
    return Location(**_without_version(record))


def decode_product(value: bytes) -> Product:
    """Read a product.

    Raises:
        UndecodableReference: The bytes are not a product of a known version.
    """
    record = _decode(value, _ProductRecord)
    return Product(**_without_version(record))


def apply_reference_record(
    reference: Reference, topic: Topic, key: bytes | None, value: bytes | None
) -> bool:
    """Follow one record of a reference topic; say whether it changed anything.

    Raises:
        UndecodableReference: The record is not what its topic promises; nothing has
            changed then.
    """
    if topic not in (LOCATIONS, PRODUCTS):
        raise UndecodableReference(f"{topic.name} does not hold reference data.")
    name = _name(topic, key)
    if not value:
        known = name in (
            reference.locations if topic is LOCATIONS else reference.products
        )
        if topic is LOCATIONS:
            reference.drop_location(name)
        else:
            reference.drop_product(name)
        return known
    if topic is LOCATIONS:
        location = decode_location(value)
        _check_key(topic, name, location.location_id)
        if reference.locations.get(name) == location:
            return False
        reference.put_location(location)
        return True
    product = decode_product(value)
    _check_key(topic, name, product.sku)
    if reference.products.get(name) == product:
        return False
    reference.put_product(product)
    return True


def _name(topic: Topic, key: bytes | None) -> str:
    try:
        name = (key or b"").decode()
    except UnicodeDecodeError:
        name = ""
    if not name:
        raise UndecodableReference(f"A record of {topic.name} has no key.")
    return name


def _check_key(topic: Topic, key: str, named: str) -> None:
    if key != named:
        raise UndecodableReference(
            f'A record of {topic.name} has the key "{key}" but is about "{named}".'
        )


def _encode(value: Location | Product) -> bytes:
    return msgspec.json.encode(
        {"schema_version": VERSION, **msgspec.to_builtins(value)}
    )


def _decode(value: bytes, kind: type[R]) -> R:
    try:
        record = msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableReference(f"A reference record is broken: {error}.") from error
    version = getattr(record, "schema_version", None)
    if version != VERSION:
        raise UndecodableReference(
            f"A reference record has schema version {version}, this worker reads "
            f"{VERSION}. Upgrade the worker."
        )
    return record


def _without_version(record: msgspec.Struct) -> dict[str, Any]:
    fields = msgspec.structs.asdict(record)
    del fields["schema_version"]
    return fields
