"""Answering for orders: here where this worker owns them, else through their owner."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from streams.domain.order_answers import LookAgainAsked
from streams.mapping.order_messages import ANSWERS
from streams.mapping.orders_state import decode_order, order_key
from streams.tables import ORDERS
from streams.web.auth import Caller
from streams.web.forwarding import Forwarder
from streams.web.orders_shapes import TROUBLE, order_shape, summary_of
from streams.web.paths import ORDERS as ORDER_PAGES
from streams.web.paths import path_to
from streams.web.ports import Local, OrdersPort, Remote, Unavailable
from streams.web.replies import Problem, Reply, json_reply, unavailable
from streams.web.storing import Storing

LOOKED_AT_MAX = 2_000
"""Orders of a partition looked at for one page; the next page goes on from there."""

ROWS_PER_TURN = 50
"""Rows read before others may run: some milliseconds."""


class Question(NamedTuple):
    """Which orders are asked for; an empty state is any."""

    state: str = ""
    limit: int = 50
    after: str = ""

    def fits(self, summary: dict[str, Any]) -> bool:
        """Say whether an order is one of those."""
        if self.state == TROUBLE:
            return bool(summary["troubles"])
        return self.state in ("", summary["state"])

    def target(self, partitions: Sequence[int]) -> bytes:
        """Write the question as a path for another worker."""
        pairs = {
            "state": self.state,
            "limit": str(self.limit),
            "after": self.after,
            "partitions": ",".join(map(str, partitions)),
        }
        asked = urlencode({name: value for name, value in pairs.items() if value})
        return f"/v1/orders?{asked}".encode()


class Page(NamedTuple):
    """Orders by number, and where to go on; None at the end."""

    items: list[dict[str, Any]]
    next: str | None


class OrdersLookup:
    """Finds the owner of each order and has it answer."""

    def __init__(self, orders: OrdersPort, forwarder: Forwarder) -> None:
        self._orders = orders
        self._forwarder = forwarder

    async def order(self, caller: Caller, number: str) -> Reply:
        """Answer with the whole of an order."""
        key = order_key(number)
        owner = self._owner(self._orders.partition_of(key))
        if isinstance(owner, Remote):
            return await self._forwarder.ask(
                owner.url, path_to(ORDER_PAGES, number), caller
            )
        row = owner.view.get(ORDERS, [key]).get(key)
        if row is None:
            raise _unknown(number)
        return json_reply(order_shape(decode_order(row)))

    async def look_again(self, caller: Caller, number: str, asked: Storing) -> Reply:
        """Ask the order's stage to look again; the order itself tells what came of it.

        Raises:
            Problem: There is no such order, or the log does not take the wish now.
        """
        known = await self.order(caller, number)
        if known.status != HTTPStatus.OK:
            return known
        wish = LookAgainAsked(order_number=number, asked_at=datetime.now(UTC))
        await asked.store(caller, [(order_key(number), ANSWERS.encode(wish))])
        return json_reply({"order_number": number, "asked": True}, HTTPStatus.ACCEPTED)

    async def orders(
        self, caller: Caller, question: Question, partitions: Sequence[int] = ()
    ) -> Reply:
        """Answer with a page of orders, of all partitions or of those named."""
        parts = partitions or range(self._orders.partitions)
        elsewhere: dict[str, list[int]] = {}
        pages = []
        for partition in parts:
            owner = self._owner(partition)
            if isinstance(owner, Remote):
                elsewhere.setdefault(owner.url, []).append(partition)
            else:
                pages.append(await self._page(partition, question))
        replies = await asyncio.gather(
            *(
                self._forwarder.ask(url, question.target(part), caller)
                for url, part in elsewhere.items()
            )
        )
        for reply in replies:
            if reply.status != 200:
                return reply
            answer = msgspec.json.decode(reply.body)
            pages.append(Page(answer["items"], answer["next"]))
        return json_reply(merged(pages, question.limit)._asdict())

    async def _page(self, partition: int, question: Question) -> Page:
        items: list[dict[str, Any]] = []
        start, looked_at = order_key(question.after) + b"\x00", 0
        while looked_at < LOOKED_AT_MAX:
            owner = self._owner(partition)
            if isinstance(owner, Remote):
                raise _moving()
            rows = list(islice(owner.view.scan(ORDERS, start=start), ROWS_PER_TURN))
            for key, row in rows:
                summary = summary_of(decode_order(row))
                if question.fits(summary):
                    items.append(summary)
                if len(items) == question.limit:
                    return Page(items, key.decode())
            if len(rows) < ROWS_PER_TURN:
                return Page(items, None)
            looked_at += len(rows)
            start = rows[-1][0] + b"\x00"
            await asyncio.sleep(0)
        return Page(items, start[:-1].decode())

    def _owner(self, partition: int) -> Local | Remote:
        owner = self._orders.owner_of(partition)
        if isinstance(owner, Unavailable):
            raise unavailable(
                f"Nobody can answer for this order now: {owner.reason}.",
                kind="owner-unavailable",
                retry_after_s=owner.retry_after_s,
            )
        return owner


def merged(pages: Sequence[Page], limit: int) -> Page:
    """Make one page of several, up to where the first of them ends."""
    border = min((page.next for page in pages if page.next is not None), default=None)
    items = sorted(
        (
            item
            for page in pages
            for item in page.items
            if border is None or item["order_number"] <= border
        ),
        key=lambda item: str(item["order_number"]),
    )
    if len(items) > limit:
        return Page(items[:limit], items[limit - 1]["order_number"])
    return Page(items, border)


def _moving() -> Problem:
    return unavailable(
        "The orders have just moved to another worker.",
        kind="owner-moving",
        retry_after_s=1.0,
    )


def _unknown(number: str) -> Problem:
    return Problem(
        404,
        "order-unknown",
        title="The order is not known",
        detail="No order of this number has been recorded.",
        field="order_number",
        value=number,
        remedy="check the number, upper and lower case included; news whose order "
        "cannot be told yet wait, see the exceptions list",
    )
