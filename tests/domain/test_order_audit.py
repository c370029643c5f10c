"""Orders against stock: what is wrong is found, what is right is let be."""

from datetime import UTC, datetime

from streams.domain.order_audit import (
    order_faults,
    reservation_faults,
    reserved_by_units,
)
from streams.domain.order_record import (
    Commerce,
    DeliveredUnit,
    Delivery,
    Line,
    Order,
)
from streams.domain.units import Unit

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HERE, THERE = "LDN01", "LDN02"
RESERVED_HERE = Unit(rank=0, step=2, location_id=HERE)


def order(**changes: object) -> Order:
    plain = Order(
        number="W-1",
        commerce=Commerce("c-1", placed_version=1, placed_at=NOON),
        lines={"a": Line("TEE", 1, 1)},
        places={"a#1": HERE},
    )
    return plain._replace(**changes)  # type: ignore[arg-type]  # fields by name


def test_reserved_is_what_units_stand_for_whatever_their_other_names() -> None:
    units = {
        ("TEE", "W-1/a#1"): RESERVED_HERE,
        ("TEE", "ns-1"): Unit(same_as="W-1/a#1"),
        ("TEE", "W-2/a#1"): RESERVED_HERE._replace(gone=True),
    }

    assert reserved_by_units(units) == {("TEE", HERE): 1}
    assert reservation_faults({("TEE", HERE): 1}, units) == []


def test_a_reservation_for_nobody_and_a_unit_without_one_are_found() -> None:
    units = {("TEE", "W-1/a#1"): RESERVED_HERE}

    assert reservation_faults({("TEE", THERE): 2}, units) == [
        "TEE|LDN01: 0 reserved, 1 units stand there",
        "TEE|LDN02: 2 reserved, 0 units stand there",
    ]


def test_an_order_whose_unit_stands_where_it_was_placed_is_right() -> None:
    assert order_faults(order(), {("TEE", "W-1/a#1"): RESERVED_HERE}) == []


def test_a_unit_that_never_had_a_place_need_not_be_known_to_the_ledger() -> None:
    assert order_faults(order(places={}), {}) == []


def test_the_ledger_may_have_forgotten_what_is_no_longer_to_be_reserved() -> None:
    cancelled = Commerce("c-1", placed_version=1, placed_at=NOON, cancelled_version=2)

    assert order_faults(order(commerce=cancelled), {}) == []


def test_a_unit_that_the_ledger_does_not_know_is_found() -> None:
    assert order_faults(order(), {}) == ["order W-1: the ledger does not know unit a#1"]


def test_a_unit_reserved_elsewhere_is_found() -> None:
    units = {("TEE", "W-1/a#1"): RESERVED_HERE._replace(location_id=THERE)}

    assert order_faults(order(), units) == [
        "order W-1: unit a#1 is at LDN01, its reservation at LDN02"
    ]


def test_a_cancelled_unit_that_is_still_reserved_is_found() -> None:
    commerce = Commerce(
        "c-1", placed_version=1, placed_at=NOON, version=2, cancelled_version=2
    )

    faults = order_faults(order(commerce=commerce), {("TEE", "W-1/a#1"): RESERVED_HERE})

    assert faults == ["order W-1: unit a#1 is cancelled and still reserved at LDN01"]


def test_a_unit_in_two_deliveries_is_found() -> None:
    unit = (DeliveredUnit("a#1"),)
    twice = (Delivery("ns-1", "1", unit), Delivery("ns-2", "2", unit))

    faults = order_faults(order(deliveries=twice), {("TEE", "W-1/a#1"): RESERVED_HERE})

    assert faults == ["order W-1: unit a#1 is in 2 deliveries"]


def test_an_order_that_is_known_to_newstore_alone_has_nothing_to_compare() -> None:
    assert order_faults(Order(number="S-1"), {}) == []
