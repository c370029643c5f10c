"""Which keys of the ledger's tables a batch needs: each is read once, in bulk."""

from collections.abc import Sequence

from streams.agents.ledger_inbox import Item
from streams.domain.movements import MovementKind
from streams.domain.units import Unit, sale_id
from streams.mapping.stock import location_in, row_key

_SALE = MovementKind.SALE


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
