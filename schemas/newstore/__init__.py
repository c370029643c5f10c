"""What we read of NewStore's event stream, version 1: the envelope and its payloads.

Open models: NewStore adds fields and event names at will, both are accepted. Money is
not among the fields, because stock needs none. Source: docs.newstore.net, event stream
webhook, and the events that public integrations show.
"""

from schemas.newstore.envelope import PAYLOADS, NewStoreEvent, parse_payload
from schemas.newstore.inventory import (
    Adjustment,
    ItemsCounted,
    ItemsReceived,
    ShipmentNotice,
    TransferStep,
)
from schemas.newstore.orders import (
    FulfilmentRequest,
    Order,
    OrderCancelled,
    OrderCompleted,
    RefundRequest,
    ReturnProcessed,
)

__all__ = [
    "PAYLOADS",
    "Adjustment",
    "FulfilmentRequest",
    "ItemsCounted",
    "ItemsReceived",
    "NewStoreEvent",
    "Order",
    "OrderCancelled",
    "OrderCompleted",
    "RefundRequest",
    "ReturnProcessed",
    "ShipmentNotice",
    "TransferStep",
    "parse_payload",
]
