"""NewStore's events as stock movements, line by line: what one event means for stock.

Pure: the same event, reference data and rules always give the same movements and ids.
"""

from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

import msgspec

from streams.domain.movements import Movement
from streams.domain.reference import Reference
from streams.mapping import pos_inventory, pos_orders
from streams.mapping.pos_rules import NAME_MAX, IntakeRules
from streams.mapping.pos_sheet import LineProblem, OpenLine, Refused, Sheet
from streams.mapping.pos_wire import (
    Count,
    Envelope,
    FulfilmentRequest,
    Order,
    Payload,
    Return,
    StockDocument,
    decode_envelope,
    decode_payload,
)
from streams.mapping.problems import (
    Problem,
    empty_record,
    missing_field,
    name_too_long,
    wrong_tenant,
)

__all__ = ["IntakeRules", "Mapped", "decode_envelope", "map_event", "movements_of"]


class Mapped(NamedTuple):
    """What an event means: every line is in exactly one of the four lists.

    A named tuple, as one is made for every event: a third of a frozen dataclass.

    Attributes:
        known: The event's name is one that we know, whether it moves stock or not.
        movements: In line order; a line may give several.
        open_lines: Wait for a SKU or location to become known.
        problems: Cannot be mapped; line None stands for the whole event.
        idle_lines: Move no stock.
    """

    known: bool = True
    movements: tuple[Movement, ...] = ()
    mapped_lines: tuple[int, ...] = ()
    open_lines: tuple[OpenLine, ...] = ()
    problems: tuple[LineProblem, ...] = ()
    idle_lines: tuple[int, ...] = ()

    def reported(self) -> list[Problem]:
        """List all that a person must mend: what is wrong first, then what waits."""
        wrong = [item.problem for item in self.problems]
        return wrong + [
            problem for line in self.open_lines for problem in line.problems
        ]


class _Handler(NamedTuple):
    payload: type[Payload]
    document_type: str
    map: Callable[[Any, Sheet], None]


HANDLERS: Mapping[str, _Handler] = {
    "order.created": _Handler(Order, "order", pos_orders.map_order),
    "order.opened": _Handler(Order, "order", pos_orders.map_order),
    "order.cancelled": _Handler(Order, "order", pos_orders.map_cancellation),
    "order.items_cancelled": _Handler(Order, "order", pos_orders.map_cancellation),
    **{
        f"fulfillment_request.{name}": _Handler(
            FulfilmentRequest, "fulfillment_request", pos_orders.map_fulfilment
        )
        for name in ("assigned", "items_completed", "items_failed")
    },
    "return.processed": _Handler(Return, "return", pos_orders.map_return),
    "inventory_transaction.items_received": _Handler(
        StockDocument, "inventory_transaction", pos_inventory.map_receipt
    ),
    "inventory_transaction.asn_created": _Handler(
        StockDocument, "inventory_transaction", pos_inventory.map_shipment_notice
    ),
    "inventory_transaction.adjustment_created": _Handler(
        StockDocument, "inventory_transaction", pos_inventory.map_adjustment
    ),
    "inventory_count.items_counted": _Handler(
        Count, "inventory_count", pos_inventory.map_count
    ),
}
"""The events that move stock, and what reads them."""

WITHOUT_STOCK = frozenset(
    {
        "order.completed",
        "order.shipped",
        "fulfillment_request.items_ready_for_handover",
        "inventory_transaction.transfer_order_created",
        "inventory_transaction.items_ready_for_handover",
        "invoice.created",
        "refund_request.issued",
        "payment_account.amount_authorized",
        "payment_account.amount_captured",
        "payment_account.amount_refunded",
        "customer.created",
        "customer.updated",
        "customer.address_created",
        "customer.address_updated",
        "customer.address_deleted",
    }
)
"""Known events that move none: money, customers, and steps between two movements.

order.completed repeats what fulfilment said, perhaps long after ids are forgotten.
"""


def map_event(
    body: bytes | None,
    reference: Reference,
    rules: IntakeRules,
    *,
    origin: str = "",
    only: Set[int] | None = None,
) -> Mapped:
    """Say what an event's bytes mean for stock; see `movements_of`."""
    if body is None:
        return _refused(empty_record())
    envelope = decode_envelope(body)
    if isinstance(envelope, Problem):
        return _refused(envelope)
    return movements_of(envelope, reference, rules, origin=origin, only=only)


def movements_of(
    envelope: Envelope,
    reference: Reference,
    rules: IntakeRules,
    *,
    origin: str = "",
    only: Set[int] | None = None,
    whole: object = None,
) -> Mapped:
    """Say what an event means for stock; `only` restricts it to some of its lines.

    `whole` is its payload, where that has been read; not used if stock needs more.
    """
    if not rules.is_ours(envelope.tenant):
        return _refused(wrong_tenant(envelope.tenant, rules.tenant))
    name = rules.aliases.get(envelope.name, envelope.name)
    handler = HANDLERS.get(name)
    if handler is None:
        return Mapped(known=name in WITHOUT_STOCK)
    read = (whole, whole.items) if isinstance(whole, handler.payload) else None
    decoded = read or decode_payload(envelope.payload, handler.payload)
    if isinstance(decoded, Problem):
        return _refused(decoded)
    payload, items = decoded
    if not 0 < len(payload.id) <= NAME_MAX:
        return _refused(_bad_id(payload.id))
    if name != envelope.name:
        envelope = msgspec.structs.replace(envelope, name=name)
    sheet = Sheet(
        envelope=envelope,
        reference=reference,
        rules=rules,
        origin=origin,
        document_type=handler.document_type,
        document_id=payload.id,
        items=items,
        only=only,
    )
    return _mapped(payload, handler, sheet)


def _mapped(payload: Payload, handler: _Handler, sheet: Sheet) -> Mapped:
    try:
        handler.map(payload, sheet)
    except Refused as refused:
        return _refused(refused.problem)
    return Mapped(
        movements=tuple(sheet.movements),
        mapped_lines=tuple(sheet.mapped_lines),
        open_lines=tuple(sheet.open_lines),
        problems=tuple(sheet.problems),
        idle_lines=tuple(sheet.idle_lines),
    )


def _bad_id(value: str) -> Problem:
    if not value:
        return missing_field("payload.id")
    return name_too_long("payload.id", value, NAME_MAX)


def _refused(problem: Problem) -> Mapped:
    return Mapped(problems=(LineProblem(None, problem),))
