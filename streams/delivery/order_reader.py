"""Orders that have to be read in commercetools: from a link's row to news of them."""

from typing import Protocol

from streams.connectors.errors import Ambiguous, ConnectorError, NotFound
from streams.connectors.pacing import Turn, slow_down
from streams.delivery.courier import Carried, Later, Settled
from streams.delivery.due import Job
from streams.domain.order_news import OrderMissing, OrderNews
from streams.domain.order_notes import OrderPlaced
from streams.mapping.linking_state import decode_link
from streams.mapping.order_aliases import COMMERCE
from streams.mapping.order_messages import NEWS
from streams.mapping.problems import Problem

MISSES_MAX = 5
"""So often an order is asked for that is not there, further and further apart, before
people are told: its message may be ahead of what can be read."""


class Reads(Protocol):
    """Reads one order (connectors.placed_orders.OrderReads fits)."""

    async def placed(self, order_id: str) -> OrderPlaced | Problem | None: ...


def read_due(row: bytes) -> int | None:
    """Say which version of an order has to be read; None if none has."""
    link = decode_link(row)
    return link.wanted_version if link.needs_read else None


class OrderReader:
    """Reads one order at a time (a courier's `Carry`); what it tells is news."""

    def __init__(self, reads: Reads, *, misses_max: int = MISSES_MAX) -> None:
        self._reads = reads
        self._misses_max = misses_max
        self._misses: dict[bytes, int] = {}

    async def __call__(self, job: Job, turn: Turn) -> Carried:
        wanted = decode_link(job.value).wanted_version
        order_id = job.key.decode().removeprefix(COMMERCE)
        await turn.next()
        try:
            found = await self._reads.placed(order_id)
        except ConnectorError as error:
            slow_down(turn, error)
            return Later(error)
        turn.succeeded()
        if found is None:
            return self._missing(job, order_id, wanted)
        self._misses.pop(job.key, None)
        if isinstance(found, Problem):
            return _told(job, _unreadable(order_id, wanted, found))
        if found.version < wanted:
            stale = f"commercetools still answers version {found.version} of {order_id}"
            return Later(Ambiguous(stale, reason="stale_order"))
        return _told(job, found)

    def _missing(self, job: Job, order_id: str, wanted: int) -> Carried:
        misses = self._misses.get(job.key, 0) + 1
        if misses < self._misses_max:
            self._misses[job.key] = misses
            text = f"commercetools has no order {order_id}, or not yet"
            return Later(NotFound(text, reason="order_missing", status=404))
        self._misses.pop(job.key, None)
        return _told(job, OrderMissing(commerce_id=order_id, version=wanted))


def _unreadable(order_id: str, version: int, problem: Problem) -> OrderMissing:
    reason, field, value, sentence = problem
    return OrderMissing(
        commerce_id=order_id,
        version=version,
        reason=reason,
        field=field,
        value=value,
        sentence=sentence,
    )


def _told(job: Job, news: OrderNews) -> Settled:
    return Settled(((job.key, NEWS.encode(news)),))
