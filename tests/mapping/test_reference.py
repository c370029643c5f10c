"""Reference data on its topics."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas.reference
from streams.domain.reference import Location, Product, Reference
from streams.mapping.reference import (
    UndecodableReference,
    apply_reference_record,
    decode_location,
    decode_product,
    encode_location,
    encode_product,
)
from streams.topics import LOCATIONS, PRODUCTS, STOCK_LEVELS, Topic

LONDON = Location(
    location_id="LDN01",
    label="London, Carnaby Street",
    type="store",
    newstore_store_id="7d1e",
    newstore_node_id="NODE-L1",
    commercetools_channel_key="ldn01",
    erp_location="100",
    erp_damaged_location="100D",
    timezone="Europe/London",
    currency="GBP",
    country="GB",
    tax_included=True,
    safety_stock=2,
    fallback_location_id="DC01",
    enabled=False,
)
TEE = Product(
    sku="TEE-BLK-M",
    newstore_product_id="NS-100",
    name="T-shirt, black, M",
    safety_stock=3,
    enabled=False,
)

TEXT = st.text(max_size=10)


@given(
    st.builds(
        Location, location_id=TEXT, label=TEXT, safety_stock=st.integers(0, 1_000_000)
    )
)
def test_a_location_is_read_back_as_it_was_written(location: Location) -> None:
    assert decode_location(encode_location(location)) == location


@given(
    st.builds(
        Product,
        sku=TEXT,
        newstore_product_id=TEXT,
        safety_stock=st.none() | st.integers(0, 1_000_000),
        enabled=st.booleans(),
    )
)
def test_a_product_is_read_back_as_it_was_written(product: Product) -> None:
    assert decode_product(encode_product(product)) == product


def test_every_field_of_a_location_travels() -> None:
    assert decode_location(encode_location(LONDON)) == LONDON


def test_every_field_of_a_product_travels() -> None:
    assert decode_product(encode_product(TEE)) == TEE


def test_what_is_written_fits_the_documented_models() -> None:
    location = schemas.reference.Location.model_validate_json(encode_location(LONDON))
    product = schemas.reference.Product.model_validate_json(encode_product(TEE))
    assert location.model_dump(exclude={"schema_version"}) == msgspec.to_builtins(
        LONDON
    )
    assert product.model_dump(exclude={"schema_version"}) == msgspec.to_builtins(TEE)


def test_the_models_defaults_are_the_values_defaults() -> None:
    location = schemas.reference.Location(location_id="A")
    product = schemas.reference.Product(sku="A")
    assert decode_location(location.model_dump_json().encode()) == Location(
        location_id="A"
    )
    assert decode_product(product.model_dump_json().encode()) == Product(sku="A")


def test_fields_left_out_have_their_defaults() -> None:
    assert decode_location(b'{"schema_version":1,"location_id":"A"}') == Location(
        location_id="A"
    )


def test_a_location_is_followed() -> None:
    reference = Reference()
    assert apply_reference_record(
        reference, LOCATIONS, b"LDN01", encode_location(LONDON)
    )
    assert reference.location("NODE-L1") == LONDON


def test_a_product_is_followed() -> None:
    reference = Reference()
    assert apply_reference_record(
        reference, PRODUCTS, b"TEE-BLK-M", encode_product(TEE)
    )
    assert reference.sku("NS-100") == "TEE-BLK-M"


@pytest.mark.parametrize(
    ("topic", "key", "value"),
    [
        (LOCATIONS, b"LDN01", encode_location(LONDON)),
        (PRODUCTS, b"TEE-BLK-M", encode_product(TEE)),
    ],
)
def test_a_record_that_says_nothing_new_changes_nothing(
    topic: Topic, key: bytes, value: bytes
) -> None:
    reference = Reference()
    apply_reference_record(reference, topic, key, value)
    version = reference.version
    assert not apply_reference_record(reference, topic, key, value)
    assert reference.version == version


@pytest.mark.parametrize("nothing", [None, b""])
@pytest.mark.parametrize(
    ("topic", "key", "value"),
    [
        (LOCATIONS, b"LDN01", encode_location(LONDON)),
        (PRODUCTS, b"TEE-BLK-M", encode_product(TEE)),
    ],
)
def test_a_record_without_a_value_drops_what_it_names(
    topic: Topic, key: bytes, value: bytes, nothing: bytes | None
) -> None:
    reference = Reference()
    apply_reference_record(reference, topic, key, value)
    assert apply_reference_record(reference, topic, key, nothing)
    assert not reference.locations
    assert not reference.products
    assert not apply_reference_record(reference, topic, key, nothing)


def test_a_changed_location_gives_up_its_old_names() -> None:
    reference = Reference()
    apply_reference_record(reference, LOCATIONS, b"LDN01", encode_location(LONDON))
    moved = Location(location_id="LDN01", newstore_node_id="NODE-L2")
    assert apply_reference_record(
        reference, LOCATIONS, b"LDN01", encode_location(moved)
    )
    assert reference.location("NODE-L1") is None
    assert reference.location("NODE-L2") == moved


@pytest.mark.parametrize(
    ("topic", "key", "value", "sentence"),
    [
        (
            STOCK_LEVELS,
            b"A",
            b"{}",
            "stock-levels does not hold reference data.",
        ),
        (LOCATIONS, None, encode_location(LONDON), "A record of locations has no key."),
        (PRODUCTS, b"", None, "A record of products has no key."),
        (LOCATIONS, b"\xff", None, "A record of locations has no key."),
        (
            LOCATIONS,
            b"LDN02",
            encode_location(LONDON),
            'A record of locations has the key "LDN02" but is about "LDN01".',
        ),
        (
            PRODUCTS,
            b"MUG",
            encode_product(TEE),
            'A record of products has the key "MUG" but is about "TEE-BLK-M".',
        ),
        (
            LOCATIONS,
            b"A",
            b'{"schema_version":2,"location_id":"A"}',
            (
                "A reference record has schema version 2, this worker reads 1. Upgrade "
                "the worker."
            ),
        ),
    ],
)
def test_a_record_that_cannot_be_followed_is_told(
    topic: Topic, key: bytes | None, value: bytes | None, sentence: str
) -> None:
    reference = Reference()
    with pytest.raises(UndecodableReference) as told:
        apply_reference_record(reference, topic, key, value)
    assert str(told.value) == sentence
    assert reference.version == 0


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"[]",
        b'{"location_id":"A"}',
        b'{"schema_version":1}',
        b'{"schema_version":1,"location_id":7}',
        b'{"schema_version":1,"location_id":"A","enabled":"yes"}',
        b'{"schema_version":1,"location_id":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_broken_record_changes_nothing(value: bytes) -> None:
    reference = Reference()
    with pytest.raises(UndecodableReference, match=r"^A reference record is broken: "):
        apply_reference_record(reference, LOCATIONS, b"A", value)
    assert reference.version == 0
