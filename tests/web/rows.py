"""Rows of the ledger's table, written as the ledger writes them."""

from datetime import UTC, datetime

from streams.domain.movements import Outside, Pool
from streams.domain.stock import ACCOUNTS, Row, available
from streams.mapping import stock_state
from streams.mapping.stock import row_key
from streams.tables import LEVELS, Table

AS_OF = datetime(2025, 3, 1, 10, 15, 2, 345000, tzinfo=UTC)


def level_row(
    sku: str,
    location_id: str,
    *,
    on_hand: int = 0,
    reserved: int = 0,
    damaged: int = 0,
    in_transit: int = 0,
    safety_stock: int = 0,
    sequence: int = 1,
    enabled: bool = True,
) -> tuple[Table, bytes, bytes]:
    """Return table, key and value of a row whose accounts sum to zero."""
    main = on_hand - reserved
    pools = {
        Pool.MAIN: main,
        Pool.RESERVED: reserved,
        Pool.DAMAGED: damaged,
        Pool.IN_TRANSIT: in_transit,
        Outside.UNKNOWN: -(on_hand + damaged + in_transit),
    }
    offered = available(main, safety_stock, enabled=enabled)
    at = round(AS_OF.timestamp() * 1000)
    row = Row(
        tuple(pools.get(account, 0) for account in ACCOUNTS),
        offered,
        offered,
        safety_stock,
        enabled,
        sequence,
        0,
        at,
        at,
        at,
    )
    return LEVELS, row_key(sku, location_id), stock_state.encode(row)
