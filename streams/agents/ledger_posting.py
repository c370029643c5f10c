"""One movement against the batch's working copy: ask the domain, post, journal.

The order of the calls is here; what they answer is the domain's.
"""

from datetime import datetime

from streams.agents.ledger_inbox import Item
from streams.agents.ledger_state import LedgerState
from streams.domain import counts
from streams.domain.ledger import Problem, count_too_old, decide
from streams.domain.movements import Movement, MovementKind
from streams.domain.postings import Outcome, Posting
from streams.domain.routes import plain_posting
from streams.domain.stock import INDEX, MAIN, RESERVED, Count, Row, post
from streams.engine.fold import Output, Record
from streams.mapping.stock import encode_entry, row_key

_COUNT = MovementKind.COUNT
_APPLIED = Outcome.APPLIED
_ABSORBED = Outcome.ABSORBED


def apply_movement(item: Item, state: LedgerState) -> Outcome:
    """Decide a movement other than a count, and post what follows."""
    record, movement, _, own_key, unit_key, transfer_key = item
    unit = None if unit_key is None else state.unit(movement, unit_key)
    if unit is None and transfer_key is None:
        # Nine movements of ten: nothing but the row bears on them.
        return _enter(record, movement, own_key, plain_posting(movement), state)
    transfer = None if transfer_key is None else state.transfer(transfer_key)
    decision = decide(movement, unit, transfer, now=state.now)
    if unit_key is not None and decision.unit is not None:
        state.learn_unit(unit_key, decision.unit)
    if transfer_key is not None and decision.transfer is not None:
        state.learn_transfer(transfer_key, decision.transfer)
    outcomes = {decision.outcome}
    for posting in decision.postings:
        key = row_key(movement.sku, posting.location_id)
        outcomes.add(_enter(record, movement, key, posting, state))
    return _ABSORBED if _ABSORBED in outcomes else decision.outcome


def apply_count(item: Item, state: LedgerState, since: datetime) -> Outcome | Problem:
    """Post what a count found; what was recorded before `since` may be forgotten."""
    record, movement, _, key, _, _ = item
    place, pool = movement.location_id, movement.pool
    count = Count(movement.occurred_at, movement.quantity, INDEX[pool])
    row = state.rows.get(key) or state.row(key)
    if not counts.supersedes(row, count):
        trace = counts.superseded_count(place, pool)
        _post(record, movement, key, row, trace, state)
        return Outcome.SUPERSEDED
    if not counts.is_answerable(row, count, remembered_since=since):
        return count_too_old(movement)
    moved = state.history.of_row(key, is_new=state.first_entry[key] == 1)
    posting = counts.decide_count(row, place, pool, count, moved)
    _post(record, movement, key, row, posting, state)
    counts.note_count(row, count)
    state.history.keep(key, counts.still_needed(moved, count))
    return Outcome.APPLIED


def _enter(
    record: Record, movement: Movement, key: bytes, posting: Posting, state: LedgerState
) -> Outcome:
    """Post within a row, past those pools that a later count has already seen."""
    row, at = state.rows.get(key) or state.row(key), movement.occurred_at
    if not (row.counts and counts.is_late(row, at)):
        _post(record, movement, key, row, posting, state)
        return _APPLIED
    parts = counts.absorb(row, posting, at)
    for part in parts:
        _post(record, movement, key, row, part, state)
    return _APPLIED if parts == (posting,) else _ABSORBED


def _post(
    record: Record,
    movement: Movement,
    key: bytes,
    row: Row,
    posting: Posting,
    state: LedgerState,
) -> None:
    """Post within a row, and enter it in the journal."""
    balances = row.balances
    main, reserved, available = balances[MAIN], balances[RESERVED], row.available
    post(row, posting, movement.occurred_at, state.now)
    if balances[MAIN] < main and balances[MAIN] < 0:
        # Units were taken or promised that the books do not have: a fact, and a sign.
        state.oversold += 1
    entry = encode_entry(movement, posting, row, main + reserved, available)
    # 0.13 us, against 0.32 us for Output(...).
    output = (key, entry, record, None, True, None)
    state.journal.append(tuple.__new__(Output, output))
    state.changed_by[key] = record
    if movement.kind is not _COUNT:
        state.history.remember(key, posting, movement.occurred_at)
