"""Which keys of the ledger's tables a batch needs: each is read once, in bulk."""

from collections.abc import Mapping, Sequence

from streams.agents.ledger_inbox import Item
from streams.domain.movements import MovementKind
from streams.domain.units import Unit, sale_id
from streams.mapping.stock import location_in, row_key
from streams.mapping.stock_state import unit_key

_SALE = MovementKind.SALE
_IDENTIFY = MovementKind.IDENTIFY


def applied_keys(items: Sequence[Item]) -> set[bytes]:
    """Return the ids to look up: each movement's, and whether its unit was sold."""
    keys = set()
    for _, movement, applied, _, unit, _ in items:
        keys.add(applied)
        if unit is not None and movement.kind is not _SALE:
            keys.add(sale_id(movement.unit_id).encode())
    return keys


def unit_keys(items: Sequence[Item]) -> set[bytes]:
    """Return the units the items are about, by the names they call them."""
    keys = {unit for _, _, _, _, unit, _ in items if unit is not None}
    for _, movement, _, _, _, _ in items:
        if movement.kind is _IDENTIFY:
            keys.add(unit_key(movement.sku, movement.same_as))
    return keys


def own_name_key(key: bytes, unit: Unit) -> bytes:
    """Return the key of the unit that another name's entry stands for."""
    sku, _, _ = key.partition(b"|")
    return sku + b"|" + unit.same_as.encode()


def own_name_keys(units: Mapping[bytes, Unit]) -> set[bytes]:
    """Return the units that were found by another name, by their own."""
    return {own_name_key(key, unit) for key, unit in units.items() if unit.same_as}


def row_keys(
    items: Sequence[Item], units: dict[bytes, Unit], applied: dict[bytes, bytes]
) -> set[bytes]:
    """Return the rows the items may touch: their own, and those of their units."""
    keys = set()
    for _, movement, _, row, key, _ in items:
        if movement.location_id:
            keys.add(row)
        if key is None or (movement.kind is _SALE and key not in units):
            # Most are: of a unit that was never reserved, nothing else is known.
            continue
        places = _places(units.get(key), key, units)
        if movement.kind is _IDENTIFY:
            own = unit_key(movement.sku, movement.same_as)
            places |= _places(units.get(own), own, units)
        if key not in units:
            sold = applied.get(sale_id(movement.unit_id).encode())
            places |= set() if sold is None else {location_in(sold)}
        keys.update(row_key(movement.sku, place) for place in places if place)
    return keys


def _places(unit: Unit | None, key: bytes, units: dict[bytes, Unit]) -> set[str]:
    if unit is not None and unit.same_as:
        unit = units.get(own_name_key(key, unit))
    return set() if unit is None else {unit.location_id, unit.home}
