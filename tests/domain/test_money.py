"""Money in minor units: exact, or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.money import (
    MINOR_MAX,
    digits_of,
    divide,
    is_currency,
    minor_units,
)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("45.00", "GBP", 4500),
        ("45", "GBP", 4500),
        ("0.1", "EUR", 10),
        ("1e1", "EUR", 1000),
        ("-3.20", "EUR", -320),
        ("1200", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("0.0001", "CLF", 1),
        ("0", "GBP", 0),
        ("0.00", "JPY", 0),
    ],
)
def test_an_amount_becomes_whole_minor_units(
    amount: str, currency: str, minor: int
) -> None:
    assert minor_units(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("45.001", "GBP"),
        ("0.5", "JPY"),
        ("NaN", "GBP"),
        ("Infinity", "GBP"),
        ("1e400", "GBP"),
        ("1e-400", "GBP"),
        ("0.1000000000000000055511151231257827021181583404541015625", "GBP"),
    ],
)
def test_what_would_have_to_be_rounded_is_no_amount(amount: str, currency: str) -> None:
    assert minor_units(Decimal(amount), currency) is None


def test_the_largest_amount_is_one_and_more_is_none() -> None:
    assert minor_units(Decimal(MINOR_MAX).scaleb(-2), "GBP") == MINOR_MAX
    assert minor_units(Decimal(MINOR_MAX + 1).scaleb(-2), "GBP") is None


def test_a_currency_is_three_capital_letters() -> None:
    assert [
        is_currency(code) for code in ("GBP", "gbp", "GB", "GBPP", "G1P", "ГБП")
    ] == [
        True,
        *[False] * 5,
    ]
    assert (digits_of("GBP"), digits_of("JPY"), digits_of("BHD")) == (2, 0, 3)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [1, 1], [1, 0]),
        (0, [3, 4], [0, 0]),
        (10, [0, 0], [5, 5]),
        (10, [0, 1], [0, 10]),
        (7, [2, 5, 0], [2, 5, 0]),
        (-100, [1, 1, 1], [-33, -33, -34]),
        (5, [], []),
    ],
)
def test_an_amount_is_divided_by_largest_remainder(
    total: int, weights: list[int], parts: list[int]
) -> None:
    assert divide(total, weights) == parts


def test_no_part_weighs_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="below zero"):
        divide(10, [1, -1])


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1))
def test_parts_add_up_and_are_fair_to_within_one(
    total: int, weights: list[int]
) -> None:
    parts = divide(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = total * weight / whole if whole else total / len(weights)
        assert abs(part - exact) < 1.001
