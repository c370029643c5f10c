"""From a batch's working copy to one result: each changed row once, and its expiry."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from streams.agents.ledger_state import LedgerState
from streams.domain.invariants import InvariantBroken
from streams.domain.transfers import TRANSFER_DAYS
from streams.domain.units import NAME_DAYS, UNIT_DAYS
from streams.engine.fold import Output, Result
from streams.mapping import stock_state as codec
from streams.mapping.stock import encode_level, split_row_key
from streams.tables import (
    APPLIED,
    EXPIRIES,
    HISTORY,
    LEVELS,
    REQUESTS,
    TRANSFERS,
    UNITS,
    Table,
)
from streams.topics import LEDGER_ENTRIES, STOCK_LEVELS

KEYS_PER_EXPIRY = 1_000
"""At 50 bytes a key, and 512 at most, an expiry stays below a message's 1 MB."""


def write_state(
    state: LedgerState,
    result: Result,
    offset: int,
    days: int,
    requests: Sequence[bytes] = (),
) -> None:
    """Hand the batch's changes to the result.

    Args:
        offset: The batch's first; sets its expiries apart from those of other batches.
        days: How long movement ids, history and answers are remembered.
        requests: The keys of the requests that were answered.
    """
    _write_rows(state, result)
    if state.new_applied:
        result.writes[APPLIED] = dict(state.new_applied)
    for key, unit in state.new_units.items():
        result.put(UNITS, key, codec.encode(unit))
    for key, transfer in state.new_transfers.items():
        result.put(TRANSFERS, key, codec.encode(transfer))
    units = state.new_units.items()
    final = [k for k, unit in units if unit.final_at and not unit.same_as]
    names = [k for k, unit in units if unit.same_as]
    for table, keys, after_days in (
        (APPLIED, list(state.new_applied), days),
        (HISTORY, state.history.write(result, state.first_entry), days),
        (UNITS, final, UNIT_DAYS),
        (TRANSFERS, list(state.new_transfers), TRANSFER_DAYS),
        (REQUESTS, requests, days),
    ):
        schedule(result, table, keys, state.now + timedelta(days=after_days), offset)
    schedule(result, UNITS, names, state.now + timedelta(days=NAME_DAYS), offset)


def schedule(
    result: Result, table: Table, keys: Sequence[bytes], due: datetime, offset: int
) -> None:
    """Note when the keys of a table may be forgotten."""
    for part, start in enumerate(range(0, len(keys), KEYS_PER_EXPIRY)):
        expiry = codec.Expiry(table.name, tuple(keys[start : start + KEYS_PER_EXPIRY]))
        key = codec.expiry_key(due, offset, table, part)
        result.put(EXPIRIES, key, codec.encode(expiry))


def _write_rows(state: LedgerState, result: Result) -> None:
    if not state.changed_by:
        return
    rows: dict[bytes, bytes | None] = {}
    levels: list[Output] = []
    for key, record in state.changed_by.items():
        row = state.rows[key]
        if sum(row.balances):
            raise InvariantBroken(f"row {key!r} does not sum to zero: {row}")
        rows[key] = codec.encode_row(row)
        level = encode_level(*split_row_key(key), row)
        levels.append(tuple.__new__(Output, (key, level, record, None, True, None, ())))
    result.writes[LEVELS] = rows
    result.outputs[LEDGER_ENTRIES] = state.journal
    result.outputs[STOCK_LEVELS] = levels
