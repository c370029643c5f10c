"""The ledger's first inbox: movements, which are facts and are all applied, once."""

from streams.agents.ledger_counting import apply_count
from streams.agents.ledger_identity import apply_identity
from streams.agents.ledger_inbox import Item, park, read_items
from streams.agents.ledger_posting import apply_movement
from streams.agents.ledger_state import LedgerState
from streams.agents.ledger_write import write_state
from streams.domain.movement_checks import Problem
from streams.domain.movements import MovementKind
from streams.domain.postings import Outcome
from streams.domain.transfer_delays import LedgerRules
from streams.engine.fold import Batch, Context, Result, View
from streams.mapping.stock import fingerprint

_COUNT = MovementKind.COUNT
_IDENTIFY = MovementKind.IDENTIFY
_DUPLICATE = Outcome.DUPLICATE


def fold_movements(
    view: View, batch: Batch, context: Context, rules: LedgerRules
) -> Result:
    """Apply one partition's movements; the rules say how long ids are remembered."""
    result = Result()
    if not batch.records:
        return result
    items = read_items(batch.records, result)
    state = LedgerState(view, context, items)
    outcomes: dict[str, int] = {"in": len(batch.records)}
    for item in items:
        outcome = _answer(item, state, result, rules)
        if outcome is not None:
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    write_state(state, result, batch.records[0].offset, rules)
    for name, number in outcomes.items():
        result.count(str(name), number)
    if state.oversold:
        result.count("oversold", state.oversold)
    return result


def _answer(
    item: Item, state: LedgerState, result: Result, rules: LedgerRules
) -> Outcome | None:
    """Apply one movement and return its outcome; None if it was parked."""
    record, movement, key, _, _, _ = item
    said = fingerprint(movement)
    known = state.applied.get(key)
    if known is not None:
        if known != said:
            result.count("duplicate_changed")
        return _DUPLICATE
    if movement.kind is _COUNT:
        since = state.now - rules.forget_after
        answer: Outcome | Problem = apply_count(item, state, since)
    elif movement.kind is _IDENTIFY:
        answer = apply_identity(item, state)
    else:
        answer = apply_movement(item, state)
    if isinstance(answer, Problem):
        park(record, answer, result)
        return None
    state.applied[key] = state.new_applied[key] = said
    return answer
