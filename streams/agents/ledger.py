"""The ledger stage: movements in, journal entries and levels out.

A shell: it loads, asks the domain, and hands back one result. What a movement does to
stock is decided in the domain: `ledger`, `units`, `transfers`, `counts`.
"""

from datetime import timedelta

from streams.agents.ledger_facts import fold_movements
from streams.agents.ledger_forgetting import forget_due
from streams.agents.ledger_offers import OfferWalk
from streams.agents.ledger_requests import fold_requests
from streams.domain.transfer_delays import TRANSIT_OVERDUE_DAYS, LedgerRules
from streams.engine.fold import Batch, Context, Result, View
from streams.tables import (
    APPLIED,
    EXPIRIES,
    HISTORY,
    LEVELS,
    REQUESTS,
    TRANSFERS,
    UNITS,
)
from streams.topics import (
    EXCEPTION_COMMANDS,
    LEDGER_ENTRIES,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    SCARCE_ROWS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
)


class LedgerStage:
    """Keeps the rows, the journal and the levels of one partition's SKUs.

    Counts are exact: `in` is the sum of the outcomes and of `parked`.
    """

    name = "ledger"
    sources = (STOCK_MOVEMENTS, RESERVATION_REQUESTS)
    tables = (LEVELS, APPLIED, UNITS, HISTORY, TRANSFERS, REQUESTS, EXPIRIES)
    outputs = (
        LEDGER_ENTRIES,
        STOCK_LEVELS,
        SCARCE_ROWS,
        RESERVATION_ANSWERS,
        EXCEPTION_COMMANDS,
    )
    tick_interval_s: float | None = 0.5

    def __init__(
        self, *, dedupe_days: int, transit_overdue_days: int = TRANSIT_OVERDUE_DAYS
    ) -> None:
        self._rules = LedgerRules(
            timedelta(days=dedupe_days), timedelta(days=transit_overdue_days)
        )
        self._walks: dict[int, OfferWalk] = {}

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Apply one partition's movements, or answer its requests, in offset order."""
        if batch.topic == RESERVATION_REQUESTS:
            return fold_requests(view, batch, context, self._rules)
        return fold_movements(view, batch, context, self._rules)

    def tick(self, view: View, context: Context) -> Result | None:
        """Forget what is old enough, tell of overdue transfers, follow reference data.

        All of it in bounded pieces.
        """
        result = Result()
        forget_due(view, context.now, self._rules, result)
        walk = self._walks.setdefault(view.partition, OfferWalk())
        walk.walk(view, context.reference, context.now, result)
        return result if result.writes else None
