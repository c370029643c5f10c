"""The ledger's decisions: which postings does a movement make?

Everything that reaches the ledger is a fact, so nothing is declined: stock may go
below zero, and then people are told. What makes no sense at all is a `Problem`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from streams.domain.movement_checks import Problem
from streams.domain.movements import Movement
from streams.domain.postings import Outcome, Posting
from streams.domain.routes import plain_posting
from streams.domain.transfers import Transfer, TransferDecision, decide_transfer
from streams.domain.units import Unit, decide_unit

# Reading a member off its enum takes 0.15 us in Python 3.11; this is read each time.
_APPLIED = Outcome.APPLIED


class Decision(NamedTuple):
    """The answer to a movement: its name, what to post, what is known afterwards."""

    outcome: Outcome
    postings: tuple[Posting, ...]
    unit: Unit | None = None
    transfer: TransferDecision | None = None


def decide(
    movement: Movement,
    unit: Unit | None,
    transfers: Sequence[Transfer] | None,
    *,
    now: datetime,
    name: str = "",
) -> Decision:
    """Answer a movement that passed `check` and is not a count.

    Args:
        unit: What is known of the movement's unit; None where it has none, or where a
            sale's unit was never reserved.
        transfers: What is known under the names of its transfer; None where it belongs
            to none.
        now: When it is recorded.
        name: What the movement calls the unit, where that is not the unit's own name.
    """
    if unit is not None:
        return Decision(*decide_unit(movement, unit, now=now, name=name))
    if transfers is not None:
        decision = decide_transfer(movement, transfers, now=now)
        return Decision(_APPLIED, decision.postings, None, decision)
    return Decision(_APPLIED, (plain_posting(movement),))


def count_too_old(movement: Movement) -> Problem:
    """Say why a count cannot be answered any more."""
    return Problem(
        "count_too_old",
        "occurred_at",
        movement.occurred_at.isoformat(),
        "The count is older than what is remembered of the movements since, so the "
        "stock that follows from it is unknown. Count again.",
    )
