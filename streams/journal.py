"""A row's newest journal entries, found by jumping back from one to the one before.

The journal is kept for ever and lies in the order of time, all keys of a partition
mixed: walking back for the fifty entries of a SKU that sells twice a month means
reading a year of everything. A commit cannot say where the entries before it lie,
because an offset is known only once it is written. But each entry says when the row's
entry before it was recorded, no record is older than what it says, and the broker has
an index by time: so each jump lands at the beginning of the right commit, and reads
some hundred records, at most one commit's.

An index of our own was the other way: a row of offsets per row costs another changelog
record for each changed row, and knows offsets one commit late only; the last entries
themselves, kept per row, would double what the ledger writes. The time costs 45 bytes
of 600 in the journal, and 0.1 us.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from streams.engine.fold import Record
from streams.engine.reading import LogReader
from streams.mapping.stock import EntryRecord, decode_entry
from streams.topics import LEDGER_ENTRIES

# How far a jump looks for its entry before it is taken for lost, which it is where the
# clock of a worker was set back: no commit of the ledger makes more entries.
REACH = 20_000
# A jump reads little; a fetch of the usual size would bring three thousand records.
FETCH_BYTES = 128 * 1024


class Newest(NamedTuple):
    """What is known of an entry to look for.

    Attributes:
        sequence: Its number; a row's entries are numbered from 1 without a gap.
        recorded_at: When it was recorded, or earlier; None where nobody knows.
    """

    sequence: int
    recorded_at: datetime | None


async def newest_entries(
    reader: LogReader,
    partition: int,
    key: bytes,
    limit: int,
    newest: Newest | None = None,
) -> list[EntryRecord]:
    """Find a row's newest entries, newest first.

    Args:
        newest: Where to begin; without it the first is found by walking back.
    """
    search = _Search(reader, partition, key)
    if newest is None or not await search.jump(newest):
        await search.walk_back(1)
    while 0 < len(search.entries) < limit:
        oldest = min(search.entries)
        if oldest == 1:
            break
        wanted = Newest(oldest - 1, search.entries[oldest].previous_at)
        if not await search.jump(wanted):
            # From before entries told the time, or a clock was set back.
            await search.walk_back(limit - len(search.entries))
            break
    newest_first = sorted(search.entries, reverse=True)[:limit]
    return [search.entries[sequence] for sequence in newest_first]


class _Search:
    """What was found so far of one row."""

    def __init__(self, reader: LogReader, partition: int, key: bytes) -> None:
        self.entries: dict[int, EntryRecord] = {}
        self._reader = reader
        self._partition = partition
        self._key = key
        self._first_offset: int | None = None

    async def jump(self, wanted: Newest) -> bool:
        """Read on from a time up to the entry wanted; say whether it was there."""
        if wanted.recorded_at is None:
            return False
        records = self._reader.since(
            LEDGER_ENTRIES, self._partition, self._key, wanted.recorded_at, reach=REACH
        )
        passed: list[Record] = []
        sequence = 0
        async with contextlib.aclosing(records):
            async for record in records:
                passed.append(record)
                sequence = decode_entry(record.value or b"").sequence
                if sequence >= wanted.sequence:
                    break
        if sequence != wanted.sequence:
            return False
        self._keep(passed)
        return True

    async def walk_back(self, count: int) -> None:
        """Read back, window by window, from what is known so far."""
        self._keep(
            await self._reader.latest(
                LEDGER_ENTRIES,
                self._partition,
                self._key,
                count,
                before=self._first_offset,
            )
        )

    def _keep(self, records: Sequence[Record]) -> None:
        for record in records:
            entry = decode_entry(record.value or b"")
            self.entries[entry.sequence] = entry
        offsets = [record.offset for record in records]
        if self._first_offset is not None:
            offsets.append(self._first_offset)
        self._first_offset = min(offsets, default=None)
