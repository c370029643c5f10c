"""Names of units against the batch's working copy: two names become one unit."""

from streams.agents.ledger_inbox import Item
from streams.agents.ledger_posting import enter_all
from streams.agents.ledger_state import LedgerState
from streams.domain.identities import decide_identity, identity_taken
from streams.domain.invariants import InvariantBroken
from streams.domain.movement_checks import Problem
from streams.domain.postings import Outcome
from streams.domain.units import Unit
from streams.mapping import stock_state as codec


def apply_identity(item: Item, state: LedgerState) -> Outcome | Problem:
    """Join two names of a unit: from now on, the one stands for the other."""
    record, movement, _, _, key, _ = item
    own_key = codec.unit_key(movement.sku, movement.same_as)
    if key is None:
        raise InvariantBroken(f"{movement.movement_id} was not checked: no unit")
    unit, other = state.units.get(own_key) or Unit(), state.unit(movement, key)
    if other is None or other.same_as == movement.same_as:
        return Outcome.NOTED
    if other.same_as or unit.same_as:
        return identity_taken(movement, other.same_as or unit.same_as)
    decision = decide_identity(movement, unit, other)
    state.learn_unit(own_key, decision.unit)
    state.learn_unit(key, Unit(same_as=movement.same_as, final_at=state.now))
    return enter_all(record, movement, decision.outcome, decision.postings, state)
