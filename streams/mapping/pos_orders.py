"""Sales, fulfilment, cancellations and returns: NewStore's lines as stock movements.

One sales item is one unit; its uuid makes the movement ids, so that two events about
the same unit leaving count once.
"""

from datetime import datetime

from streams.domain.movements import MovementKind, Pool
from streams.mapping.pos_rules import UNITS_MAX
from streams.mapping.pos_sheet import Place, Refused, Sheet, missing_place
from streams.mapping.pos_wire import (
    FulfilmentRequest,
    Order,
    OrderItem,
    Return,
    ReturnItem,
)
from streams.mapping.problems import impossible_quantity

RANK_MAX = 2**63 - 1


def map_order(order: Order, sheet: Sheet) -> None:
    """Map order.created and order.opened: sell what is carried out, promise the rest.

    Only order.opened says that a store purchase is complete (NewStore order lifecycle).
    An offline sale is uploaded later, so it happened at `placed_at`.
    """
    if order.is_historical:
        sheet.idle()
        return
    opened = sheet.envelope.name == "order.opened"
    occurred_at = sheet.moment(order.placed_at, order.created_at)
    demand = sheet.place(("demand_location_id", order.demand_location_id))
    shop = demand
    if order.channel_type != "web" and (demand is None or demand.names):
        # A store order's channel is the store.
        shop = sheet.place(
            ("demand_location_id", order.demand_location_id), ("channel", order.channel)
        )
    for line, item in sheet.lines():
        carried_out = item.shipping_service_level in sheet.rules.carried_out
        if not _is_goods(item.item_type, sheet):
            sheet.idle_lines.append(line)
        elif not carried_out:
            _promise(order, sheet, line, item, occurred_at, demand)
        elif not opened or (shop is None and order.channel_type == "web"):
            # The event that says it is done will come, and name the place.
            sheet.idle_lines.append(line)
        elif shop is None:
            sheet.refuse(line, missing_place("demand_location_id", "channel"))
        else:
            _sell(sheet, line, item, occurred_at, shop)


def _sell(
    sheet: Sheet, line: int, item: OrderItem, occurred_at: datetime, place: Place
) -> None:
    units = _units(sheet, line, item.id, item.quantity)
    sku = None if units is None else sheet.resolve(line, item, place)
    if sku is None or units is None:
        return
    for unit_id in units:
        sheet.move(
            MovementKind.SALE,
            f"sale:{unit_id}",
            sku=sku,
            quantity=1,
            location_id=place.location_id,
            unit_id=unit_id,
            occurred_at=occurred_at,
        )
    sheet.mapped_lines.append(line)


def _promise(
    order: Order,
    sheet: Sheet,
    line: int,
    item: OrderItem,
    occurred_at: datetime,
    demand: Place | None,
) -> None:
    """Announce a unit, at the place the order names or at none until it is routed.

    One id for order.created and order.opened: commerce counts an order once.
    """
    units = _units(sheet, line, item.id, item.quantity)
    sku = None if units is None else sheet.resolve(line, item)
    if sku is None or units is None:
        return
    # The demand location is only a first guess before routing, so a name that is not
    # known holds nothing up; nor can units that are not there yet be reserved.
    location_id = "" if demand is None or item.is_preorder else demand.location_id or ""
    counted = sheet.rules.is_counted(order.channel_type, order.channel)
    for unit_id in units:
        sheet.move(
            MovementKind.ANNOUNCE,
            f"announce:{unit_id}",
            sku=sku,
            quantity=1,
            location_id=location_id,
            unit_id=unit_id,
            commerce_counted=counted,
            occurred_at=occurred_at,
        )
    sheet.mapped_lines.append(line)


def map_cancellation(order: Order, sheet: Sheet) -> None:
    """Map order.cancelled and order.items_cancelled: free units wherever they are."""
    occurred_at = sheet.moment()
    for line, item in sheet.lines():
        if not _is_goods(item.item_type, sheet):
            sheet.idle_lines.append(line)
            continue
        units = _units(sheet, line, item.id, item.quantity)
        sku = None if units is None else sheet.resolve(line, item)
        if sku is None or units is None:
            continue
        for unit_id in units:
            sheet.move(
                MovementKind.RELEASE,
                f"release:cancelled:{unit_id}",
                sku=sku,
                quantity=1,
                unit_id=unit_id,
                occurred_at=occurred_at,
            )
        sheet.mapped_lines.append(line)


def map_fulfilment(request: FulfilmentRequest, sheet: Sheet) -> None:
    """Map fulfillment_request.assigned, items_completed and items_failed.

    The rank is `logical_timestamp`, which orders a tenant's fulfilment events; without
    it the time of publishing has to do.
    """
    event = sheet.envelope.name.removeprefix("fulfillment_request.")
    carried_out = request.service_level in sheet.rules.carried_out
    if carried_out and event != "items_completed":
        # Nothing was promised for goods that leave with the customer at once.
        sheet.idle()
        return
    kind, label = {
        "assigned": (MovementKind.RESERVE, f"reserve:{request.id}"),
        "items_failed": (MovementKind.RELEASE, f"release:{request.id}"),
        "items_completed": (
            (MovementKind.SALE, "sale") if carried_out else (MovementKind.SHIP, "ship")
        ),
    }[event]
    place = sheet.place_required(
        ("fulfillment_location_id", request.fulfillment_location_id),
        ("fulfillment_node_id", request.fulfillment_node_id),
    )
    rank = _rank(request, sheet)
    for line, item in sheet.lines():
        unit_id = sheet.text(line, "id", item.id)
        sku = None if unit_id is None else sheet.resolve(line, item, place)
        if sku is None:
            continue
        sheet.move(
            kind,
            f"{label}:{unit_id}",
            sku=sku,
            quantity=1,
            location_id=place.location_id,
            unit_id=unit_id,
            rank=rank,
            occurred_at=sheet.moment(item.shipped_at),
        )
        sheet.mapped_lines.append(line)


def _rank(request: FulfilmentRequest, sheet: Sheet) -> int:
    """Return where the event stands among those of its units, 1 at the least: a release
    of rank 0 would be a cancellation."""
    stated = request.logical_timestamp
    if stated is None:
        return max(1, int(sheet.moment().timestamp() * 1000))
    if not 0 <= stated <= RANK_MAX:
        raise Refused(
            impossible_quantity("payload.logical_timestamp", stated, 0, RANK_MAX)
        )
    return max(1, stated)


def map_return(returned: Return, sheet: Sheet) -> None:
    """Map return.processed: each line into the pool that its own condition says."""
    if returned.is_historical:
        sheet.idle()
        return
    place = sheet.place_required(("return_location_id", returned.return_location_id))
    occurred_at = sheet.moment(returned.returned_at)
    for line, item in sheet.lines():
        if _is_goods(item.item_type, sheet):
            _take_back(returned, sheet, line, item, place, occurred_at)
        else:
            sheet.idle_lines.append(line)


def _take_back(
    returned: Return,
    sheet: Sheet,
    line: int,
    item: ReturnItem,
    place: Place,
    occurred_at: datetime,
) -> None:
    # A blind return may not know the unit that was sold; its line then stands for it.
    units = _units(sheet, line, item.id or f"line-{line}", item.quantity)
    sku = None if units is None else sheet.resolve(line, item, place)
    if sku is None or units is None:
        return
    sellable = sheet.rules.is_sellable(item.condition_code, item.item_condition)
    for unit_id in units:
        sheet.move(
            MovementKind.RETURN,
            f"return:{returned.id}:{unit_id}",
            sku=sku,
            quantity=1,
            location_id=place.location_id,
            pool=Pool.MAIN if sellable else Pool.DAMAGED,
            unit_id=unit_id if item.id else "",
            occurred_at=occurred_at,
        )
    sheet.mapped_lines.append(line)


def _is_goods(item_type: str | None, sheet: Sheet) -> bool:
    return not item_type or item_type in sheet.rules.stock_items


def _units(
    sheet: Sheet, line: int, item_id: str, quantity: int | None
) -> list[str] | None:
    """List the ids of a line's units, or note it as refused.

    One item is one unit. Should one stand for several, the first keeps the item's id,
    so that events without a quantity find it; the others are `#2`, `#3` and so on.
    """
    unit_id = sheet.text(line, "id", item_id)
    if unit_id is None:
        return None
    count = 1 if quantity is None else quantity
    if count == 1:
        return [unit_id]
    known = sheet.quantity(line, "quantity", count, low=1, high=UNITS_MAX)
    if known is None:
        return None
    return [unit_id, *(f"{unit_id}#{number}" for number in range(2, known + 1))]
