"""Looking after transfers when their time has come: overdue, forgotten, or not yet."""

from collections.abc import Sequence
from datetime import datetime

from streams.agents.ledger_expiries import postpone
from streams.domain.transfer_delays import (
    KIND,
    LedgerRules,
    delay_of,
    describe_delay,
    listed,
    look_at,
)
from streams.domain.transfers import Transfer, under_way
from streams.engine.fold import Output, Record, Result, View
from streams.mapping import stock_state as codec
from streams.mapping.exceptions import (
    CommandWire,
    encode_command,
    raise_case,
    withdraw_case,
)
from streams.tables import TRANSFERS
from streams.topics import EXCEPTION_COMMANDS


def look_after(
    view: View,
    expiry_key: bytes,
    keys: Sequence[bytes],
    now: datetime,
    rules: LedgerRules,
    result: Result,
) -> None:
    """Forget those transfers that are done with, and tell of those that are overdue."""
    later: dict[int, list[bytes]] = {}
    seen = set(result.writes.get(TRANSFERS, {}))
    for key, value in view.get(TRANSFERS, keys).items():
        transfer = codec.decode_transfer(value)
        due = None if key in seen else look_at(transfer, rules)
        if due is None:
            continue
        if due > now:
            later.setdefault(codec.hour_of(due), []).append(key)
        elif under_way(transfer):
            _raise(key, transfer, now, result)
        else:
            sku, _ = codec.split_transfer_key(key)
            for name in transfer.names:
                result.put(TRANSFERS, codec.transfer_key(sku, name), None)
    for hour, waiting in later.items():
        expiry = codec.Expiry(TRANSFERS.name, tuple(waiting))
        postpone(view, result, expiry_key, expiry, hour)


def withdraw(
    record: Record, sku: str, name: str, now: datetime, result: Result
) -> None:
    """Take a transfer off the exceptions list: the rest has come."""
    _send(result, withdraw_case(delay_of(sku, name), now), record)
    result.count("transfers_no_longer_overdue")


def _raise(key: bytes, transfer: Transfer, now: datetime, result: Result) -> None:
    sku, name = codec.split_transfer_key(key)
    sentence = describe_delay(sku, transfer)
    case = raise_case(delay_of(sku, name), kind=KIND, sentence=sentence, at=now)
    _send(result, case, None)
    result.put(TRANSFERS, key, codec.encode(listed(transfer)))
    result.count("transfers_overdue")


def _send(result: Result, command: CommandWire, cause: Record | None) -> None:
    key, value = encode_command(command)
    result.send(EXCEPTION_COMMANDS, Output(key, value, cause, same_partition=True))
