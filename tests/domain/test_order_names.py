"""Names of orders and of their units, and keys that commercetools takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.order_names import (
    KEY_LENGTH_MAX,
    external_id_of,
    ledger_unit,
    order_number_of,
    run_of,
    safe_key,
    split_unit_name,
    unit_name,
)


@pytest.mark.parametrize(
    ("external_id", "number", "run"),
    [
        ("W-1001", "W-1001", 1),
        ("W-1001~2", "W-1001", 2),
        ("W-1001~12", "W-1001", 12),
        ("W-1001~1", "W-1001~1", 1),
        ("W-1001~02", "W-1001~02", 1),
        ("W~2~3", "W~2", 3),
        ("W-1001~x", "W-1001~x", 1),
    ],
)
def test_a_fulfilment_orders_number_tells_the_order_and_the_run(
    external_id: str, number: str, run: int
) -> None:
    assert (order_number_of(external_id), run_of(external_id)) == (number, run)


@given(st.text(min_size=1), st.integers(1, 999_999))
def test_every_run_of_an_order_finds_its_way_back(number: str, run: int) -> None:
    if run_of(number) == 1:
        external_id = external_id_of(number, run)
        assert (order_number_of(external_id), run_of(external_id)) == (number, run)


@pytest.mark.parametrize("name", ["", "a", "#1", "a#", "a#x", "a#²", "a#-1"])
def test_a_strange_name_is_not_one_of_our_units(name: str) -> None:
    assert split_unit_name(name) is None


@given(st.text(min_size=1), st.integers(1, 9_999))
def test_a_units_name_tells_line_and_index(line_id: str, index: int) -> None:
    assert split_unit_name(unit_name(line_id, index)) == (line_id, index)


def test_the_ledger_knows_a_unit_by_its_order() -> None:
    assert ledger_unit("W-1", "li-a#1") == "W-1/li-a#1"


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        (("ns", "fr-77"), "ns-fr-77"),
        (("ret-1", "li-a#2"), "ret-1-li-a_2"),
        (("ns", "fr 1"), "ns-fr_1-da7a18e77608"),
        (("ns", "fr_1"), "ns-fr_1-a5b9c05fb90d"),
    ],
)
def test_a_key_reads_like_what_it_is_made_of(parts: tuple[str, ...], key: str) -> None:
    assert safe_key(*parts) == key


def test_a_runs_further_orders_in_newstore_are_numbered() -> None:
    assert external_id_of("W-1", 1, 2) == "W-1~1.2"
    assert external_id_of("W-1", 2, 3) == "W-1~2.3"
    for external_id, run in (("W-1~1.2", 1), ("W-1~2.3", 2)):
        assert (order_number_of(external_id), run_of(external_id)) == ("W-1", run)


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_commercetools_takes_every_key(parts: list[str]) -> None:
    key = safe_key(*parts)

    assert re.fullmatch(r"[A-Za-z0-9_-]+", key)
    assert 2 <= len(key) <= KEY_LENGTH_MAX


@given(st.text("a#_- ", max_size=4), st.text("a#_- ", max_size=4))
def test_different_names_give_different_keys(one: str, other: str) -> None:
    assert (safe_key("ns", one) == safe_key("ns", other)) == (one == other)
