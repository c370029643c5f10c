"""Amounts: exact, in major units, with no more decimals than their currency has.

Source: Order Injection API, notes ("correct number of decimal places").
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from streams.sandbox.newstore.errors import ApiError

# ISO 4217: currencies whose minor unit is not the hundredth.
DECIMALS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}
ZERO = Decimal(0)


def smallest(currency: str) -> Decimal:
    """Return a currency's smallest amount."""
    return Decimal(1).scaleb(-DECIMALS.get(currency, 2))


def exact(name: str, amount: Decimal, currency: str) -> Decimal:
    """Return an amount with its currency's decimals; refuse one that has more.

    Trailing zeros count for nothing: 50.0 is an amount in yen.
    """
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 12:
        raise ApiError(400, "invalid_amount", f"{name}: {amount} is no amount.")
    rounded = round_to(amount, currency)
    if rounded != amount:
        raise ApiError(
            400,
            "invalid_amount",
            f"{name}: {amount} has more decimals than {currency} has.",
        )
    return rounded


def round_to(amount: Decimal, currency: str) -> Decimal:
    """Round an amount, half up, to what its currency can hold."""
    return amount.quantize(smallest(currency), rounding=ROUND_HALF_UP)


def prorate(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Divide an amount by weights so that the parts add up exactly.

    Source: Refund API, "pro-rated across all specified items".
    """
    whole = sum(weights, ZERO)
    parts, given, weight_so_far = [], ZERO, ZERO
    for weight in weights:
        weight_so_far += weight
        share = total * weight_so_far / whole if whole else ZERO
        part = round_to(share, currency) - given
        given += part
        parts.append(part)
    return parts
