"""What came to a stage is what became of it; a record that is lost shows."""

import pytest

from streams.balance import BALANCES, unaccounted
from streams.domain.postings import Outcome
from streams.domain.reservations import ReservationOutcome


@pytest.mark.parametrize(
    ("stage", "counts", "lost"),
    [
        ("intake", {}, 0),
        ("intake", {"in": 3, "applied": 1, "ignored": 1, "parked": 1}, 0),
        ("intake", {"in": 2, "parked": 3, "parked_again": 1}, 0),
        ("intake", {"in": 3, "applied": 2}, 1),
        ("ledger", {"in": 2, str(Outcome.APPLIED): 1, str(Outcome.DUPLICATE): 1}, 0),
        ("ledger", {"in": 1, "parked": 2}, -1),
        (
            "ledger",
            {
                "requests_in": 3,
                f"requests_{ReservationOutcome.GRANTED}": 1,
                "requests_repeated": 1,
                "parked": 1,
            },
            0,
        ),
        ("exceptions", {"in": 1, "commands": 1, "taken": 1, "heard_retry": 1}, 0),
        ("exceptions", {"in": 2, "taken": 1}, 1),
        ("nobody", {"in": 7}, 0),
    ],
)
def test_nothing_is_lost_silently(
    stage: str, counts: dict[str, int], lost: int
) -> None:
    assert unaccounted(stage, counts) == lost


def test_nothing_counts_on_both_sides() -> None:
    for stage, balance in BALANCES.items():
        assert not set(balance.came) & set(balance.became), stage
