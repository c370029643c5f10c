"""The oracle adds facts up in the order of the world."""

from streams.simulation.truth import Expected, Told, Truth

ROW = ("TEE", "LDN00")


def test_without_a_count_all_that_moved_adds_up() -> None:
    truth = Truth()
    truth.move(ROW, 10, +5)
    truth.move(ROW, 20, -2)
    assert truth.expected(ROW) == Expected(3, 0, 0, 0, 0)


def test_a_count_has_seen_what_moved_before_it_or_with_it() -> None:
    truth = Truth()
    truth.move(ROW, 10, +5)
    truth.move(ROW, 20, -1)
    truth.move(ROW, 21, -1)
    truth.found[ROW].append((20, 9))
    assert truth.expected(ROW).main == 8


def test_the_last_count_decides_and_of_two_at_once_the_higher() -> None:
    truth = Truth()
    truth.found[ROW] += [(20, 9), (30, 4), (30, 6)]
    assert truth.expected(ROW).main == 6


def test_reserved_units_are_on_the_shelf_but_not_free() -> None:
    truth = Truth()
    truth.found[ROW].append((20, 9))
    truth.reserved[ROW] += 2
    assert truth.expected(ROW) == Expected(7, 2, 0, 0, 0)


def told(*names: str, at: str = ROW[1], **units: int) -> Told:
    return Told(names, ROW[0], at, **units)


def test_what_was_announced_and_not_received_is_on_its_way() -> None:
    truth = Truth()
    truth.told += [told("asn:1", announced=5), told("asn:1", received=3)]
    truth.told += [told("asn:2", announced=1), told("asn:2", received=4)]
    assert truth.expected(ROW).in_transit == 2


def test_documents_are_of_one_consignment_by_any_of_their_names() -> None:
    truth = Truth()
    truth.told += [
        told("asn:1", at="DC", sent=5),
        told("order:7", received=2),
        told("asn:2", "shipment:9", at="DC", sent=1),
        told("asn:1", "order:7", received=1),
    ]
    whole, other = sorted(truth.consignments(ROW[0]), key=lambda one: -one.under_way)
    assert (whole.names, whole.under_way) == ({"asn:1", "order:7"}, 2)
    assert (other.names, other.under_way) == ({"asn:2", "shipment:9"}, 1)
    assert truth.consignments("MUG") == []


def test_more_than_was_sent_is_a_surplus() -> None:
    truth = Truth()
    truth.told += [told("asn:1", at="DC", sent=5), told("asn:1", received=7)]
    (whole,) = truth.consignments(ROW[0])
    assert (whole.under_way, whole.surplus) == (0, 2)


def test_what_strays_is_missed_where_it_was_announced() -> None:
    truth = Truth()
    truth.told += [
        told("asn:1", at="DC", sent=6),
        told("asn:1", announced=5),
        told("asn:1", at="LDN01", received=3),
    ]
    assert truth.expected(ROW).in_transit == 3
    assert truth.expected((ROW[0], "LDN01")).in_transit == 0
