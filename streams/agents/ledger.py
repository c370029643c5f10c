"""The ledger stage: movements in, journal entries and levels out.

A shell: it loads, asks the domain, and hands back one result. What a movement does to
stock is decided in the domain: `ledger`, `units`, `transfers`, `counts`.
"""

from datetime import timedelta

from streams.agents.ledger_forgetting import forget_due
from streams.agents.ledger_inbox import Item, park, read_items
from streams.agents.ledger_offers import OfferWalk
from streams.agents.ledger_posting import apply_count, apply_movement
from streams.agents.ledger_state import LedgerState
from streams.agents.ledger_write import write_state
from streams.domain.ledger import Problem
from streams.domain.movements import MovementKind
from streams.domain.postings import Outcome
from streams.engine.fold import Batch, Context, Result, View
from streams.mapping.stock import fingerprint
from streams.tables import APPLIED, EXPIRIES, HISTORY, LEVELS, TRANSFERS, UNITS
from streams.topics import LEDGER_ENTRIES, STOCK_LEVELS, STOCK_MOVEMENTS

_COUNT = MovementKind.COUNT
_DUPLICATE = Outcome.DUPLICATE


class LedgerStage:
    """Keeps the rows, the journal and the levels of one partition's SKUs.

    Counts are exact: `in` is the sum of the outcomes and of `parked`.
    """

    name = "ledger"
    sources = (STOCK_MOVEMENTS,)
    tables = (LEVELS, APPLIED, UNITS, HISTORY, TRANSFERS, EXPIRIES)
    outputs = (LEDGER_ENTRIES, STOCK_LEVELS)
    tick_interval_s: float | None = 0.5

    def __init__(self, *, dedupe_days: int) -> None:
        self._dedupe_days = dedupe_days
        self._walks: dict[int, OfferWalk] = {}

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        """Apply one partition's movements in offset order."""
        result = Result()
        if not batch.records:
            return result
        items = read_items(batch.records, result)
        state = LedgerState(view, context, items)
        outcomes: dict[str, int] = {"in": len(batch.records)}
        for item in items:
            outcome = self._answer(item, state, result)
            if outcome is not None:
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        write_state(state, result, batch.records[0].offset, self._dedupe_days)
        for name, number in outcomes.items():
            result.count(str(name), number)
        if state.oversold:
            result.count("oversold", state.oversold)
        return result

    def tick(self, view: View, context: Context) -> Result | None:
        """Forget what is old enough, and take over changed reference data."""
        result = Result()
        forget_due(view, context.now, result)
        walk = self._walks.setdefault(view.partition, OfferWalk())
        walk.walk(view, context.reference, context.now, result)
        return result if result.writes else None

    def _answer(self, item: Item, state: LedgerState, result: Result) -> Outcome | None:
        """Apply one movement and return its outcome; None if it was parked."""
        record, movement, key, _, _, _ = item
        said = fingerprint(movement)
        known = state.applied.get(key)
        if known is not None:
            if known != said:
                result.count("duplicate_changed")
            return _DUPLICATE
        if movement.kind is _COUNT:
            since = state.now - timedelta(days=self._dedupe_days)
            answer = apply_count(item, state, since)
            if isinstance(answer, Problem):
                park(record, answer, result)
                return None
            outcome = answer
        else:
            outcome = apply_movement(item, state)
        state.applied[key] = state.new_applied[key] = said
        return outcome
