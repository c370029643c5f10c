"""When orders' windows closed: read from the orders stage's own changelog.

A closing is the change by which a window is gone from an order's row. Its record's
time is that of its transaction, a few milliseconds before this is committed.
"""

from dataclasses import dataclass
from typing import Any

from _house import met, spread

from streams.domain.order_record import Window
from streams.engine.reading import LogReader
from streams.mapping.orders_state import decode_order
from streams.settings import Settings
from streams.tables import ORDERS

TOLERANCE_S = 0.25


@dataclass(frozen=True, slots=True)
class Closing:
    """One window's end. Times are seconds since the epoch."""

    window: Window
    at: float

    @property
    def opened_at(self) -> float:
        return self.window.opened_at.timestamp()

    @property
    def news_at(self) -> float:
        return self.window.news_at.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One window: when its time began to run, and what came of it.

    Attributes:
        stored_at: The broker had acknowledged the news that decides (the last for the
            quiet time, the first for the longest).
        heard_at: When the order's row says that it was told; its timer runs from here.
        told_at: commercetools' stand-in had accepted the update.
    """

    stored_at: float
    heard_at: float
    limit_s: float
    closed_at: float
    told_at: float


async def closings_of(settings: Settings) -> dict[str, list[Closing]]:
    """Return the closings so far, by order number, in their order."""
    open_windows: dict[str, Window] = {}
    found: dict[str, list[Closing]] = {}
    async with LogReader(settings) as reader:
        async for records in reader.read_changelog(ORDERS.stage):
            for record in records:
                is_order = (record.key or b"").startswith(ORDERS.prefix)
                if not is_order or record.value is None:
                    continue
                order = decode_order(record.value)
                before = open_windows.pop(order.number, None)
                if order.window is not None:
                    open_windows[order.number] = order.window
                elif before is not None:
                    closing = Closing(before, record.timestamp / 1000)
                    found.setdefault(order.number, []).append(closing)
    return found


def lateness(windows: list[Timed]) -> dict[str, Any]:
    """Sum up how late windows closed, and where the time went.

    `committed` counts from the news stored and its limit to the closing, `told` to the
    update. `heard` is what the row has for the moment of the news, less the broker's
    answer: far above zero the stage would lag too much to make up for it. `timer` is
    what is left of `committed` without it: the tick and the commit.
    """
    committed = [each.closed_at - each.stored_at - each.limit_s for each in windows]
    furthest = max(map(abs, committed), default=None)
    return {
        "committed": spread(committed),
        "told": spread(
            [each.told_at - each.stored_at - each.limit_s for each in windows]
        ),
        "heard": spread([each.heard_at - each.stored_at for each in windows]),
        "timer": spread(
            [each.closed_at - each.heard_at - each.limit_s for each in windows]
        ),
        "closes_as_set": met(furthest, TOLERANCE_S),
    }


def tell_lateness(kind: str, found: dict[str, Any]) -> None:
    """Say it in words."""
    print(f"windows that close by {kind} time, after it is over:")
    for name in ("committed", "told", "heard", "timer"):
        each = found[name]
        print(
            f"  {name:9} p50 {each['p50_ms']} ms, p99 {each['p99_ms']} ms, "
            f"max {each['max_ms']} ms ({each['count']} windows)"
        )
    print(f"  closing committed within 250 ms: {found['closes_as_set']}")
