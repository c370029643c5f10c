"""Money as whole minor units: how many digits a currency has, and nothing rounded."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

MINOR_MAX = 10**15
"""No order is worth more; a larger amount is a typing error, not money."""

PLACES_MAX = 40
"""Digits of an amount as written; more are not looked at, so that none costs much."""

DIGITS_USUAL = 2

DIGITS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
            *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""ISO 4217: currencies that have other than two digits after the point."""


def digits_of(currency: str) -> int:
    """Return how many digits after the point a currency has."""
    return DIGITS.get(currency, DIGITS_USUAL)


def is_currency(code: str) -> bool:
    """Say whether this could be a currency: three capital letters (ISO 4217)."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def minor_units(amount: Decimal, currency: str) -> int | None:
    """Return an amount in minor units; None if it is no such amount of the currency.

    Nothing is rounded: an amount with more digits than the currency has is a mistake
    that somebody made before us.
    """
    if not amount.is_finite() or not -PLACES_MAX <= amount.adjusted() <= PLACES_MAX:
        return None
    if len(amount.as_tuple().digits) > PLACES_MAX:
        return None
    numerator, denominator = amount.as_integer_ratio()
    minor, rest = divmod(numerator * 10 ** digits_of(currency), denominator)
    return None if rest or abs(minor) > MINOR_MAX else minor


def divide(total: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights so that the parts add up to it, none rounded twice.

    By largest remainder; among equals the first get more. Without any weight all parts
    weigh the same.
    """
    if not weights:
        return []
    if min(weights) < 0:
        raise ValueError(f"a weight is below zero: {weights}")
    whole = sum(weights) or len(weights)
    shares = [total * weight for weight in (weights if any(weights) else [1] * whole)]
    parts = [share // whole for share in shares]
    remainders = [share % whole for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-remainders[i], i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
