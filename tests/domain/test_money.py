"""Money in minor units: exact, or refused."""

from decimal import Decimal

import pytest

from streams.domain.money import MINOR_MAX, digits_of, is_currency, minor_units


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
