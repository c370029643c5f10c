"""What is known of a transfer, for people: found by any of its names."""

from typing import Any

from streams.domain.transfers import Transfer, received, sent, under_way
from streams.mapping.stock import Scannable
from streams.mapping.stock_state import decode_transfer, own_transfer_key, transfer_key
from streams.tables import TRANSFERS


def transfer_at(view: Scannable, sku: str, name: str) -> Transfer | None:
    """Find one SKU's transfer by one of its names; None if it is forgotten."""
    key = transfer_key(sku, name)
    found = _read(view, key)
    if found is not None and found.same_as:
        found = _read(view, own_transfer_key(key, found))
    return found


def describe(transfer: Transfer) -> dict[str, Any]:
    """Say how a transfer stands now, as plain values."""
    sent_at = transfer.sent_at
    return {
        "names": list(transfer.names),
        "sent": sent(transfer),
        "received": received(transfer),
        "under_way": under_way(transfer),
        "last_sent_at": None if sent_at is None else sent_at.isoformat(),
        "overdue": bool(transfer.overdue),
        "locations": [leg._asdict() for leg in transfer.legs],
    }


def _read(view: Scannable, key: bytes) -> Transfer | None:
    value = view.get(TRANSFERS, [key]).get(key)
    return None if value is None else decode_transfer(value)
