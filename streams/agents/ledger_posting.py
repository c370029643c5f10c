"""One movement against the batch's working copy: ask the domain, post, journal.

The order of the calls is here; what they answer is the domain's.
"""

from collections.abc import Iterable

from streams.agents.ledger_inbox import Item
from streams.agents.ledger_keys import own_name_key
from streams.agents.ledger_state import LedgerState
from streams.domain import counts
from streams.domain.ledger import decide
from streams.domain.movements import Movement, MovementKind
from streams.domain.postings import Outcome, Posting
from streams.domain.routes import plain_posting
from streams.domain.stock import MAIN, RESERVED, Row, post
from streams.domain.units import Unit
from streams.engine.fold import Output, Record
from streams.mapping.stock import encode_entry, row_key

_COUNT = MovementKind.COUNT
_APPLIED = Outcome.APPLIED
_ABSORBED = Outcome.ABSORBED


def apply_movement(item: Item, state: LedgerState) -> Outcome:
    """Decide a movement other than a count, and post what follows."""
    record, movement, _, own_key, unit_key, names = item
    unit = None if unit_key is None else state.unit(movement, unit_key)
    if unit is None and names is None:
        # Nine movements of ten: nothing but the row bears on them.
        return _enter(record, movement, own_key, plain_posting(movement), state)
    name = ""
    if unit is not None and unit_key is not None and unit.same_as:
        name, unit_key = movement.unit_id, own_name_key(unit_key, unit)
        unit = state.units.get(unit_key) or Unit()
    known = None if names is None else state.transfers.of(names)
    decision = decide(movement, unit, known, now=state.now, name=name)
    if unit_key is not None and decision.unit is not None:
        state.learn_unit(unit_key, decision.unit)
    if known is not None and decision.transfer is not None:
        state.transfers.learn(record, movement, known, decision.transfer)
    return enter_all(record, movement, decision.outcome, decision.postings, state)


def enter_all(
    record: Record,
    movement: Movement,
    outcome: Outcome,
    postings: Iterable[Posting],
    state: LedgerState,
) -> Outcome:
    """Enter all postings of a movement; say whether a count had seen any of them."""
    outcomes = set()
    for posting in postings:
        key = row_key(movement.sku, posting.location_id)
        outcomes.add(_enter(record, movement, key, posting, state))
    return _ABSORBED if _ABSORBED in outcomes else outcome


def _enter(
    record: Record, movement: Movement, key: bytes, posting: Posting, state: LedgerState
) -> Outcome:
    """Post within a row, past those pools that a later count has already seen."""
    row, at = state.rows.get(key) or state.row(key), movement.occurred_at
    if not (row.counts and counts.is_late(row, at)):
        post_entry(record, movement, key, row, posting, state)
        return _APPLIED
    parts = counts.absorb(row, posting, at)
    for part in parts:
        post_entry(record, movement, key, row, part, state)
    return _APPLIED if parts == (posting,) else _ABSORBED


def post_entry(
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
    previous_at = row.entered_at
    post(row, posting, movement.occurred_at, state.now)
    if balances[MAIN] < main and balances[MAIN] < 0:
        # Units were taken or promised that the books do not have: a fact, and a sign.
        state.oversold += 1
    entry = encode_entry(
        movement, posting, row, main + reserved, available, previous_at
    )
    # 0.13 us, against 0.32 us for Output(...).
    output = (key, entry, record, None, True, None, ())
    state.journal.append(tuple.__new__(Output, output))
    state.changed_by[key] = record
    if movement.kind is not _COUNT:
        state.history.remember(key, posting, movement.occurred_at)
