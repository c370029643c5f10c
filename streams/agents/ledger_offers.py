"""The ledger follows the reference data: safety stock and enablement of its rows.

In bounded pieces, so that a tick never holds up the movements behind it.
"""

from datetime import datetime
from itertools import islice

from streams.agents.ledger_scarcity import tell_scarcity
from streams.domain.reference import Reference
from streams.domain.scarcity import is_scarce
from streams.domain.stock import offer
from streams.engine.fold import Output, Result, View
from streams.mapping import stock_state as codec
from streams.mapping.stock import encode_level, split_row_key
from streams.tables import LEVELS
from streams.topics import STOCK_LEVELS

ROWS_PER_TICK = 5_000
"""Rows looked at for one commit: some 20 ms, and at most 2 MB of new levels."""


class OfferWalk:
    """One partition's rows brought up to the reference data, a piece at a tick.

    The place reached is in memory only, and is passed only once its rows are seen to
    be right: so a piece whose commit failed is done again, and a new owner (who has a
    new view) looks at every row once.
    """

    def __init__(self) -> None:
        self._view: View | None = None
        self._version = -1
        self._next: bytes | None = None

    def walk(
        self, view: View, reference: Reference, now: datetime, result: Result
    ) -> None:
        """Change the next rows whose safety stock or enablement differ."""
        if self._view is not view or self._version != reference.version:
            self._view, self._version, self._next = view, reference.version, b""
        if self._next is None:
            return
        piece = list(islice(view.scan(LEVELS, start=self._next), ROWS_PER_TICK))
        if sum(_offer(*stored, reference, now, result) for stored in piece):
            return
        finished = len(piece) < ROWS_PER_TICK
        self._next = None if finished else piece[-1][0] + b"\0"


def _offer(
    key: bytes, stored: bytes, reference: Reference, now: datetime, result: Result
) -> bool:
    """Bring one row up to the reference data; say whether it differed."""
    sku, location_id = split_row_key(key)
    row = codec.decode_row(stored)
    was_scarce = is_scarce(row)
    safety_stock = reference.safety_stock(sku, location_id)
    enabled = reference.is_published(sku, location_id)
    if not offer(row, safety_stock=safety_stock, enabled=enabled, now=now):
        return False
    result.put(LEVELS, key, codec.encode_row(row))
    level = encode_level(sku, location_id, row)
    result.send(STOCK_LEVELS, Output(key, level, None, None, True))
    tell_scarcity(result, key, row, None, was_scarce=was_scarce)
    result.count("offers_changed")
    return True
