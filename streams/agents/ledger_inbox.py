"""The ledger's inbox: records become movements with their keys, or are parked."""

from collections.abc import Iterable

from streams.domain.movement_checks import Problem, check
from streams.domain.movements import Movement
from streams.domain.transfers import TRANSFER_KINDS, names_of
from streams.domain.units import UNIT_KINDS
from streams.engine.fold import Record, Result
from streams.mapping.stock import (
    Undecodable,
    read_movement,
    row_key,
)
from streams.mapping.stock_state import transfer_key, unit_key

TransferKeys = tuple[bytes, ...]
Item = tuple[Record, Movement, bytes, bytes, bytes | None, TransferKeys | None]
"""A record, its movement, and its keys: of the applied id, the row, the unit and the
names of its transfer. A bare tuple, because one is made and taken apart for every
movement."""


def read_items(records: Iterable[Record], result: Result) -> list[Item]:
    """Read a batch's movements in order, and park what is none or cannot be."""
    items: list[Item] = []
    for record in records:
        try:
            movement = read_movement(record.value)
        except Undecodable as error:
            value = (record.value or b"").decode(errors="replace")
            park(record, Problem("undecodable", error.field, value, str(error)), result)
            continue
        problem = check(movement) or _check_key(record, movement)
        if problem is not None:
            park(record, problem, result)
            continue
        items.append(item_of(record, movement))
    return items


def park(record: Record, problem: Problem, result: Result) -> None:
    """Set a record aside with its problem."""
    reason, field, value, sentence = problem
    result.park(record, reason=reason, field=field, value=value, sentence=sentence)


def item_of(record: Record, movement: Movement) -> Item:
    """Return a record's movement with the keys it touches."""
    sku, place, kind = movement.sku, movement.location_id, movement.kind
    unit_id = movement.unit_id
    unit = unit_key(sku, unit_id) if unit_id and kind in UNIT_KINDS else None
    transfer = None
    if movement.transfer_ref and kind in TRANSFER_KINDS:
        transfer = tuple(transfer_key(sku, name) for name in names_of(movement))
    applied = movement.movement_id.encode()
    return record, movement, applied, row_key(sku, place), unit, transfer


def _check_key(record: Record, movement: Movement) -> Problem | None:
    if record.key == movement.sku.encode():
        return None
    # In the wrong partition it would begin a second row for the same stock.
    shown = (record.key or b"").decode(errors="replace")
    return Problem(
        "wrong_key",
        "key",
        shown,
        f"The record's key {shown!r} is not its SKU {movement.sku!r}, so it may lie in "
        "the wrong partition. Send it again with the SKU as key.",
    )
