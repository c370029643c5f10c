"""The ledger tells which rows have become scarce, and which are so no more."""

from streams.domain.scarcity import is_scarce
from streams.domain.stock import Row
from streams.engine.fold import Output, Record, Result
from streams.mapping.scarce_rows import encode_scarce
from streams.topics import SCARCE_ROWS


def tell_scarcity(
    result: Result, key: bytes, row: Row, record: Record | None, *, was_scarce: bool
) -> None:
    """Tell of a row that has become scarce, or is so no more.

    Args:
        record: What changed it; None where reference data did.
    """
    if is_scarce(row) != was_scarce:
        value = None if was_scarce else encode_scarce(key, row)
        result.send(SCARCE_ROWS, Output(key, value, record, None, True))
