"""The ledger's inbox: records become movements with their keys, or are parked."""

from collections.abc import Iterable, Sequence

from streams.domain.ledger import Problem, check
from streams.domain.movements import Movement, MovementKind
from streams.domain.transfers import TRANSFER_KINDS
from streams.domain.units import UNIT_KINDS, Unit, sale_id
from streams.engine.fold import Record, Result
from streams.mapping.stock import (
    Undecodable,
    location_in,
    read_movement,
    row_key,
)
from streams.mapping.stock_state import transfer_key, unit_key

Item = tuple[Record, Movement, bytes, bytes, bytes | None, bytes | None]
"""A record, its movement, and its keys: of the applied id, the row, the unit and the
transfer. A bare tuple, because one is made and taken apart for every movement."""

_SALE = MovementKind.SALE


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
        items.append(_item(record, movement))
    return items


def park(record: Record, problem: Problem, result: Result) -> None:
    """Set a record aside with its problem."""
    reason, field, value, sentence = problem
    result.park(record, reason=reason, field=field, value=value, sentence=sentence)


def _item(record: Record, movement: Movement) -> Item:
    sku, place, kind = movement.sku, movement.location_id, movement.kind
    unit_id, transfer_ref = movement.unit_id, movement.transfer_ref
    unit = unit_key(sku, unit_id) if unit_id and kind in UNIT_KINDS else None
    transfer = None
    if transfer_ref and kind in TRANSFER_KINDS:
        transfer = transfer_key(transfer_ref, sku, place)
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


def applied_keys(items: Sequence[Item]) -> set[bytes]:
    """Return the ids to look up: each movement's, and whether its unit was sold."""
    keys = set()
    for _, movement, applied, _, unit, _ in items:
        keys.add(applied)
        if unit is not None and movement.kind is not _SALE:
            keys.add(sale_id(movement.unit_id).encode())
    return keys


def unit_keys(items: Sequence[Item]) -> set[bytes]:
    """Return the units the items are about."""
    return {unit for _, _, _, _, unit, _ in items if unit is not None}


def transfer_keys(items: Sequence[Item]) -> set[bytes]:
    """Return the transfers the items belong to."""
    return {transfer for *_, transfer in items if transfer is not None}


def row_keys(
    items: Sequence[Item], units: dict[bytes, Unit], applied: dict[bytes, bytes]
) -> set[bytes]:
    """Return the rows the items may touch: their own, and those of their units."""
    keys = {row for _, movement, _, row, _, _ in items if movement.location_id}
    for _, movement, _, _, key, _ in items:
        if key is None:
            continue
        unit = units.get(key)
        if unit is not None:
            places = {unit.location_id, unit.home}
        elif movement.kind is not _SALE:
            sold = applied.get(sale_id(movement.unit_id).encode())
            places = set() if sold is None else {location_in(sold)}
        else:
            continue
        keys.update(row_key(movement.sku, place) for place in places if place)
    return keys
