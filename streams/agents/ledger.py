"""The ledger stage: movements in, journal entries and levels out.

A shell: it loads, asks the domain, and hands back one result. What a movement does to
stock is decided in the domain: `ledger`, `units`, `transfers`, `counts`.
"""

from streams.agents.ledger_facts import fold_movements
from streams.agents.ledger_forgetting import forget_due
from streams.agents.ledger_offers import OfferWalk
from streams.agents.ledger_requests import fold_requests
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
    LEDGER_ENTRIES,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
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
    outputs = (LEDGER_ENTRIES, STOCK_LEVELS, RESERVATION_ANSWERS)
    tick_interval_s: float | None = 0.5

    def __init__(self, *, dedupe_days: int) -> None:
        self._dedupe_days = dedupe_days
        self._walks: dict[int, OfferWalk] = {}

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Apply one partition's movements, or answer its requests, in offset order."""
        if batch.topic == RESERVATION_REQUESTS:
            return fold_requests(view, batch, context, self._dedupe_days)
        return fold_movements(view, batch, context, self._dedupe_days)

    def tick(self, view: View, context: Context) -> Result | None:
        """Forget what is old enough, and take over changed reference data."""
        result = Result()
        forget_due(view, context.now, result)
        walk = self._walks.setdefault(view.partition, OfferWalk())
        walk.walk(view, context.reference, context.now, result)
        return result if result.writes else None
