"""Answers kept ready: a SKU's encoded JSON, renewed when the ledger commits its rows.

Hears every commit of the partitions it speaks for (a CommitListener), in the event loop
that also answers, so an answer is never older than the table.
"""

from collections.abc import Mapping

import msgspec

from streams.engine.fold import View
from streams.mapping.stock import level_of, split_row_key
from streams.mapping.stock_state import decode_row
from streams.tables import LEVELS, Table
from streams.web.levels import level_answer

ANSWERS_MAX = 20_000
"""SKUs remembered: some 2 KB each with four locations, so about 40 MB at most."""

STALENESS = b'"staleness_s":'
"""Comes last in an answer, and is the one thing that time changes: added when asked."""

_encode = msgspec.json.encode
_Part = tuple[bytes, int]
"""One location's part of an answer, and what is available there."""


class _Remembered:
    """A SKU's rows as the table has them, what each says, and the answer they make."""

    __slots__ = ("encoded", "parts", "rows", "view")

    def __init__(self, view: View, rows: dict[bytes, bytes]) -> None:
        self.view = view
        self.rows = rows
        self.parts: dict[bytes, _Part] = {}
        self.encoded: bytes | None = None

    def change(self, key: bytes, value: bytes | None) -> None:
        self.encoded = None
        self.parts.pop(key, None)
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    def answer(self, sku: bytes) -> bytes | None:
        if self.encoded is None and self.rows:
            parts = [self._part(key) for key in sorted(self.rows)]
            self.encoded = b'{"sku":%b,"available":%d,"locations":[%b],%b' % (
                _encode(sku.decode()),
                sum([available for _, available in parts]),
                b",".join([part for part, _ in parts]),
                STALENESS,
            )
        return self.encoded

    def _part(self, key: bytes) -> "_Part":
        part = self.parts.get(key)
        if part is None:
            level = level_of(*split_row_key(key), decode_row(self.rows[key]))
            part = self.parts[key] = _encode(level_answer(level)), level.available
        return part


class Answers:
    """Encodes what a SKU's rows say; remembers it once it hears of commits."""

    def __init__(self, *, capacity: int = ANSWERS_MAX) -> None:
        self._capacity = capacity
        self._known: dict[int, dict[bytes, _Remembered]] = {}
        self._size = 0

    # --- What the engine tells ---

    def opened(self, view: View) -> None:
        """Begin to remember a partition, with nothing yet."""
        self.closed(view.partition)
        self._known[view.partition] = {}

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        """Take over changed rows of remembered SKUs."""
        known = self._known.get(view.partition)
        if not known:
            return
        for key, value in writes.get(LEVELS, {}).items():
            sku, _, _ = key.partition(b"|")
            answer = known.get(sku)
            if answer is not None:
                answer.change(key, value)

    def closed(self, partition: int) -> None:
        """Forget a partition that is not ours any more."""
        self._size -= len(self._known.pop(partition, ()))

    # --- What the web asks ---

    def of(self, view: View, sku: bytes) -> bytes | None:
        """Return a SKU's answer up to its staleness; None if nothing is recorded."""
        known = self._known.get(view.partition)
        found = None if known is None else known.get(sku)
        if found is None or found.view is not view:
            found = _Remembered(view, dict(view.scan(LEVELS, sku + b"|")))
            if known is not None and found.rows:
                self._remember(known, sku, found)
        return found.encoded or found.answer(sku)

    def _remember(
        self, known: dict[bytes, _Remembered], sku: bytes, found: _Remembered
    ) -> None:
        if known.pop(sku, None) is None:
            self._size += 1
        known[sku] = found
        if self._size > self._capacity:
            # The oldest of this partition goes: the crowd asks for it again at once.
            del known[next(iter(known))]
            self._size -= 1


def complete(answer: bytes, staleness_s: float) -> bytes:
    """Add the staleness to an answer."""
    if staleness_s <= 0:
        return answer + b"0.0}"
    return b"%b%b}" % (answer, _encode(round(staleness_s, 3)))
