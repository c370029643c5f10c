"""What an order takes from stock, and whether it may.

Source: API spec, `types/cart/InventoryMode`; docs "Inventory overview".
"""

from collections import Counter
from collections.abc import Sequence

from streams.sandbox.commercetools import errors
from streams.sandbox.commercetools.inventory import Inventory, InventoryEntry
from streams.sandbox.commercetools.landings import Landings
from streams.sandbox.commercetools.orders.model import InventoryMode, OrderLine

Taking = tuple[InventoryEntry, int]


def supply(
    lines: Sequence[OrderLine], inventory: Inventory, landings: Landings
) -> list[Taking]:
    """Find what each line takes: all are supplied, or it is refused with `OutOfStock`.

    Stock is taken from the entry with the line's supply channel; without one, from the
    entry that has no channel. TrackOnly takes below zero but needs an entry;
    ReserveOnOrder needs the internal availability, which is ahead of the entry, unless
    `restockableInDays` is set (`InventoryMode`).
    """
    takings: list[Taking] = []
    taken: Counter[str] = Counter()
    missing: list[OrderLine] = []
    for line in lines:
        if line.mode is InventoryMode.NONE:
            continue
        entry = inventory.at(line.sku, line.channel_id)
        if entry is None:
            missing.append(line)
            continue
        pending = landings.pending(entry.id) + taken[entry.id]
        if not _supplies(entry, line, pending):
            missing.append(line)
            continue
        taken[entry.id] += line.quantity
        takings.append((entry, line.quantity))
    if missing:
        skus = list(dict.fromkeys(line.sku for line in missing))
        raise errors.out_of_stock([line.id for line in missing], skus)
    return takings


def _supplies(entry: InventoryEntry, line: OrderLine, pending: int) -> bool:
    if line.mode is InventoryMode.TRACK_ONLY:
        return True
    if entry.restockable_in_days is not None:
        return True
    return entry.quantity_on_stock - pending >= line.quantity
