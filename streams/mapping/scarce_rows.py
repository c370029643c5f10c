"""The topic `scarce-rows`: which rows hold few units; and all of them in memory."""

import msgspec

from streams.domain.stock import Row
from streams.mapping.stock import split_row_key

VERSION = 1
ROWS_MAX = 500_000
"""Rows remembered, some 100 bytes each. What is beyond is not known to be scarce, so
that news of it waits for their turn; nothing else hangs on it."""


class ScarceRow(msgspec.Struct, frozen=True):
    """A row of the topic; `schemas.stock.ScarceRow` says what it means."""

    schema_version: int
    sku: str
    location_id: str
    available: int


def encode_scarce(key: bytes, row: Row) -> bytes:
    """Write that a row has become scarce."""
    return msgspec.json.encode(ScarceRow(VERSION, *split_row_key(key), row.available))


class ScarceRows:
    """The keys of the rows that are scarce, as far as the topic has told."""

    def __init__(self, *, capacity: int = ROWS_MAX) -> None:
        self._capacity = capacity
        self._keys: set[bytes] = set()

    def __contains__(self, key: bytes) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def follow(self, key: bytes, value: bytes | None) -> None:
        """Take over one record of the topic."""
        if value is None:
            self._keys.discard(key)
        elif len(self._keys) < self._capacity:
            self._keys.add(key)
