"""Counts against the batch's working copy: what is on the shelf, as of a time."""

from datetime import datetime

from streams.agents.ledger_inbox import Item
from streams.agents.ledger_posting import post_entry
from streams.agents.ledger_state import LedgerState
from streams.domain import counts
from streams.domain.ledger import count_too_old
from streams.domain.movement_checks import Problem
from streams.domain.postings import Outcome
from streams.domain.stock import INDEX, Count


def apply_count(item: Item, state: LedgerState, since: datetime) -> Outcome | Problem:
    """Post what a count found; what was recorded before `since` may be forgotten."""
    record, movement, _, key, _, _ = item
    place, pool = movement.location_id, movement.pool
    count = Count(movement.occurred_at, movement.quantity, INDEX[pool])
    row = state.rows.get(key) or state.row(key)
    if not counts.supersedes(row, count):
        trace = counts.superseded_count(place, pool)
        post_entry(record, movement, key, row, trace, state)
        return Outcome.SUPERSEDED
    if not counts.is_answerable(row, count, remembered_since=since):
        return count_too_old(movement)
    moved = state.history.of_row(key, is_new=state.first_entry[key] == 1)
    posting = counts.decide_count(row, place, pool, count, moved)
    post_entry(record, movement, key, row, posting, state)
    counts.note_count(row, count)
    state.history.keep(key, counts.still_needed(moved, count))
    return Outcome.APPLIED
