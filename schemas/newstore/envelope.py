"""The envelope around every NewStore event, and which payload belongs to which name."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.newstore.common import VendorModel
from schemas.newstore.inventory import (
    Adjustment,
    ItemsCounted,
    ItemsReceived,
    ShipmentNotice,
    TransferStep,
)
from schemas.newstore.orders import (
    AmountRefunded,
    FulfilmentRequest,
    Order,
    OrderCancelled,
    OrderCompleted,
    RefundRequest,
    ReturnProcessed,
)

PAYLOADS: Mapping[str, type[VendorModel]] = {
    "order.created": Order,
    "order.opened": Order,
    "order.completed": OrderCompleted,
    "order.cancelled": OrderCancelled,
    "order.items_cancelled": OrderCancelled,
    "fulfillment_request.assigned": FulfilmentRequest,
    "fulfillment_request.items_ready_for_handover": FulfilmentRequest,
    "fulfillment_request.items_completed": FulfilmentRequest,
    "fulfillment_request.items_failed": FulfilmentRequest,
    "return.processed": ReturnProcessed,
    "refund_request.issued": RefundRequest,
    "payment_account.amount_refunded": AmountRefunded,
    "inventory_transaction.items_received": ItemsReceived,
    "inventory_transaction.adjustment_created": Adjustment,
    "inventory_transaction.asn_created": ShipmentNotice,
    "inventory_transaction.transfer_order_created": TransferStep,
    "inventory_transaction.items_ready_for_handover": TransferStep,
    "inventory_count.items_counted": ItemsCounted,
}
"""The events about stock, by name."""


class NewStoreEvent(VendorModel):
    """One event of NewStore's event stream. Delivered at least once, in no order."""

    wire_version: ClassVar[int] = 1

    tenant: str
    """May carry a stage suffix (`acme-staging`)."""
    name: str = Field(examples=["order.opened"])
    """Unknown names are accepted, counted and left alone."""
    payload: dict[str, Any]
    """The entity; `payload.id` repeats across the events about it."""
    published_at: AwareDatetime | None = None
    """UTC, with 3 to 9 fractional digits."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say in JSON Schema which payload each name has."""
        schema = handler(core_schema)
        handler.resolve_ref_schema(schema)["allOf"] = [
            {
                "if": {"properties": {"name": {"const": name}}},
                "then": {
                    "properties": {"payload": handler(model.__pydantic_core_schema__)}
                },
            }
            for name, model in PAYLOADS.items()
        ]
        return schema


def parse_payload(event: NewStoreEvent) -> VendorModel | None:
    """Read the payload of an event whose name we know; None for another name.

    Raises:
        pydantic.ValidationError: The payload is not what its name promises.
    """
    model = PAYLOADS.get(event.name)
    if model is None:
        return None
    # Through JSON, because strict models take times as text from JSON only.
    return model.model_validate_json(json.dumps(event.payload))
