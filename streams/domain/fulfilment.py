"""Fulfilment windows: news of an order's units gathered, then told in one change.

A window closes after a quiet time, at the latest after the longest one, and at once
when nothing more is to come. What leaves later makes another delivery; none is edited.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from streams.domain.order_names import safe_key
from streams.domain.order_record import (
    DeliveredUnit,
    Delivery,
    Order,
    Shown,
    Window,
)
from streams.domain.order_rules import OrderRules
from streams.domain.order_ties import OrderUnit, Units, is_worked_on
from streams.domain.order_units import DONE, GONE, UnitState, completion_of

INITIAL = "Initial"
RESERVED = "oneshelf-reserved"
CANCELLED = "oneshelf-cancelled"
SHIPPED = "oneshelf-shipped"
RETURNED = "oneshelf-returned"
STATE_KEYS = {
    UnitState.OPEN: INITIAL,
    UnitState.ASSIGNED: "oneshelf-assigned",
    UnitState.READY: "oneshelf-ready",
    UnitState.FAILED: "oneshelf-failed",
    UnitState.CANCELLED: CANCELLED,
    UnitState.COMPLETED: SHIPPED,
    UnitState.RETURNED: RETURNED,
}
"""Keys of the line item states that commercetools shows, by a unit's state."""

UNTOLD = Shown(INITIAL)
"""What commercetools shows of a unit of which it was told nothing."""


def shown_of(unit: OrderUnit, place: str = "") -> Shown:
    """Return what commercetools is to show of a unit as it stands.

    Args:
        place: Where we hold a unit that no fulfilment request has yet.
    """
    state, location_id = unit.standing.state, unit.standing.location_id
    if state is UnitState.OPEN and place:
        return Shown(RESERVED, place)
    if state is UnitState.FAILED or not unit.line_id:
        return Shown(STATE_KEYS[state])
    if state is UnitState.RETURNED:
        # Where it came from: where it is now, the return says.
        completion = completion_of(unit.facts)
        location_id = completion.location_id if completion else ""
    return Shown(STATE_KEYS[state], location_id)


def draft_of(units: Units, places: dict[str, str]) -> dict[str, Shown]:
    """Return what is to be shown of every unit of the order, were it told now."""
    return {
        name: shown_of(unit, places.get(name, ""))
        for name, unit in units.items()
        if not unit.is_withdrawn
    }


def undelivered(order: Order, units: Units) -> list[OrderUnit]:
    """Return the units that have left and are in no delivery yet."""
    if order.commerce is None or not order.commerce.has_shipping:
        return []
    delivered = {each.unit for made in order.deliveries for each in made.units}
    return [
        unit
        for name, unit in units.items()
        if name not in delivered
        and not unit.is_withdrawn
        and unit.standing.state in GONE
    ]


def gather(
    order: Order,
    units: Units,
    draft: dict[str, Shown],
    *,
    news_at: datetime | None,
    now: datetime,
    rules: OrderRules,
) -> Order:
    """Open, keep or close the order's window.

    Args:
        news_at: When was told what makes the draft another; None where nothing does.
    """
    order = _show_at_once(order, draft)
    if is_shown(order, draft) and not undelivered(order, units):
        return order if order.window is None else order._replace(window=None)
    window = order.window or Window(news_at or now, news_at or now)
    if news_at is not None:
        window = window._replace(news_at=max(window.news_at, news_at))
    # What commercetools has cancelled may yet be shipped: NewStore must know of it.
    is_last = rules.window_closes_complete and all(
        unit.standing.state in DONE and not is_worked_on(order, unit)
        for unit in units.values()
    )
    if is_last or now >= due_at(window, rules):
        return _close(order, units, draft)
    return order if window == order.window else order._replace(window=window)


def counted_from(told_at: datetime, now: datetime, rules: OrderRules) -> datetime:
    """Return from when news count: from when we were told, not from when we read it.

    If we lag behind by more than half the quiet time, half of it is left to gather
    what else waits to be read: else each batch of a backlog would make a call.
    """
    return min(max(told_at, now - rules.window_quiet / 2), now)


def is_shown(order: Order, draft: dict[str, Shown]) -> bool:
    """Say whether commercetools is told already what it is to show of each unit."""
    return all(order.shown.get(name, UNTOLD) == shown for name, shown in draft.items())


def due_at(window: Window, rules: OrderRules) -> datetime:
    """Return when the window closes if nothing more is heard."""
    return min(
        window.news_at + rules.window_quiet, window.opened_at + rules.window_longest
    )


def steadied(window: Window | None, now: datetime) -> Window | None:
    """Bring a window that a clock set back has put into the future to now."""
    if window is None:
        return None
    return Window(min(window.opened_at, now), min(window.news_at, now))


def _show_at_once(order: Order, draft: dict[str, Shown]) -> Order:
    """Show what cannot wait: a cancellation, and a unit's way to another place."""
    urgent = {
        name: shown
        for name, shown in draft.items()
        if (known := order.shown.get(name)) != shown
        and (
            shown.state_key == CANCELLED
            or (known is not None and _is_moved(known, shown))
        )
    }
    if not urgent:
        return order
    return order._replace(shown={**order.shown, **urgent})


def _is_moved(known: Shown, shown: Shown) -> bool:
    return (
        shown.state_key in (RESERVED, STATE_KEYS[UnitState.ASSIGNED])
        and known.location_id not in ("", shown.location_id)
        and known.state_key != SHIPPED
    )


def _close(order: Order, units: Units, draft: dict[str, Shown]) -> Order:
    return order._replace(
        deliveries=(*order.deliveries, *_deliveries(order, undelivered(order, units))),
        shown=draft,
        sync_id=min(order.newstore, default=""),
        window=None,
    )


def _deliveries(order: Order, gone: Iterable[OrderUnit]) -> Iterable[Delivery]:
    """Put units into one new delivery for each fulfilment request."""
    by_request: dict[str, list[DeliveredUnit]] = {}
    for unit in gone:
        completion = completion_of(unit.facts)
        if completion is None:
            by_request.setdefault("", []).append(DeliveredUnit(unit.name))
            continue
        _, _, _, _, carrier, tracking_code = completion
        delivered = DeliveredUnit(unit.name, carrier, tracking_code)
        by_request.setdefault(completion.request_id, []).append(delivered)
    made = Counter(delivery.request_id for delivery in order.deliveries)
    for request_id, units in sorted(by_request.items()):
        made[request_id] += 1
        parts = ("ns", request_id or "handed-over")
        number = made[request_id]
        key = safe_key(*parts, *([str(number)] if number > 1 else []))
        yield Delivery(key, request_id, tuple(sorted(units)))
