"""Recovery by the batch: changelog records become rows; regressions are refused."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.engine.commit import Row, StateStore
from streams.engine.fold import Record
from streams.engine.headers import Headers, header

# Each changelog record carries the commit's sequence under this (short) name.
SEQUENCE = "s"
# The first record of each commit carries the transactional id that wrote it, so that a
# new owner can fence whoever has left a transaction open there.
WRITER = "w"


def changelog_headers(sequence: int) -> list[tuple[str, bytes]]:
    """Build the headers of every changelog record of one commit."""
    return [(SEQUENCE, b"%d" % sequence)]


def sequence_of(headers: Headers) -> int:
    """Read a changelog record's commit sequence."""
    return int(header(headers, SEQUENCE) or b"0")


@dataclass(slots=True)
class Restoration:
    """Brings a store up to its changelog, batch by batch.

    A record whose commit sequence is lower than one already seen was written by an
    owner that had lost the partition; it is refused and counted. (Transactions keep
    such records out; this is the second belt, for torn transactions.)
    """

    store: StateStore
    highest_sequence: int = 0
    restored: int = 0
    refused: int = 0

    def feed(self, records: Iterable[Record]) -> None:
        """Write one fetched batch of changelog records to the store, as one."""
        rows: list[Row] = []
        last_offset, sequence = -1, 0
        known: Headers | None = None
        for record in records:
            last_offset = record.offset
            if record.headers != known:  # The records of a commit have the same.
                known = record.headers
                sequence = sequence_of(known)
            if sequence < self.highest_sequence:
                self.refused += 1
                continue
            self.highest_sequence = sequence
            if record.key is not None:
                rows.append((record.key, record.value))
        if last_offset >= 0:
            self.store.write(rows, last_offset)
            self.restored += len(rows)
