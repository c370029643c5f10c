"""The rows of events that wait for a name."""

from hypothesis import example, given
from hypothesis import strategies as st

from streams.domain.reference import Location, Product, Reference
from streams.mapping.pos_sheet import Name, OpenLine
from streams.mapping.waiting import (
    WaitingEvent,
    after_name,
    decode_waiting,
    event_key,
    name_key,
    name_prefix,
    parse_name_key,
)

# Mostly of the characters that mark the end of a name in a key.
TEXT = st.text("A\x00\x01\x02\xff", min_size=1, max_size=4) | st.text(min_size=1)
NAMES = st.builds(Name, st.sampled_from(["location", "sku"]), TEXT)
OFFSETS = st.integers(min_value=0, max_value=2**63 - 1)

EVENT = WaitingEvent(
    topic="newstore-events",
    partition=3,
    offset=41,
    timestamp=1_740_823_200_000,
    key=b"order-1",
    value=b"{not even json",
    headers=[("traceparent", b"00-1-2-00"), ("odd", b"\xff")],
)


def open_line(line: int, *names: Name) -> OpenLine:
    return OpenLine(line, names, ())


@given(NAMES, OFFSETS)
def test_a_name_and_an_offset_are_read_back_from_their_key(
    name: Name, offset: int
) -> None:
    assert parse_name_key(name_key(name, offset)) == (name, offset)


@given(NAMES, NAMES, OFFSETS)
def test_the_rows_of_a_name_are_its_own(name: Name, other: Name, offset: int) -> None:
    key = name_key(other, offset)
    assert key.startswith(name_prefix(name)) is (name == other)
    inside = name_prefix(name) <= key < after_name(name)
    assert inside is (name == other)


@example(Name("sku", "A"), "\x00\x01B", 0)
@example(Name("sku", "A"), "\x00", 0)
@given(NAMES, TEXT, OFFSETS)
def test_a_name_that_goes_on_where_another_ends_has_rows_of_its_own(
    name: Name, more: str, offset: int
) -> None:
    key = name_key(Name(name.kind, name.name + more), offset)
    assert not key.startswith(name_prefix(name))
    assert not name_prefix(name) <= key < after_name(name)


@given(NAMES, st.lists(OFFSETS, min_size=2))
def test_the_rows_of_a_name_are_in_the_order_of_offsets(
    name: Name, offsets: list[int]
) -> None:
    keys = sorted(name_key(name, offset) for offset in offsets)
    assert [parse_name_key(key)[1] for key in keys] == sorted(offsets)


def test_an_event_without_open_lines_has_no_rows() -> None:
    assert EVENT.rows() == {}
    assert EVENT.with_open([]).rows() == {}


def test_an_event_has_one_row_and_one_lead_for_each_name() -> None:
    sku, place = Name("sku", "NEW"), Name("location", "X")
    waits = EVENT.with_open([open_line(0, sku), open_line(2, sku, place)])
    rows = waits.rows()
    assert set(rows) == {event_key(41), name_key(sku, 41), name_key(place, 41)}
    assert decode_waiting(rows[event_key(41)]) == waits


def test_an_event_is_read_back_with_its_own_bytes() -> None:
    waits = EVENT.with_open([open_line(1, Name("sku", "NEW"))])
    again = decode_waiting(waits.rows()[event_key(41)])
    assert (again.key, again.value) == (EVENT.key, EVENT.value)
    assert [tuple(header) for header in again.headers] == EVENT.headers
    assert (again.topic, again.partition, again.offset) == ("newstore-events", 3, 41)
    assert again.timestamp == EVENT.timestamp
    assert again.lines == (1,)


def test_an_event_expects_only_the_names_it_waits_for() -> None:
    sku, other = Name("sku", "NEW"), Name("sku", "NEWER")
    waits = EVENT.with_open([open_line(0, sku)])
    assert waits.expects(open_line(5, sku))
    assert not waits.expects(open_line(0, sku, other))


def test_a_name_is_known_in_its_own_kind_only() -> None:
    reference = Reference()
    reference.put_product(Product(sku="A", newstore_product_id="P"))
    reference.put_location(Location(location_id="L", newstore_node_id="N"))
    assert [Name("sku", name).is_known(reference) for name in "APLN"] == [
        True,
        True,
        False,
        False,
    ]
    assert [Name("location", name).is_known(reference) for name in "APLN"] == [
        False,
        False,
        True,
        True,
    ]
