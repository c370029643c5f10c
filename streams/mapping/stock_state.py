"""The ledger's state as bytes: rows, units, transfers, history and what expires when.

MessagePack arrays: some 70 bytes for a row, 1 us to write it. New fields go at the end
of the values, with a default, so that older state still reads.
"""

from datetime import datetime
from math import ceil
from typing import NamedTuple

import msgspec

from streams.domain.counts import Moved
from streams.domain.stock import Count, Row
from streams.domain.transfers import Transfer
from streams.domain.units import Unit
from streams.tables import Table

HOUR_S = 3_600


class Expiry(NamedTuple):
    """Keys of one table whose time comes at a certain hour."""

    table: str
    keys: tuple[bytes, ...]


class RowFields(NamedTuple):
    """A row's fields as they are stored: msgspec fills these, but no dataclass, from
    an array."""

    balances: list[int]
    target: int
    available: int
    safety_stock: int
    enabled: bool
    entries: int
    revisions: int
    as_of: datetime
    recorded_at: datetime
    first_recorded_at: datetime
    counts: tuple[Count, ...] = ()
    entered_at: datetime | None = None


encode = msgspec.msgpack.Encoder().encode
decode_unit = msgspec.msgpack.Decoder(Unit).decode
decode_transfer = msgspec.msgpack.Decoder(Transfer).decode
decode_expiry = msgspec.msgpack.Decoder(Expiry).decode
decode_history = msgspec.msgpack.Decoder(list[Moved]).decode
_decode_fields = msgspec.msgpack.Decoder(RowFields).decode


def encode_row(row: Row) -> bytes:
    """Write a row."""
    return encode(
        (
            row.balances,
            row.target,
            row.available,
            row.safety_stock,
            row.enabled,
            row.entries,
            row.revisions,
            row.as_of,
            row.recorded_at,
            row.first_recorded_at,
            row.counts,
            row.entered_at,
        )
    )


def decode_row(value: bytes) -> Row:
    """Read a row; 1.0 us, against 1.5 us where its counts are made here."""
    return Row(*_decode_fields(value))


def unit_key(sku: str, unit_id: str) -> bytes:
    """Return the key of a unit; the SKU is part of it, as of everything here."""
    return f"{sku}|{unit_id}".encode()


def transfer_key(sku: str, name: str) -> bytes:
    """Return the key of one SKU of a transfer, by one of the transfer's names."""
    return f"{sku}|{name}".encode()


def split_transfer_key(key: bytes) -> tuple[str, str]:
    """Return the SKU and the transfer's name of a transfer's key."""
    sku, _, name = key.decode().partition("|")
    return sku, name


def own_transfer_key(key: bytes, transfer: Transfer) -> bytes:
    """Return the key of the transfer that another name's entry stands for."""
    return key.partition(b"|")[0] + b"|" + transfer.same_as.encode()


def history_prefix(row_key: bytes) -> bytes:
    """Return what all history keys of a row begin with, and no other row's."""
    return row_key + b"\0"


def history_key(row_key: bytes, sequence: int) -> bytes:
    """Return the key of what moved a row in one batch, by its first entry there."""
    return history_prefix(row_key) + sequence.to_bytes(8, "big")


def hour_of(due: datetime) -> int:
    """Return the first full hour that is not before a time, in hours since 1970."""
    return ceil(due.timestamp() / HOUR_S)


def postponed(expiry_key: bytes, hour: int, part: int) -> bytes:
    """Return an expiry's key for a later hour."""
    return hour.to_bytes(4, "big") + expiry_key[4:-2] + part.to_bytes(2, "big")


def expiry_key(due: datetime, offset: int, table: Table, part: int) -> bytes:
    """Return a key that sorts by the full hour at which its keys may go, not before."""
    return b"".join(
        (
            hour_of(due).to_bytes(4, "big"),
            offset.to_bytes(8, "big"),
            table.prefix,
            part.to_bytes(2, "big"),
        )
    )


def is_due(key: bytes, now: datetime) -> bool:
    """Say whether the hour of an expiry key has come."""
    return int.from_bytes(key[:4], "big") * HOUR_S <= now.timestamp()
