"""NewStore's events as news of orders: what one event makes known, whole or not at all.

Pure. Names that are not known to us hold nothing up here: the vendor's own stand in.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from streams.domain import order_notes as notes
from streams.domain.money import is_currency, minor_units
from streams.domain.order_notes import FulfilmentStep, OrderChannel, OrderNote
from streams.domain.reference import Reference
from streams.mapping import order_news_wire as wire
from streams.mapping.order_aliases import (
    checked_number,
    newstore_alias,
    unknown_sale_alias,
)
from streams.mapping.pos_orders import RANK_MAX
from streams.mapping.pos_rules import NAME_MAX, UNITS_MAX, IntakeRules
from streams.mapping.pos_sheet import Refused
from streams.mapping.pos_wire import Envelope, decode_whole
from streams.mapping.problems import (
    Problem,
    impossible_amount,
    impossible_name,
    impossible_quantity,
    missing_field,
    name_too_long,
)

EXTERNAL_ITEM_ID = "external_item_id"
"""Our name of a unit: sent at injection, there and as an extended attribute."""


class News(NamedTuple):
    """What an event makes known: notes under an alias, or why it cannot be read."""

    alias: str = ""
    notes: tuple[OrderNote, ...] = ()
    problem: Problem | None = None

    @property
    def problems(self) -> list[Problem]:
        return [] if self.problem is None else [self.problem]


NO_NEWS = News()


class _Handler(NamedTuple):
    payload: type[Any]
    read: Callable[["_Reading", Any], News]


def news_of(
    envelope: Envelope, reference: Reference, rules: IntakeRules, *, whole: Any = None
) -> News:
    """Say what an event of ours makes known about an order; see `HANDLERS`.

    Args:
        whole: Its payload, where that has been read already.
    """
    name = rules.aliases.get(envelope.name, envelope.name)
    handler = HANDLERS.get(name)
    if handler is None:
        return NO_NEWS
    payload = whole
    if payload is None:
        payload = decode_whole(envelope.payload, handler.payload, "payload")
    if isinstance(payload, Problem):
        return News(problem=payload)
    reading = _Reading(name, envelope.published_at, reference, rules)
    try:
        reading.name(payload.id, "payload.id")
        return handler.read(reading, payload)
    except Refused as refused:
        return News(problem=refused.problem)


class _Reading:
    """One event while it is read: looks names up, and refuses what is impossible."""

    __slots__ = ("_published_at", "_reference", "event", "rules")

    def __init__(
        self,
        event: str,
        published_at: datetime | None,
        reference: Reference,
        rules: IntakeRules,
    ) -> None:
        self.event = event
        self.rules = rules
        self._published_at = published_at
        self._reference = reference

    def moment(self, *stated: datetime | None) -> datetime:
        """Return when it happened: the first time stated, else that of publishing."""
        for time in (*stated, self._published_at):
            if time is not None:
                return time
        raise Refused(missing_field("published_at"))

    def name(self, value: str | None, path: str) -> str:
        """Return an id that has to be there."""
        if not value:
            raise Refused(missing_field(path))
        return self.text(value, path)

    def text(self, value: str | None, path: str) -> str:
        """Return a text of bounded length; empty where there is none."""
        if value and len(value) > NAME_MAX:
            raise Refused(name_too_long(path, value, NAME_MAX))
        return value or ""

    def sku(self, item: Any, line: int) -> str:
        """Return our SKU, or what the vendor calls the product."""
        named = None
        if item.external_identifiers:
            named = item.external_identifiers.get(self.rules.sku_identifier)
        for name in (named, item.product_id):
            if name and isinstance(name, str):
                sku = self._reference.sku(name)
                if sku is not None:
                    return sku
        path = f"payload.items[{line}].product_id"
        return self.text(item.product_id or str(named or ""), path)

    def location(self, path: str, *named: str | None) -> str:
        """Return our location, or the first name that the vendor gives it."""
        for name in named:
            location = self._reference.location(name) if name else None
            if location is not None:
                return location.location_id
        return self.text(next(filter(None, named), ""), path)

    def goods(self, items: list[Any]) -> list[tuple[int, Any]]:
        """List the lines that are goods, with their places."""
        stock = self.rules.stock_items
        return [
            (line, item)
            for line, item in enumerate(items)
            if not item.item_type or item.item_type in stock
        ]

    def units(self, item: Any, line: int) -> tuple[str, ...]:
        """List the ids of a line's units, as the stock movements do."""
        unit_id = item.id
        if not 0 < len(unit_id) <= NAME_MAX:
            self.name(unit_id, f"payload.items[{line}].id")
        count = self.quantity(item, line)
        if count == 1:
            return (unit_id,)
        return (unit_id, *(f"{unit_id}#{number}" for number in range(2, count + 1)))

    def quantity(self, item: Any, line: int) -> int:
        count: int = 1 if item.quantity is None else item.quantity
        if 1 <= count <= UNITS_MAX:
            return count
        at = f"payload.items[{line}].quantity"
        raise Refused(impossible_quantity(at, count, 1, UNITS_MAX))

    def currency(self, code: str | None, path: str = "payload.currency") -> str:
        """Return the currency; empty where the event names none."""
        if code and not is_currency(code):
            why = "is no currency of ISO 4217, such as GBP"
            raise Refused(impossible_name(path, code, why))
        return code or ""

    def minor(self, amount: Decimal | None, currency: str, path: str) -> int:
        """Return an amount of money, never below zero; nothing stated is nothing."""
        if amount is None:
            return 0
        if not currency:
            raise Refused(missing_field("payload.currency"))
        minor = minor_units(amount, currency)
        if minor is None or minor < 0:
            raise Refused(impossible_amount(path, amount, currency))
        return minor


def _opened(reading: _Reading, order: wire.Opened) -> News:
    # An order without a public number is known by its own id: that is unique as well.
    external_id = checked_number(order.external_id or order.id, "payload.external_id")
    carried_out = reading.rules.carried_out
    items = [
        notes.OpenedItem(
            item_id=unit_id,
            sku=reading.sku(item, line),
            external_item_id=_our_name(reading, item, line),
            carried_out=item.shipping_service_level in carried_out,
        )
        for line, item in reading.goods(order.items)
        for unit_id in reading.units(item, line)
    ]
    returns = [each.return_id for each in order.exchanges or () if each.return_id]
    note = notes.OrderOpened(
        newstore_id=order.id,
        external_id=external_id,
        channel=(
            OrderChannel.WEB if order.channel_type == "web" else OrderChannel.STORE
        ),
        placed_at=reading.moment(order.placed_at, order.created_at),
        items=tuple(items),
        currency=reading.currency(order.currency),
        exchanged_returns=tuple(dict.fromkeys(returns)),
        is_historical=bool(order.is_historical),
    )
    return News(newstore_alias(order.id), (note,))


def _our_name(reading: _Reading, item: wire.OpenedUnit, line: int) -> str:
    path = "payload.items[{}].{}"
    if item.external_item_id:
        at = path.format(line, EXTERNAL_ITEM_ID)
        return reading.text(item.external_item_id, at)
    for attribute in item.extended_attributes or ():
        if attribute.name == EXTERNAL_ITEM_ID and isinstance(attribute.value, str):
            at = path.format(line, "extended_attributes")
            return reading.text(attribute.value, at)
    return ""


def _cancelled(reading: _Reading, order: wire.Cancelled) -> News:
    whole = reading.event == "order.cancelled"
    goods = reading.goods(order.items)
    item_ids = [unit for line, item in goods for unit in reading.units(item, line)]
    if not whole and not item_ids:
        return NO_NEWS
    reasons = (item.cancellation_reason for _, item in goods)
    note = notes.UnitsCancelled(
        newstore_id=order.id,
        item_ids=() if whole else tuple(item_ids),
        occurred_at=reading.moment(),
        reason=next(filter(None, reasons), "")[:NAME_MAX],
    )
    return News(newstore_alias(order.id), (note,))


def _completed(reading: _Reading, order: wire.Completed) -> News:
    note = notes.OrderCompleted(newstore_id=order.id, occurred_at=reading.moment())
    return News(newstore_alias(order.id), (note,))


def _fulfilment(reading: _Reading, request: wire.Fulfilment) -> News:
    order_id = reading.name(request.order_id, "payload.order_id")
    items = tuple(
        notes.FulfilledItem(
            item_id=reading.name(item.id, f"payload.items[{line}].id"),
            sku=reading.sku(item, line),
            shipped_at=item.shipped_at,
            carrier=reading.text(item.carrier, f"payload.items[{line}].carrier"),
            tracking_code=reading.text(
                item.tracking_code, f"payload.items[{line}].tracking_code"
            ),
        )
        for line, item in enumerate(request.items)
    )
    if not items:
        return NO_NEWS
    note = notes.FulfilmentSeen(
        newstore_id=order_id,
        request_id=request.id,
        step=STEPS[reading.event],
        rank=_rank(reading, request.logical_timestamp),
        location_id=reading.location(
            "payload.fulfillment_location_id",
            request.fulfillment_location_id,
            request.fulfillment_node_id,
        ),
        occurred_at=reading.moment(),
        items=items,
    )
    return News(newstore_alias(order_id), (note,))


def _rank(reading: _Reading, stated: int | None) -> int:
    """Return where the event stands among those of its units, as for the movements."""
    if stated is None:
        return max(1, int(reading.moment().timestamp() * 1000))
    if not 0 <= stated <= RANK_MAX:
        path = "payload.logical_timestamp"
        raise Refused(impossible_quantity(path, stated, 0, RANK_MAX))
    return max(1, stated)


def _returned(reading: _Reading, returned: wire.Returned) -> News:
    if returned.is_historical:
        return NO_NEWS
    currency = reading.currency(returned.currency)
    named = returned.external_order_id or returned.external_id
    order_id = reading.text(returned.order_id, "payload.order_id")
    note = notes.GoodsReturned(
        return_id=returned.id,
        location_id=reading.location(
            "payload.return_location_id", returned.return_location_id
        ),
        returned_at=reading.moment(returned.returned_at),
        items=tuple(
            _returned_item(reading, item, line, currency)
            for line, item in reading.goods(returned.items)
        ),
        newstore_id=order_id,
        external_order=(
            checked_number(named, "payload.external_order_id") if named else ""
        ),
        currency=currency,
        refund_minor=reading.minor(
            _either(
                returned.total_refund_amount_adjusted, returned.total_refund_amount
            ),
            currency,
            "payload.total_refund_amount",
        ),
    )
    alias = newstore_alias(order_id) if order_id else unknown_sale_alias(returned.id)
    return News(alias, (note,))


def _returned_item(
    reading: _Reading, item: wire.ReturnedUnit, line: int, currency: str
) -> notes.ReturnedItem:
    path = f"payload.items[{line}]"
    return notes.ReturnedItem(
        sku=reading.sku(item, line),
        item_id=reading.text(item.id, f"{path}.id"),
        quantity=reading.quantity(item, line),
        sellable=reading.rules.is_sellable(item.condition_code, item.item_condition),
        reason=(item.return_reason or "")[:NAME_MAX],
        refund_minor=reading.minor(
            _either(item.refund_amount_adjusted, item.refund_amount),
            currency,
            f"{path}.refund_amount",
        ),
    )


def _refunded(reading: _Reading, account: wire.Refunded) -> News:
    order_id = reading.name(account.order_id or account.id, "payload.order_id")
    made = []
    for index, each in enumerate(account.transactions):
        path = f"payload.transactions[{index}]"
        currency = reading.currency(each.currency, f"{path}.currency")
        settled = notes.RefundSettled(
            newstore_id=order_id,
            correlation_id=reading.name(each.correlation_id, f"{path}.correlation_id"),
            transaction_id=reading.name(each.id, f"{path}.id"),
            amount_minor=reading.minor(each.amount, currency, f"{path}.amount"),
            currency=currency,
            settled_at=reading.moment(),
        )
        made.append(settled)
    return News(newstore_alias(order_id), tuple(made)) if made else NO_NEWS


def _appeased(reading: _Reading, refund: wire.Appeased) -> News:
    named = refund.order_id or refund.payment_account_id
    order_id = reading.name(named, "payload.order_id")
    currency = reading.currency(refund.currency)
    note = notes.AppeasementGiven(
        newstore_id=order_id,
        refund_id=refund.id,
        amount_minor=reading.minor(refund.amount, currency, "payload.amount"),
        currency=currency,
        occurred_at=reading.moment(refund.requested_at),
    )
    return News(newstore_alias(order_id), (note,))


def _either(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return second if first is None else first


STEPS: Mapping[str, FulfilmentStep] = {
    "fulfillment_request.assigned": FulfilmentStep.ASSIGNED,
    "fulfillment_request.items_ready_for_handover": FulfilmentStep.READY,
    "fulfillment_request.items_completed": FulfilmentStep.COMPLETED,
    "fulfillment_request.items_failed": FulfilmentStep.FAILED,
}

HANDLERS: Mapping[str, _Handler] = {
    "order.created": _Handler(wire.Opened, _opened),
    "order.opened": _Handler(wire.Opened, _opened),
    "order.cancelled": _Handler(wire.Cancelled, _cancelled),
    "order.items_cancelled": _Handler(wire.Cancelled, _cancelled),
    "order.completed": _Handler(wire.Completed, _completed),
    **dict.fromkeys(STEPS, _Handler(wire.Fulfilment, _fulfilment)),
    "return.processed": _Handler(wire.Returned, _returned),
    "payment_account.amount_refunded": _Handler(wire.Refunded, _refunded),
    "refund_request.issued": _Handler(wire.Appeased, _appeased),
}
"""The events that tell of an order, and what reads them."""
