"""Receipts, transfers, adjustments and counts: NewStore's documents as stock movements.

Their lines carry no unit; document, chunk and line make the movement ids.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import msgspec

from streams.domain.adjustments import Move, Unclear
from streams.domain.movements import MovementKind
from streams.mapping.pos_rules import NAME_MAX, QUANTITY_MAX
from streams.mapping.pos_sheet import Place, Refused, Sheet
from streams.mapping.pos_wire import Count, Moment, StockDocument
from streams.mapping.problems import (
    Problem,
    ambiguous_count,
    impossible_quantity,
    name_too_long,
    unclear_adjustment,
    unknown_stock_location,
)

CHUNKS_MAX = 1_000_000


def map_receipt(receipt: StockDocument, sheet: Sheet) -> None:
    """Map inventory_transaction.items_received: all that physically came.

    The ASN's id ties it to the notice; a receipt on a manual reference names the
    transfer order or the shipment only. All that are there are given on.
    """
    place = _place(receipt, sheet)
    occurred_at = sheet.moment(receipt.processed_at)
    ref, *also = _references(receipt, "asn_id", "order_ref") or [""]
    chunk = _chunk(receipt)
    for line, sku, quantity in _goods(sheet, place):
        sheet.move(
            MovementKind.RECEIPT,
            f"receipt:{chunk}:{line}",
            sku=sku,
            quantity=quantity,
            location_id=place.location_id,
            transfer_ref=ref,
            transfer_also=tuple(also),
            occurred_at=occurred_at,
        )


def map_shipment_notice(notice: StockDocument, sheet: Sheet) -> None:
    """Map inventory_transaction.asn_created: a transfer has left its origin.

    No destination field is documented; where one is present the units are announced
    there too, else the receipt will tell, by any of the notice's references.
    """
    ref, *also = _references(notice, "id", "transfer_order_ref")
    origin = sheet.place_required(("origin_id", notice.origin_id))
    destination = sheet.place(("destination_id", notice.destination_id))
    places = [origin] if destination is None else [origin, destination]
    occurred_at = sheet.moment(_aware(notice.shipment_date), notice.processed_at)
    chunk = _chunk(notice)
    for line, sku, quantity in _goods(sheet, *places):
        legs = [(MovementKind.TRANSFER_OUT, f"asn:{chunk}:{line}", origin)]
        if destination is not None:
            legs.append(
                (MovementKind.TRANSFER_IN, f"asn-in:{chunk}:{line}", destination)
            )
        for kind, movement_id, place in legs:
            sheet.move(
                kind,
                movement_id,
                sku=sku,
                quantity=quantity,
                location_id=place.location_id,
                transfer_ref=ref,
                transfer_also=tuple(also),
                occurred_at=occurred_at,
            )


def map_adjustment(document: StockDocument, sheet: Sheet) -> None:
    """Map inventory_transaction.adjustment_created by the retailer's rule table."""
    move = sheet.rules.adjustments.move(
        document.adjustment_type or "",
        document.adjustment_reason or "",
        document.origin_stock_location_name or "",
        document.destination_stock_location_name or "",
    )
    if move is None or (isinstance(move, Move) and move.source == move.target):
        sheet.idle()
        return
    if isinstance(move, Unclear):
        problem = _unclear(move, document)
        for line, _ in sheet.lines():
            sheet.refuse(line, problem)
        return
    place, chunk = _place(document, sheet), _chunk(document)
    occurred_at = sheet.moment(document.processed_at)
    for line, sku, quantity in _goods(sheet, place):
        sheet.move(
            MovementKind.ADJUSTMENT,
            f"adjustment:{chunk}:{line}",
            sku=sku,
            quantity=quantity,
            location_id=place.location_id,
            source=move.source,
            target=move.target,
            occurred_at=occurred_at,
        )


def map_count(count: Count, sheet: Sheet) -> None:
    """Map inventory_count.items_counted: each line is absolute as of `completed_at`.

    A SKU on two lines of one chunk could mean the sum or either; nobody guesses.
    """
    place, chunk = _place(count, sheet), _chunk(count)
    occurred_at = sheet.moment(count.completed_at)
    lines = Counter(
        sheet.sku_of(item) for item in sheet.items if not isinstance(item, Problem)
    )
    for line, item in sheet.lines():
        quantity = sheet.quantity(line, "count", item.count, low=0, high=QUANTITY_MAX)
        sku = None if quantity is None else sheet.resolve(line, item, place)
        if sku is None:
            continue
        if lines[sku] > 1:
            path = f"payload.items[{line}]"
            sheet.refuse(line, ambiguous_count(path, sku, lines[sku]))
            continue
        sheet.move(
            MovementKind.COUNT,
            f"count:{chunk}:{line}",
            sku=sku,
            quantity=quantity,
            location_id=place.location_id,
            occurred_at=occurred_at,
        )
        sheet.mapped_lines.append(line)


def _place(document: StockDocument | Count, sheet: Sheet) -> Place:
    # NewStore uses both names for the same thing, by event.
    return sheet.place_required(
        ("fulfillment_location_id", document.fulfillment_location_id),
        ("fulfillment_node_id", document.fulfillment_node_id),
    )


def _chunk(document: StockDocument | Count) -> str:
    """Name the document's chunk: a large document comes in several events."""
    number = document.chunk_number
    if not 0 <= number <= CHUNKS_MAX:
        raise Refused(
            impossible_quantity("payload.chunk_number", number, 0, CHUNKS_MAX)
        )
    return f"{document.id}:{number}"


def _references(document: StockDocument, asn: str, order: str) -> list[str]:
    """List the transfer's references, the most exact first, each with its sort.

    The sort keeps an order's number apart from a shipment's that reads the same.

    Args:
        asn, order: In which field this document has them.
    """
    found = []
    for sort, name in (("asn", asn), ("order", order), ("shipment", "shipment_ref")):
        ref: str | None = getattr(document, name)
        if ref and len(ref) > NAME_MAX:
            raise Refused(name_too_long(f"payload.{name}", ref, NAME_MAX))
        if ref:
            found.append(f"{sort}:{ref}")
    return found


def _goods(sheet: Sheet, *places: Place) -> Iterator[tuple[int, str, int]]:
    """Walk the lines that tell of a known SKU: each counts as mapped once used."""
    for line, item in sheet.lines():
        quantity = _quantity(sheet, line, item.quantity)
        if quantity is None:
            continue
        sku = sheet.resolve(line, item, *places)
        if sku is None:
            continue
        yield line, sku, quantity
        sheet.mapped_lines.append(line)


def _quantity(sheet: Sheet, line: int, quantity: int) -> int | None:
    return sheet.quantity(line, "quantity", quantity, low=1, high=QUANTITY_MAX)


def _aware(text: str | None) -> datetime | None:
    """Read a time; None for a bare date, too coarse to be set against counts."""
    try:
        return msgspec.convert(text, Moment | None)
    except msgspec.ValidationError:
        return None


def _unclear(unclear: Unclear, document: StockDocument) -> Problem:
    match unclear:
        case Unclear.ORIGIN:
            name = "origin_stock_location_name"
            value = document.origin_stock_location_name or ""
        case Unclear.DESTINATION:
            name = "destination_stock_location_name"
            value = document.destination_stock_location_name or ""
        case Unclear.NOTHING:
            return unclear_adjustment(
                "payload.adjustment_type",
                document.adjustment_type or "",
                document.adjustment_reason or "",
            )
    return unknown_stock_location(f"payload.{name}", value)
