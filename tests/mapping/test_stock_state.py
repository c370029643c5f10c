"""The ledger's state as bytes: it comes back, and its keys sort as they must."""

from datetime import timedelta
from typing import get_type_hints

import msgspec

from streams.domain.counts import Moved
from streams.domain.stock import Count, Row, new_row
from streams.domain.transfer_booking import Leg
from streams.domain.transfers import Transfer
from streams.domain.units import Unit
from streams.mapping import stock_state as codec
from streams.tables import APPLIED, HISTORY, TRANSFERS, UNITS
from tests.support.ledger import LATER, NOON, minutes


def full_row() -> Row:
    row = new_row(safety_stock=3, enabled=True, now=NOON)
    row.balances[0] = -7
    row.target, row.available, row.entries, row.revisions = 1, 2, 3, 4
    row.as_of, row.recorded_at = minutes(0.123), LATER
    row.counts = (Count(NOON, 5, 0), Count(minutes(-1), 6, 2))
    return row


def test_state_comes_back_as_it_went() -> None:
    row = full_row()
    assert codec.decode_row(codec.encode_row(row)) == row
    plain = new_row(safety_stock=0, enabled=False, now=NOON)
    assert codec.decode_row(codec.encode_row(plain)) == plain
    unit = Unit(5, 1, "L", (("M", 6),), True, True, "L", 2, NOON)
    assert codec.decode_unit(codec.encode(unit)) == unit
    legs = (Leg("L", 3, 0, 4), Leg("M", 0, 2))
    transfer = Transfer(("asn:1", "order:2"), legs, NOON, minutes(1), ("asn:1",))
    assert codec.decode_transfer(codec.encode(transfer)) == transfer
    moved = [Moved(NOON, 0, -1), Moved(minutes(1), 2, 4)]
    assert codec.decode_history(codec.encode(moved)) == moved
    expiry = codec.Expiry("applied", (b"a", b"\xff"))
    assert codec.decode_expiry(codec.encode(expiry)) == expiry


def test_state_written_before_a_field_was_added_still_reads() -> None:
    whole = msgspec.msgpack.decode(codec.encode_row(full_row()))
    assert codec.decode_row(codec.encode(whole[:-1])).entered_at is None
    assert codec.decode_row(codec.encode(whole[:-2])).counts == ()
    assert codec.decode_unit(codec.encode((5, 1, "L"))) == Unit(5, 1, "L")
    names = ("asn:1",)
    assert codec.decode_transfer(codec.encode((names,))) == Transfer(names)


def test_a_row_is_stored_field_by_field_in_its_own_order() -> None:
    assert list(get_type_hints(codec.RowFields).items()) == list(
        get_type_hints(Row).items()
    )
    assert codec.RowFields._field_defaults == {"counts": (), "entered_at": None}


def test_history_of_one_row_never_shows_in_another_rows() -> None:
    one, longer = b"TEE|LDN", b"TEE|LDN01"
    assert codec.history_key(one, 1).startswith(codec.history_prefix(one))
    assert not codec.history_key(longer, 1).startswith(codec.history_prefix(one))
    keys = [codec.history_key(one, number) for number in (1, 2, 255, 256, 70_000)]
    assert keys == sorted(keys)


def test_units_and_transfers_of_different_skus_have_different_keys() -> None:
    assert codec.unit_key("A", "u") != codec.unit_key("B", "u")
    key = codec.transfer_key("A", "order:1|2")
    assert key != codec.transfer_key("B", "order:1|2")
    assert codec.split_transfer_key(key) == ("A", "order:1|2")
    own = codec.transfer_key("A", "asn:1")
    assert codec.own_transfer_key(key, Transfer(same_as="asn:1")) == own


def test_what_is_looked_at_later_keeps_its_batch_and_table() -> None:
    key = codec.expiry_key(NOON, 9, TRANSFERS, 0)
    later = codec.hour_of(NOON + timedelta(minutes=61))
    assert codec.postponed(key, later, 3) == codec.expiry_key(
        NOON + timedelta(hours=2), 9, TRANSFERS, 3
    )


def test_expiries_sort_by_their_hour_and_never_come_early() -> None:
    early = codec.expiry_key(NOON, 9, TRANSFERS, 9)
    late = codec.expiry_key(NOON + timedelta(seconds=1), 1, APPLIED, 0)
    assert early < late
    assert codec.is_due(early, NOON)
    assert not codec.is_due(early, NOON - timedelta(seconds=1))
    assert not codec.is_due(late, NOON + timedelta(minutes=59))
    assert codec.is_due(late, NOON + timedelta(hours=1))


def test_expiries_of_one_batch_do_not_overwrite_each_other() -> None:
    tables = (APPLIED, HISTORY, UNITS, TRANSFERS)
    keys = {codec.expiry_key(NOON, 7, t, part) for t in tables for part in range(3)}
    assert len(keys) == 12
