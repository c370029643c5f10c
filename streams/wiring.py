"""Puts a worker together from its settings; the one place that knows every room."""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from streams.agents.exceptions import ExceptionsStage
from streams.agents.intake import IntakeStage
from streams.agents.ledger import LedgerStage
from streams.agents.linking import LinkingStage
from streams.agents.orders import OrdersStage
from streams.agents.publishing import PublishingStage
from streams.connectors.commercetools import ChannelIds, CommercetoolsClient
from streams.connectors.inventory import Counters, InventoryPublisher
from streams.connectors.pacing import Urgency
from streams.delivery.delivery import Delivery
from streams.delivery.listeners import Listeners
from streams.delivery.reports import Answer, Reports
from streams.domain.availability import Counting, EntryScope
from streams.domain.reference import Reference
from streams.engine.engine import Engine, StageBinding
from streams.engine.fold import Record
from streams.engine.follow import Follower
from streams.engine.headers import is_urgent
from streams.engine.pace import INTAKE, ORDERS, PATIENT
from streams.engine.produce import Entry, LogWriter
from streams.engine.restore import Progress
from streams.front.feed import FollowedAnswers
from streams.front.process import FrontedServer
from streams.mapping.reference import UndecodableReference, apply_reference_record
from streams.mapping.scarce_events import touches
from streams.mapping.scarce_rows import ScarceRows
from streams.metrics import DeliveryLatency, WorkerCollector
from streams.order_wiring import (
    Errands,
    commerce_errand,
    paces_of,
    reader_errand,
    rehearsal_of,
    sourcing_errand,
)
from streams.ports import (
    EngineCases,
    EngineGroup,
    EngineOrders,
    EnginePort,
    LogJournal,
)
from streams.rules import intake_rules, order_rules
from streams.settings import Settings
from streams.tables import ORDER_LINKS
from streams.topics import (
    COMMERCE_ANSWERS,
    LOCATIONS,
    NEWSTORE_EVENTS,
    ORDER_ANSWERS,
    ORDER_NEWS,
    PRODUCTS,
    SCARCE_ROWS,
    Topic,
)
from streams.trials.orders import OrdersTrial
from streams.trials.stock import Trial
from streams.web.app import Web
from streams.web.exceptions_foresight import OrdersDesk
from streams.web.exceptions_routes import ExceptionsDesk
from streams.web.server import WebServer

log = structlog.get_logger(__name__)

STAGES = ("intake", "ledger", "publishing", "linking", "orders", "exceptions")


def ledger_stage(settings: Settings) -> LedgerStage:
    """Make the ledger, whose memory the settings say."""
    return LedgerStage(
        dedupe_days=settings.dedupe_days,
        transit_overdue_days=settings.transit_overdue_days,
    )


def utc_now() -> datetime:
    """Return the time; the only clock of a worker."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Publishing:
    """What carries levels to commercetools, where it is configured."""

    delivery: Delivery
    client: CommercetoolsClient


class Worker:
    """One worker's parts, started in the order in which they need each other."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self.settings = settings
        self.reference = Reference()
        self.registry = CollectorRegistry()
        self.writer = LogWriter(settings)
        self.port = EnginePort(settings)
        self.cases = EngineCases(settings, self.writer)
        self.orders = EngineOrders(settings)
        self.links = EngineOrders(settings, ORDER_LINKS.stage)
        self.journal = LogJournal(settings)
        self.answers = FollowedAnswers(self.port)
        self.latency = DeliveryLatency(self.registry)
        self.group = EngineGroup(settings)
        self.paces = paces_of(settings, self.group.workers)
        self.rehearsal = rehearsal_of(settings, self.paces)
        self.publishing = self._publishing()
        self.errands = self._errands()
        self.follower = Follower(
            settings, (LOCATIONS, PRODUCTS), self._follow_reference
        )
        self.web = self._server()
        self.engine: Engine | None = None
        self._intake_rules = intake_rules(settings)
        self.scarce = ScarceRows()
        self.scarce_follower = Follower(settings, (SCARCE_ROWS,), self._follow_scarce)
        self._progress = progress
        self._carrying: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start serving; returns once the assigned state is restored."""
        await self.web.start()
        await self.follower.start()
        await self.scarce_follower.start(at_once=True)
        engine = Engine(
            self.settings,
            self._bindings(),
            self.reference,
            utc_now,
            progress=self._progress,
            canonical_url=self.settings.advertised_url or self.web.url,
        )
        self.engine = self.port.engine = self.journal.engine = engine
        self.cases.engine = self.orders.engine = self.group.engine = engine
        self.links.engine = engine
        delivery = self.publishing.delivery if self.publishing else None
        self.registry.register(WorkerCollector(engine, delivery, self.scarce))
        if self.publishing is not None:
            carrying = self.publishing.delivery.run()
            self._carrying.append(asyncio.create_task(carrying, name="delivery"))
        self._carrying += self.errands.start()
        await self._unless_it_fails(engine.start())

    async def _unless_it_fails(self, start: Coroutine[Any, Any, None]) -> None:
        """Await the engine's start, which would wait for ever for a failed restore."""
        starting = asyncio.create_task(start)
        failing = asyncio.create_task(self.wait_for_failure())
        await asyncio.wait([starting, failing], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            raise failing.result()
        failing.cancel()
        starting.result()

    async def wait_for_failure(self) -> BaseException:
        """Return what went wrong, when something does that retrying did not mend."""
        if self.engine is None:
            raise RuntimeError("the worker is not started")
        waits: list[asyncio.Future[BaseException] | asyncio.Task[BaseException]] = [
            self.engine.failed,
            asyncio.create_task(self.engine.wait_for_crash()),
        ]
        waits += [asyncio.create_task(_failure_of(each)) for each in self._carrying]
        if isinstance(self.web, FrontedServer):
            waits.append(asyncio.create_task(self.web.wait_for_failure()))
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for future in pending:
            future.cancel()
        return next(iter(done)).result()

    async def stop(self) -> None:
        """Finish what is under way and let go of everything."""
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        if self.engine is not None:
            await self.engine.stop()
        await self.follower.stop()
        await self.scarce_follower.stop()
        if self.publishing is not None:
            await self.publishing.client.aclose()
        await self.errands.stop()
        if self.rehearsal is not None:
            await self.rehearsal.aclose()
        await self.web.stop()
        await self.writer.stop()

    def _bindings(self) -> list[StageBinding]:
        commercetools = self.settings.commercetools
        counting = Counting(commercetools.stock_counting)
        intake = IntakeStage(self._intake_rules)
        return [
            StageBinding(intake, None, INTAKE, self._touches_scarce),
            StageBinding(
                ledger_stage(self.settings), self.answers, goes_first=is_urgent
            ),
            StageBinding(
                PublishingStage(
                    entries=EntryScope(commercetools.entries), counting=counting
                ),
                self.publishing.delivery if self.publishing else None,
                goes_first=is_urgent,
            ),
            StageBinding(
                LinkingStage(
                    wait_s=self.settings.orders.link_wait_s,
                    keep=timedelta(days=self.settings.orders.keep_days),
                ),
                Listeners(self.errands.of_stage("linking")),
                PATIENT,
            ),
            StageBinding(
                OrdersStage(order_rules(self.settings, self.reference)),
                Listeners(self.errands.of_stage("orders")),
                ORDERS,
            ),
            StageBinding(
                ExceptionsStage(topic_prefix=self.settings.topic_prefix), None, PATIENT
            ),
        ]

    def _server(self) -> WebServer | FrontedServer:
        settings = self.settings
        app = Web(
            settings=settings,
            ledger=self.port,
            answers=self.answers,
            sink=self.writer,
            journal=self.journal,
            registry=self.registry,
            exceptions=self._exceptions_desk(),
            orders=self.orders,
        )
        if settings.http_front:
            return FrontedServer(app, settings, self.answers, self.port)
        return WebServer(app, settings.http_host, settings.http_port)

    def _exceptions_desk(self) -> ExceptionsDesk:
        settings = self.settings
        trial = OrdersTrial(
            LinkingStage(wait_s=settings.orders.link_wait_s),
            order_rules(settings, self.reference),
            self.reference,
            utc_now,
        )
        orders = OrdersDesk(trial, self.links, self.orders, self.rehearsal)
        return ExceptionsDesk(self.cases, self._trial(), utc_now, orders)

    def _trial(self) -> Trial:
        settings = self.settings
        return Trial(
            IntakeStage(intake_rules(settings)),
            ledger_stage(settings),
            self.reference,
            utc_now,
            topic_prefix=settings.topic_prefix,
        )

    def _publishing(self) -> Publishing | None:
        settings = self.settings.commercetools
        if not settings.api_url:
            log.warning("commercetools_not_configured")
            return None
        client = CommercetoolsClient(settings)
        counters = Counters()
        rng = random.Random()
        publisher = InventoryPublisher(
            client,
            ChannelIds(client),
            counting=Counting(settings.stock_counting),
            counters=counters,
            clock=utc_now,
        )
        delivery = Delivery(
            publisher,
            self.paces.commercetools.lane(Urgency.STOCK),
            Reports(self._report),
            counters=counters,
            clock=utc_now,
            rng=rng,
            observe_latency=self.latency.observe,
        )
        return Publishing(delivery, client)

    def _errands(self) -> Errands:
        settings, paces, tell = self.settings, self.paces, self._report_order
        return Errands(
            (
                reader_errand(settings, paces, self._report_news),
                commerce_errand(settings, paces, tell, utc_now),
                sourcing_errand(settings, paces, tell, utc_now, self.reference),
            ),
        )

    async def _report(self, answers: Sequence[Answer]) -> None:
        entries = [Entry(key, value) for key, value in answers]
        await self.writer.append_many(COMMERCE_ANSWERS, entries)

    async def _report_news(self, key: bytes, value: bytes) -> None:
        await self.writer.append(ORDER_NEWS, key, value)

    async def _report_order(self, key: bytes, value: bytes) -> None:
        await self.writer.append(ORDER_ANSWERS, key, value)

    def _touches_scarce(self, topic: Topic, record: Record) -> bool:
        if topic is not NEWSTORE_EVENTS:
            return False
        return touches(record.value, self.scarce, self.reference, self._intake_rules)

    def _follow_scarce(self, _topic: Topic, key: bytes, value: bytes | None) -> None:
        self.scarce.follow(key, value)

    def _follow_reference(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        try:
            apply_reference_record(self.reference, topic, key, value)
        except UndecodableReference as error:
            # Reference data is checked before it is loaded; what is there was written
            # by something else, and must not stop the stock.
            log.warning("reference_record_ignored", topic=topic.name, cause=str(error))


async def _failure_of(task: "asyncio.Task[None]") -> BaseException:
    await asyncio.wait([task])
    if task.cancelled():
        await asyncio.Event().wait()
    return task.exception() or RuntimeError(f"{task.get_name()} ended")
