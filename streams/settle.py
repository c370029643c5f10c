"""Tells whether all is applied and told: what verify, replay and the demo wait for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from streams.domain.order_debts import is_to_be_told, is_under_way
from streams.domain.order_record import Order
from streams.domain.publications import Publication, is_owed
from streams.engine.commit import SOURCE_KEY
from streams.engine.reading import LogReader
from streams.mapping.orders_state import decode_order
from streams.mapping.publications import decode_publication
from streams.settings import Settings
from streams.tables import ORDERS, PUBLICATIONS, Table
from streams.topics import (
    COMMERCE_ANSWERS,
    COMMERCE_MESSAGES,
    EXCEPTION_COMMANDS,
    EXCEPTIONS,
    NEWSTORE_EVENTS,
    ORDER_ANSWERS,
    ORDER_FACTS,
    ORDER_NEWS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
    Topic,
)

SOURCES = {
    NEWSTORE_EVENTS: "intake",
    COMMERCE_MESSAGES: "intake",
    ORDER_NEWS: "linking",
    ORDER_FACTS: "orders",
    ORDER_ANSWERS: "orders",
    RESERVATION_ANSWERS: "orders",
    RESERVATION_REQUESTS: "ledger",
    STOCK_MOVEMENTS: "ledger",
    STOCK_LEVELS: "publishing",
    COMMERCE_ANSWERS: "publishing",
    EXCEPTIONS: "exceptions",
    EXCEPTION_COMMANDS: "exceptions",
}
"""The topics that stages read, each with its stage."""

POLL_S = 0.3
# Everything must be found quiet this many times in a row: an answer may be on its way
# from commercetools to the log, where nothing shows it.
QUIET_ROUNDS = 2


class NotSettled(Exception):
    """Something is still under way after the time allowed; the message says what."""


@dataclass(slots=True)
class Pending:
    """What is still under way."""

    records: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    orders: int = 0

    def __bool__(self) -> bool:
        return bool(sum(self.records.values()) or self.entries or self.orders)

    def __str__(self) -> str:
        parts = [f"{number} on {topic}" for topic, number in self.records.items()]
        if self.entries:
            parts.append(f"{self.entries} entries to tell commercetools")
        if self.orders:
            parts.append(f"{self.orders} orders under way")
        return ", ".join(parts) or "nothing"


class Watch:
    """Looks again and again, reading only what is new."""

    def __init__(self, settings: Settings, reader: LogReader) -> None:
        self._reader = reader
        self._tells_commerce = bool(settings.commercetools.api_url)
        self._tells_orders = self._tells_commerce and settings.commercetools.orders
        self._order_positions: dict[int, int] = {}
        self._orders_busy: set[bytes] = set()
        self._positions: dict[int, int] = {}
        self.publications: dict[bytes, Publication] = {}
        self.seen = Pending()
        """What the last look has found, or the one under way so far."""

    async def pending(self) -> Pending:
        """Say what is still under way."""
        pending = self.seen = Pending()
        for topic, stage in SOURCES.items():
            starts = await self._reader.committed(topic)
            waiting = await self._waiting(topic, starts)
            if waiting:
                # The group's offsets can stay behind what the state has applied, where
                # a rebalance came between; the state decides.
                starts = await self._applied(topic, stage, starts)
                waiting = await self._waiting(topic, starts)
            waiting = waiting or await self._reader.uncommitted(topic)
            if waiting:
                pending.records[topic.name] = waiting
        await self._refresh()
        if self._tells_commerce:
            rows = self.publications.values()
            pending.entries = sum(is_owed(row) and not row.trouble for row in rows)
        await self._refresh_orders()
        pending.orders = len(self._orders_busy)
        return pending

    async def _waiting(self, topic: Topic, starts: dict[int, int]) -> int:
        waiting = 0
        async for records in self._reader.read(topic, starts):
            waiting += len(records)
        return waiting

    async def _applied(
        self, topic: Topic, stage: str, starts: dict[int, int]
    ) -> dict[int, int]:
        """Return the first offset that a stage's own state does not have yet."""
        key = SOURCE_KEY + topic.name.encode()
        applied = dict(starts)
        for partition, committed in starts.items():
            value = await self._reader.latest_change(stage, partition, key)
            applied[partition] = max(committed, int(value or 0))
        return applied

    async def _refresh(self) -> None:
        async for key, value in self._changes(PUBLICATIONS, self._positions):
            if value is None:
                self.publications.pop(key, None)
            else:
                self.publications[key] = decode_publication(value)

    async def _refresh_orders(self) -> None:
        """Keep the orders that are looking for a place, gathering, or to be told."""
        async for key, value in self._changes(ORDERS, self._order_positions):
            order = None if value is None else decode_order(value)
            if order is not None and self._is_busy(order):
                self._orders_busy.add(key)
            else:
                self._orders_busy.discard(key)

    async def _changes(
        self, table: Table, positions: dict[int, int]
    ) -> AsyncIterator[tuple[bytes, bytes | None]]:
        """Walk the changes of a table's rows since the last walk."""
        changes = self._reader.read_changelog(table.stage, positions)
        async for records in changes:
            for record in records:
                positions[record.partition] = record.offset + 1
                if record.key is not None and record.key.startswith(table.prefix):
                    yield record.key[len(table.prefix) :], record.value

    def _is_busy(self, order: Order) -> bool:
        return is_under_way(order) or (self._tells_orders and is_to_be_told(order))


async def wait_until_settled(
    settings: Settings,
    *,
    timeout_s: float,
    progress: Callable[[Pending], None] = lambda _pending: None,
) -> None:
    """Return once every record is applied and commercetools knows every level.

    Raises:
        NotSettled: Something was still under way after `timeout_s`.
    """
    watch: Watch | None = None
    try:
        async with asyncio.timeout(timeout_s), LogReader(settings) as reader:
            watch = Watch(settings, reader)
            quiet = 0
            while quiet < QUIET_ROUNDS:
                pending = await watch.pending()
                progress(pending)
                quiet = 0 if pending else quiet + 1
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        left = Pending() if watch is None else watch.seen
        said = str(left) if left else "something, which the broker has not told yet"
        raise NotSettled(
            f"After {timeout_s:.0f} s there is still: {said}. Is a worker running?"
        ) from None
