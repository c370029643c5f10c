"""Rows of the ledger's table, written as the ledger writes them."""

from datetime import UTC, datetime

from streams.domain.movements import Outside, Pool
from streams.domain.stock import ACCOUNTS, Row
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
    offered = max(0, main - safety_stock) if enabled else 0
    row = Row(
        balances=[pools.get(account, 0) for account in ACCOUNTS],
        target=offered,
        available=offered,
        safety_stock=safety_stock,
        enabled=enabled,
        entries=sequence,
        revisions=0,
        as_of=AS_OF,
        recorded_at=AS_OF,
        first_recorded_at=AS_OF,
    )
    return LEVELS, row_key(sku, location_id), stock_state.encode_row(row)
