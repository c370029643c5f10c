"""From a batch's working copy to one result: each changed row once, and its expiry."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from streams.agents.ledger_delays import withdraw
from streams.agents.ledger_expiries import schedule
from streams.agents.ledger_scarcity import tell_scarcity
from streams.agents.ledger_state import LedgerState
from streams.domain.invariants import InvariantBroken
from streams.domain.transfer_delays import LedgerRules, look_at
from streams.domain.units import NAME_DAYS, UNIT_DAYS
from streams.engine.fold import Output, Result
from streams.mapping import stock_state as codec
from streams.mapping.stock import encode_level, split_row_key
from streams.tables import (
    APPLIED,
    HISTORY,
    LEVELS,
    REQUESTS,
    TRANSFERS,
    UNITS,
)
from streams.topics import LEDGER_ENTRIES, STOCK_LEVELS


def write_state(
    state: LedgerState,
    result: Result,
    offset: int,
    rules: LedgerRules,
    requests: Sequence[bytes] = (),
) -> None:
    """Hand the batch's changes to the result.

    Args:
        offset: The batch's first; sets its expiries apart from those of other batches.
        rules: How long movement ids, history, answers and transfers are remembered.
        requests: The keys of the requests that were answered.
    """
    _write_rows(state, result)
    if state.new_applied:
        result.writes[APPLIED] = dict(state.new_applied)
    for key, unit in state.new_units.items():
        result.put(UNITS, key, codec.encode(unit))
    units = state.new_units.items()
    final = [k for k, unit in units if unit.final_at and not unit.same_as]
    names = [k for k, unit in units if unit.same_as]
    days, unit_days = rules.forget_after, timedelta(days=UNIT_DAYS)
    for table, keys, after in (
        (APPLIED, list(state.new_applied), days),
        (HISTORY, state.history.write(result, state.first_entry), days),
        (UNITS, final, unit_days),
        (REQUESTS, requests, days),
    ):
        schedule(result, table, keys, state.now + after, offset)
    schedule(result, UNITS, names, state.now + timedelta(days=NAME_DAYS), offset)
    if state.transfers.new:
        _write_transfers(state, result, offset, rules)


def _write_transfers(
    state: LedgerState, result: Result, offset: int, rules: LedgerRules
) -> None:
    looks: dict[int, tuple[datetime, list[bytes]]] = {}
    for key, transfer in state.transfers.new.items():
        result.put(TRANSFERS, key, codec.encode(transfer))
        due = look_at(transfer, rules)
        if due is not None:
            # One hour's keys are scheduled together, or they would share a key.
            looks.setdefault(codec.hour_of(due), (due, []))[1].append(key)
    for due, keys in looks.values():
        schedule(result, TRANSFERS, keys, due, offset)
    for record, sku, name in state.transfers.ended:
        withdraw(record, sku, name, state.now, result)


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
        tell_scarcity(result, key, row, record, was_scarce=key in state.was_scarce)
    result.writes[LEVELS] = rows
    result.outputs[LEDGER_ENTRIES] = state.journal
    result.outputs[STOCK_LEVELS] = levels
