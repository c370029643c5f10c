"""The oracle adds facts up in the order of the world."""

from streams.simulation.truth import Expected, Truth

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


def test_what_was_announced_and_not_received_is_on_its_way() -> None:
    truth = Truth()
    truth.announced["asn-1", *ROW] += 5
    truth.received["asn-1", *ROW] += 3
    truth.announced["asn-2", *ROW] += 1
    truth.received["asn-2", *ROW] += 4
    assert truth.expected(ROW).in_transit == 2
