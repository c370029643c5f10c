"""The ledger forgets: ids, history, units and transfers, when their time has come.

In bounded pieces, so that a tick never holds up the movements behind it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from streams.agents.ledger_delays import look_after
from streams.domain import units
from streams.domain.transfer_delays import LedgerRules
from streams.engine.fold import Result, View
from streams.mapping import stock_state as codec
from streams.tables import (
    APPLIED,
    EXPIRIES,
    HISTORY,
    REQUESTS,
    TRANSFERS,
    UNITS,
    Table,
)

FORGOTTEN_PER_TICK = 10_000
"""Keys in one commit, about 0.5 MB of changelog; two ticks a second then keep pace
with 20,000 movements a second in each partition, all day long."""

_TABLES = {
    table.name: table for table in (APPLIED, HISTORY, UNITS, TRANSFERS, REQUESTS)
}


def forget_due(view: View, now: datetime, rules: LedgerRules, result: Result) -> None:
    """Delete ids, history, units and transfers whose time has come."""
    forgotten = 0
    for key, value in view.scan(EXPIRIES):
        if not codec.is_due(key, now) or forgotten >= FORGOTTEN_PER_TICK:
            break
        expiry = codec.decode_expiry(value)
        table = _TABLES[expiry.table]
        if table is TRANSFERS:
            look_after(view, key, expiry.keys, now, rules, result)
        else:
            for due in _at_rest(view, table, expiry.keys, now):
                result.put(table, due, None)
        result.put(EXPIRIES, key, None)
        forgotten += len(expiry.keys)
    if forgotten:
        result.count("forgotten", forgotten)


def _at_rest(
    view: View, table: Table, keys: tuple[bytes, ...], now: datetime
) -> Iterator[bytes]:
    """Walk those keys that nothing has touched since they were to be forgotten."""
    if table is UNITS:
        before = now - timedelta(days=units.UNIT_DAYS)
        for key, value in view.get(UNITS, keys).items():
            if units.is_forgettable(codec.decode_unit(value), final_before=before):
                yield key
    else:
        yield from keys
