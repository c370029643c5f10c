"""What came to each stage, and what became of it: nothing is ever dropped silently.

The stages count inside their commits, so that these numbers are exact at any moment.
"""

from collections.abc import Mapping
from typing import NamedTuple

from streams.domain.postings import Outcome
from streams.domain.reservations import ReservationOutcome
from streams.mapping.exceptions import Action


class Balance(NamedTuple):
    """Counters that must add up: `came` = `became` less `again`.

    Attributes:
        again: What was counted a second time, because it came back by itself.
    """

    came: tuple[str, ...]
    became: tuple[str, ...]
    again: tuple[str, ...] = ()


BALANCES: Mapping[str, Balance] = {
    "intake": Balance(
        ("in", "messages"), ("applied", "ignored", "parked"), ("parked_again",)
    ),
    "linking": Balance(("in",), ("applied", "noted", "waiting", "parked"), ("raised",)),
    "ledger": Balance(
        ("in", "requests_in"),
        (
            *(str(outcome) for outcome in Outcome),
            *(f"requests_{outcome}" for outcome in ReservationOutcome),
            "requests_repeated",
            "parked",
        ),
    ),
    "orders": Balance(("in",), ("applied", "repeated", "parked")),
    "exceptions": Balance(
        ("in", "commands"),
        ("taken", "repeated", "parked", *(f"heard_{action}" for action in Action)),
    ),
}
"""By stage; a stage that is not here says by itself what its counters mean."""


def unaccounted(stage: str, counts: Mapping[str, int]) -> int:
    """Return how many records came of which nothing became; always 0, or we are wrong.

    Below 0 where more became of them than came.
    """
    balance = BALANCES.get(stage)
    if balance is None:
        return 0
    became = _sum(counts, balance.became) - _sum(counts, balance.again)
    return _sum(counts, balance.came) - became


def _sum(counts: Mapping[str, int], names: tuple[str, ...]) -> int:
    return sum(counts.get(name, 0) for name in names)
