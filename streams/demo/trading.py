"""Plays a day: what happens is written into the oracle's book, then told by events."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime

import httpx

from streams.demo import events
from streams.demo.catalogue import DC, Catalogue, channel_key
from streams.demo.day import Day, Ending, Kind, Lines, Step
from streams.demo.oracle import DAMAGED, ON_THE_WAY, Book
from streams.demo.players import NewStore, Till, Undeliverable, WebShop
from streams.demo.story import Story

TICK_S = 0.25

Act = Callable[[], Awaitable[None]]


class TradingStopped(Exception):
    """The day could not go on: somebody did not answer for too long."""


class Trading:
    """One day, played."""

    def __init__(
        self,
        day: Day,
        goods: Catalogue,
        book: Book,
        story: Story,
        *,
        newstore: NewStore,
        till: Till,
        web_shop: WebShop,
        acts: dict[Kind, Act],
    ) -> None:
        self._day = day
        self._goods = goods
        self._book = book
        self._story = story
        self._newstore = newstore
        self._till = till
        self._web_shop = web_shop
        self._acts = acts
        self._loop = asyncio.get_running_loop()
        self._begun = 0.0
        self._plays: dict[Kind, Callable[[Step], Awaitable[None]]] = {
            Kind.SALE: self._sale,
            Kind.WEB_ORDER: self._web_order,
            Kind.RACE: self._race,
            Kind.RETURN: self._return,
            Kind.RECEIPT: self._receipt,
            Kind.TRANSFER: self._transfer,
            Kind.COUNT: self._count,
            Kind.ADJUSTMENT: self._damage,
            Kind.STRANGER: self._stranger,
            Kind.BROKEN: self._broken,
            Kind.PRODUCTS: self._act,
            Kind.KILL: self._act,
        }

    async def play(self) -> None:
        """Play the whole day; return once every event has been accepted.

        Raises:
            TradingStopped: The workers or the web shop did not answer for too long.
        """
        self._begun = self._loop.time()
        clock = asyncio.create_task(self._run_clock())
        try:
            async with asyncio.TaskGroup() as tasks:
                for step in self._day.steps:
                    await self._until(step.at_s)
                    tasks.create_task(self._plays[step.kind](step))  # type: ignore[arg-type] # coroutines all
        except ExceptionGroup as group:
            silent, others = group.split((Undeliverable, httpx.HTTPError))
            if silent is None or others is not None:
                raise
            raise TradingStopped(
                "The trading day could not go on: the workers, or the sandbox, did not "
                f"answer for too long ({silent.exceptions[0]!r}). Is this machine busy?"
            ) from group
        finally:
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock
        self._story.progress = 1.0

    async def _run_clock(self) -> None:
        while True:
            at_s = min(self._loop.time() - self._begun, self._day.seconds)
            self._story.clock = self._day.clock(at_s)
            self._story.progress = at_s / self._day.seconds
            await asyncio.sleep(TICK_S)

    async def _until(self, at_s: float) -> None:
        wait_s = self._begun + at_s - self._loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def _tell(self, event: bytes, *times_s: float) -> None:
        """Send an event at each of the given moments."""
        for number, at_s in enumerate(times_s):
            await self._until(at_s)
            await self._newstore.post(event)
            self._story.numbers["sent again"] += number > 0

    async def _sale(self, step: Step) -> None:
        at = self._day.clock(step.at_s)
        units = self._carried_out(step, at)
        if not units:
            self._story.numbers["sold out"] += 1
            return
        self._story.numbers["store sales"] += 1
        event = events.store_sale(step.id, step.shop, units, at)
        first, *again = (step.at_s + after_s for after_s in step.sent_after_s)
        if first - step.at_s > 1.0:
            self._story.numbers["late"] += 1
        await self._tell(event, first, *again)
        if step.second_signal:
            second = events.handed_over(step.id, step.shop, units, at)
            await self._tell(second, self._loop.time() - self._begun)

    def _carried_out(self, step: Step, at: datetime) -> list[tuple[str, str]]:
        """Let customers take what is on the shelf and not set aside for others."""
        units = []
        for number, (sku, _) in enumerate(step.lines):
            place = sku, step.shop
            if self._book.on_shelf(place) > self._book.set_aside(place):
                self._book.move(place, -1, at)
                units.append((f"{step.id}-{number}", sku))
        return units

    async def _web_order(self, step: Step) -> None:
        await self._order(step)

    async def _order(self, step: Step) -> bool:
        """Buy on the web and tell NewStore's side of it; say whether it was won."""
        ((sku, quantity),) = step.lines
        place = sku, step.shop
        order = f"web-{step.id}"
        if not await self._web_shop.buy(sku, quantity, channel_key(step.shop), order):
            self._story.numbers["web orders lost"] += 1
            return False
        self._story.numbers["web orders won"] += 1
        units = [(f"{order}-{number}", sku) for number in range(quantity)]
        for unit, _ in units:
            self._book.promise(unit, place)
        at_s = step.at_s
        opened = events.web_order(order, step.shop, units, self._day.clock(at_s))
        await self._tell(opened, at_s)
        if step.kind is Kind.RACE:
            return True
        assigned = events.fulfilment(
            "assigned", order, "r1", step.shop, units, self._day.clock(at_s + 0.4)
        )
        await self._tell(assigned, *(at_s + 0.4 + x for x in step.sent_after_s))
        await self._end(step, order, step.shop, units, at_s + 1.6)
        return True

    async def _end(
        self, step: Step, order: str, place: str, units: events.Units, at_s: float
    ) -> None:
        """Ship or cancel what was ordered."""
        if step.ending is Ending.OPEN:
            return
        await self._until(at_s)
        at = self._day.clock(at_s)
        for unit, sku in units:
            self._book.free(unit)
            if step.ending is Ending.SHIPPED:
                self._book.move((sku, place), -1, at)
        if step.ending is Ending.CANCELLED:
            self._story.numbers["web orders cancelled"] += 1
            await self._tell(events.items_cancelled(order, units, at), at_s)
            return
        shipped = events.fulfilment("items_completed", order, "r1", place, units, at)
        await self._tell(shipped, at_s)

    async def _race(self, step: Step) -> None:
        """Let the till and the web shop want the same piece at the same moment."""
        ((sku, _),) = step.lines
        name = self._goods.names[sku]
        web, till = await asyncio.gather(
            self._later(-step.ahead_s, self._order(step)),
            self._later(step.ahead_s, self._sell_last(step)),
        )
        self._story.numbers["races"] += 1
        if web and till:
            self._story.numbers["oversold"] += 1
            self._story.say(
                f"Both got the last {name} in {step.shop}; the DC sends one"
            )
            await self._reroute(step)
        elif web or till:
            who = "the web shop" if web else "the till"
            self._story.numbers[f"won by {who}"] += 1
            self._story.say(f"Last {name} in {step.shop}: {who} was first")
        else:
            self._story.numbers["won by nobody"] += 1
        if web and not till:
            units = [(f"web-{step.id}-0", sku)]
            at_s = self._loop.time() - self._begun
            await self._end(step, f"web-{step.id}", step.shop, units, at_s)

    async def _later(self, wait_s: float, act: Awaitable[bool]) -> bool:
        await asyncio.sleep(max(0.0, wait_s))
        return await act

    async def _sell_last(self, step: Step) -> bool:
        """Sell the piece unless OneShelf says that it is promised to somebody."""
        ((sku, _),) = step.lines
        if await self._till.is_free(sku, step.shop) is False:
            return False
        at = self._day.clock(step.at_s)
        self._book.move((sku, step.shop), -1, at)
        unit = (f"{step.id}-till", sku)
        await self._tell(events.store_sale(step.id, step.shop, [unit], at), step.at_s)
        return True

    async def _reroute(self, step: Step) -> None:
        """The shop cannot send what it no longer has: the DC does."""
        ((sku, _),) = step.lines
        order = f"web-{step.id}"
        units = [(f"{order}-0", sku)]
        story = (
            ("assigned", "r1", step.shop),
            ("items_failed", "r1", step.shop),
            ("assigned", "r2", DC),
            ("items_completed", "r2", DC),
        )
        at_s = step.at_s
        for what, request, place in story:
            at_s += 0.3
            await self._until(at_s)
            at = self._day.clock(at_s)
            if what == "items_failed":
                self._book.free(units[0][0])
            elif what == "items_completed":
                self._book.free(units[0][0])
                self._book.move((sku, place), -1, at)
            else:
                self._book.promise(units[0][0], (sku, place))
            event = events.fulfilment(what, order, request, place, units, at)
            await self._tell(event, at_s)

    async def _return(self, step: Step) -> None:
        ((sku, _),) = step.lines
        at = self._day.clock(step.at_s)
        where = {} if step.sellable else {"where": DAMAGED}
        self._book.move((sku, step.shop), 1, at, **where)
        self._story.numbers["returns"] += 1
        event = events.returned(
            step.id, step.shop, [(f"{step.id}-0", sku)], at, sellable=step.sellable
        )
        await self._tell(event, *(step.at_s + after_s for after_s in step.sent_after_s))

    async def _receipt(self, step: Step) -> None:
        at = self._day.clock(step.at_s)
        self._put(step.shop, step.lines, at)
        half = len(step.lines) // 2
        chunks = [step.lines[:half], step.lines[half:]]
        self._story.say(f"{step.shop} received {_sum(step.lines)} units")
        self._story.numbers["receipts"] += 1
        # The last chunk first: chunks come in any order.
        for event in reversed(events.receipt(step.id, step.shop, chunks, at)):
            times_s = (step.at_s + after_s for after_s in step.sent_after_s)
            await self._tell(event, *times_s)

    async def _transfer(self, step: Step) -> None:
        left_at, arrived_s = self._day.clock(step.at_s), step.at_s + 2.0
        for sku, units in step.lines:
            self._book.move((sku, DC), -units, left_at)
            self._book.move((sku, step.shop), units, left_at, where=ON_THE_WAY)
        self._story.say(f"{_sum(step.lines)} units left the DC for {step.shop}")
        self._story.numbers["transfers"] += 1
        notice = events.transfer(step.id, DC, step.shop, step.lines, left_at)
        await self._tell(notice, step.at_s)
        await self._until(arrived_s)
        at = self._day.clock(arrived_s)
        for sku, units in step.lines:
            self._book.move((sku, step.shop), -units, at, where=ON_THE_WAY)
        self._put(step.shop, step.lines, at)
        (arrival,) = events.receipt(
            f"in-{step.id}", step.shop, [step.lines], at, asn=step.id
        )
        await self._tell(arrival, arrived_s)

    async def _count(self, step: Step) -> None:
        at = self._day.clock(step.at_s)
        found = []
        for sku, difference in step.lines:
            place = sku, step.shop
            units = max(0, self._book.on_shelf(place) + difference)
            self._book.count(place, units, at)
            found.append((sku, units))
        wrong = sum(difference != 0 for _, difference in step.lines)
        self._story.say(
            f"{step.shop} counted {len(found)} SKUs, {wrong} differ from the books"
        )
        await self._tell(events.counted(step.id, step.shop, found, at), step.at_s)

    async def _damage(self, step: Step) -> None:
        ((sku, units),) = step.lines
        at = self._day.clock(step.at_s)
        place = sku, step.shop
        units = min(units, self._book.on_shelf(place) - self._book.set_aside(place))
        if units < 1:
            return
        self._book.move(place, -units, at)
        self._book.move(place, units, at, where=DAMAGED)
        self._story.numbers["adjustments"] += 1
        event = events.damage(step.id, step.shop, [(sku, units)], at)
        await self._tell(event, step.at_s)

    async def _stranger(self, step: Step) -> None:
        """A product that nobody has told OneShelf of: it comes in, it is sold."""
        ((sku, units),) = step.lines
        at = self._day.clock(step.at_s)
        self._book.move((sku, step.shop), units, at)
        if units > 0:
            self._story.say(
                f"{sku}, which is in no list, came to {step.shop}: it waits"
            )
            (event,) = events.receipt(step.id, step.shop, [step.lines], at)
        else:
            unit = (f"{step.id}-0", sku)
            event = events.store_sale(step.id, step.shop, [unit], at)
        self._story.numbers["events of an unknown SKU"] += 1
        await self._tell(event, step.at_s)

    async def _broken(self, step: Step) -> None:
        self._story.say("An event arrived that nobody can read: it is parked")
        event = events.broken(step.id, self._day.clock(step.at_s))
        self._story.numbers["broken events"] += await self._newstore.post(event)

    async def _act(self, step: Step) -> None:
        await self._acts[step.kind]()

    def _put(self, shop: str, lines: Lines, at: datetime) -> None:
        for sku, units in lines:
            self._book.move((sku, shop), units, at)


def _sum(lines: Lines) -> int:
    return sum(units for _, units in lines)
