"""Puts together what carries orders to the vendors: a courier for each errand.

Each errand listens to the commits of one stage; the worker runs all that is configured.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from streams.connectors.commerce_orders import OrderClient, ProjectIds
from streams.connectors.newstore import NewStoreClient
from streams.connectors.order_rehearsal import OrderRehearsal, RehearsalClient
from streams.connectors.order_updates import OrderCounters, OrderUpdater
from streams.connectors.pacing import Pace, Urgency
from streams.connectors.placed_orders import OrderReads
from streams.connectors.source_orders import SourceOrders
from streams.delivery.commerce_orders import CommerceOrders, commerce_due
from streams.delivery.courier import Courier
from streams.delivery.due import DueRows
from streams.delivery.order_reader import OrderReader, read_due
from streams.delivery.sourcing import SourcingCarrier, sourcing_due
from streams.delivery.stock_checks import CheckDesk, Claims
from streams.domain.reference import Reference
from streams.engine.fold import Clock
from streams.mapping.stores import StoreOptions, atp_key_of
from streams.settings import CommercetoolsSettings, NewStoreSettings, Settings
from streams.tables import ORDER_LINKS, ORDERS

Append = Callable[[bytes, bytes], Awaitable[None]]
"""Appends an answer to a topic; returns when it is durable."""


@dataclass(slots=True)
class Errand:
    """One kind of task: its rows, its courier, and the client that it uses.

    Attributes:
        stage: The stage whose commits it hears.
    """

    name: str
    stage: str
    rows: DueRows
    courier: Courier
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Paces:
    """How fast a worker may ask each vendor's project: one pace for all its clients."""

    commercetools: Pace
    newstore: Pace


def paces_of(settings: Settings, workers: Callable[[], int]) -> Paces:
    """Return a worker's paces; each limit is shared with the other workers.

    Args:
        workers: Counts the workers of the group, this one included.
    """

    def pace(vendor: CommercetoolsSettings | NewStoreSettings) -> Pace:
        return Pace(
            concurrency_max=vendor.max_concurrency,
            requests_per_second=vendor.requests_per_second,
            rng=random.Random(),
            workers=workers,
        )

    return Paces(pace(settings.commercetools), pace(settings.newstore))


def commerce_errand(
    settings: Settings, paces: Paces, append: Append, clock: Clock
) -> Errand | None:
    """Return what tells commercetools of orders; None where it is not configured.

    Args:
        append: Takes answers to `order-answers`.
    """
    commercetools = settings.commercetools
    if not (commercetools.api_url and commercetools.orders):
        return None
    rng = random.Random()
    client = OrderClient(commercetools)
    updater = OrderUpdater(client, ProjectIds(client), OrderCounters())
    rows = DueRows(ORDERS, commerce_due, monotonic=_now)
    lane = paces.commercetools.lane(Urgency.ORDERS)
    courier = Courier(rows, CommerceOrders(updater, clock), lane, append, rng=rng)
    return Errand("commerce-orders", "orders", rows, courier, client.aclose)


def rehearsal_of(settings: Settings, paces: Paces) -> OrderRehearsal | None:
    """Return what foretells updates of orders; None where they are not told."""
    commercetools = settings.commercetools
    if not (commercetools.api_url and commercetools.orders):
        return None
    lane = paces.commercetools.lane(Urgency.READS)
    return OrderRehearsal(RehearsalClient(commercetools), lane)


def reader_errand(settings: Settings, paces: Paces, append: Append) -> Errand | None:
    """Return what reads orders in commercetools; None where they are not taken in.

    Args:
        append: Takes news to `order-news`.
    """
    commercetools = settings.commercetools
    if not (commercetools.api_url and commercetools.orders):
        return None
    rng = random.Random()
    reads = OrderReads(OrderClient(commercetools))
    rows = DueRows(ORDER_LINKS, read_due, monotonic=_now)
    lane = paces.commercetools.lane(Urgency.READS)
    courier = Courier(rows, OrderReader(reads), lane, append, rng=rng)
    return Errand("commerce-reads", "linking", rows, courier, reads.aclose)


def sourcing_errand(
    settings: Settings, paces: Paces, append: Append, clock: Clock, reference: Reference
) -> Errand | None:
    """Return what asks NewStore for orders; None where we do not look for places.

    Args:
        append: Takes answers to `order-answers`.
    """
    newstore = settings.newstore
    if not (newstore.api_url and settings.commercetools.orders):
        return None
    client = NewStoreClient(newstore)
    session = OrderClient(settings.commercetools)
    lane = paces.newstore.lane(Urgency.ORDERS)
    orders = SourceOrders(session, paces.commercetools.lane(Urgency.ORDERS))
    claims = Claims(_now)
    desk = CheckDesk(
        client,
        lane,
        lambda need: atp_key_of(need, reference),
        claims,
        deadline_s=settings.sourcing.check_deadline_s,
        monotonic=_now,
    )
    carrier = SourcingCarrier(
        desk,
        claims,
        client,
        lane,
        orders.read,
        reference,
        options=_store_options(newstore),
        clock=clock,
    )
    rows = DueRows(ORDERS, sourcing_due, monotonic=_now)

    async def close() -> None:
        await desk.aclose()
        await client.aclose()
        await session.aclose()

    courier = Courier(rows, carrier, lane, append, rng=random.Random())
    return Errand("newstore-sourcing", "orders", rows, courier, close)


def _store_options(newstore: NewStoreSettings) -> StoreOptions:
    return StoreOptions(shop=newstore.shop, service_level=newstore.service_level)


class Errands:
    """All errands of a worker, run together."""

    def __init__(self, errands: Sequence[Errand | None]) -> None:
        self.errands = [errand for errand in errands if errand is not None]
        self._tasks: list[asyncio.Task[None]] = []

    def of_stage(self, stage: str) -> list[DueRows]:
        """Return the listeners of a stage."""
        return [errand.rows for errand in self.errands if errand.stage == stage]

    def backlog(self) -> dict[str, int]:
        """Count, by errand, the rows that owe something or are under way."""
        return {errand.name: len(errand.rows) for errand in self.errands}

    def is_settled(self) -> bool:
        """Say whether nothing is owed, as far as this worker owns rows."""
        return all(errand.rows.is_settled for errand in self.errands)

    def start(self) -> list[asyncio.Task[None]]:
        """Run every courier; the tasks end only with an error."""
        self._tasks = [
            asyncio.create_task(errand.courier.run(), name=errand.name)
            for errand in self.errands
        ]
        return self._tasks

    async def stop(self) -> None:
        """Stop all couriers and let go of their connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for errand in self.errands:
            await errand.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
