"""Batch delivery inside Faust: a partition's polled records arrive as one message.

Works around faust-streaming 0.15.3: its per-event delivery costs four tasks a record,
and its commit bookkeeping loses or doubles events. Offsets are committed by our own
transactions, so Faust's acknowledgements only tell it that nothing is in flight.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, NamedTuple, Protocol

import aiokafka
import aiokafka.errors
import faust
import structlog
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service

from streams.engine.fold import Record
from streams.engine.membership import Member

log = structlog.get_logger(__name__)

POLL_TIMEOUT_S = 1.0
# A poll that leaves out a partition with a full queue must return soon, because that
# partition may have room again long before the others have records.
CROWDED_POLL_TIMEOUT_S = 0.05


class Delivery(NamedTuple):
    """What one poll brought from one partition.

    Attributes:
        fetched_from: The position the poll began at; it must follow what was applied.
        epoch: Generation and flow epoch of the poll; a delivery of another is void.
    """

    records: list[Record]
    fetched_from: int
    epoch: tuple[int, int]


class DeliveryPort(Protocol):
    """What the engine is to the consumer and to recovery."""

    def wants(self, tp: TP) -> bool:
        """Say whether the partition is open and has room for another batch."""
        ...

    async def restore(self, actives: Collection[TP], generation: int) -> None:
        """Open every assigned partition with its state complete; close all others."""
        ...

    def positions(self, tps: Collection[TP]) -> Mapping[TP, int | None]:
        """Return where to read on; None means from the earliest record."""
        ...


class EngineApp(faust.App):
    """A Faust app that knows the engine it belongs to."""

    engine: DeliveryPort
    client_arguments: Mapping[str, Any]


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that polls: reads committed records only, and answers at once."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        # Faust's base class reads this attribute elsewhere.
        self._assignor = self.app.assignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=conf.broker_max_poll_records,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            # The broker gathers for 40 ms, or 64 KiB: answering every single record
            # would cost more than the records do.
            fetch_min_bytes=1 << 16,
            fetch_max_wait_ms=40,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed",
            **self.app.client_arguments,
        )

    def coordination_error(self) -> BaseException | None:
        """Return what ended the group's membership, if something did.

        Nobody else hears of it: a poll without an assignment waits for ever.
        """
        # The consumer has no coordinator before it has reached the broker.
        coordinator = getattr(self._consumer, "_coordinator", None)
        if coordinator is None:
            return None
        task = coordinator._coordination_task  # noqa: SLF001 - aiokafka 0.14 tells it to no one who does not poll
        if not task.done() or task.cancelled():
            return None
        error: BaseException | None = task.exception()
        return error

    def member(self, generation: int) -> Member | None:
        """Return our membership of this generation; None if that is over."""
        coordinator = getattr(self._consumer, "_coordinator", None)
        if coordinator is None or coordinator.generation != generation:
            return None
        instance: str = self.app.conf.consumer_group_instance_id
        return Member(generation, coordinator.member_id, instance)

    def poll_state(self, tp: TP) -> int:
        """Return how many offsets lie between the poll's position and the end."""
        if self._consumer is None:
            return 0
        assignment = self._consumer._subscription.subscription.assignment  # noqa: SLF001 - aiokafka 0.14 shows the position to coroutines of its own loop only
        if assignment is None or tp not in assignment.tps:
            return 0
        state = assignment.state_value(tp)
        if state.highwater is None or not state.has_valid_position:
            return 0
        behind: int = state.highwater - state.position
        return max(0, behind)


class Consumer(driver.Consumer):
    """Faust's consumer, delivering by the batch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flow_epoch = 0
        self._fetch_from: dict[TP, int] = {}
        self._voided: set[TP] = set()

    def _new_consumer_thread(self) -> ConsumerThread:
        # Of the worker's kind, uvloop: asyncio's own takes a third more.
        thread = ConsumerThread(
            self, loop=self.loop, thread_loop=type(self.loop)(), beacon=self.beacon
        )
        thread._close_thread_loop_on_stop = True  # noqa: SLF001 - mode 0.4 closes only what it made itself
        return thread

    @property
    def epoch(self) -> tuple[int, int]:
        """Identify the present assignment and flow; a seek follows every change."""
        return self.app.consumer_generation_id, self._flow_epoch

    def stop_flow(self) -> None:
        self._flow_epoch += 1
        super().stop_flow()

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> AsyncIterator[tuple[TP, Any]]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if self.should_stop:
            return
        # Taken before the poll: upstream takes it after, and would let through what a
        # poll from before a rebalance brings.
        epoch = self.epoch
        if not await self._go_back(epoch):
            return
        polled = dict(await self._poll())
        # A poll that began before a rebalance can end after its seek, with records from
        # there. Dropping them alone would lose them: the consumer stands behind them.
        self._voided.update(polled)
        for tp, records in polled.items():
            if self.should_stop or not self.flow_active or self.epoch != epoch:
                return
            self._voided.discard(tp)
            if records:
                yield tp, self._message(tp, records, epoch)

    async def _go_back(self, epoch: tuple[int, int]) -> bool:
        """Return to where dropped polls began; say whether the epoch still lasts."""
        voided = {
            tp: self._fetch_from[tp] for tp in self._voided if tp in self._fetch_from
        }
        if voided:
            log.info("dropped_polls_read_again", partitions=len(voided))
            try:
                await self.seek_wait(voided)
            except aiokafka.errors.IllegalStateError:
                return False  # No longer ours: a rebalance has begun.
        if self.epoch != epoch:
            return False
        self._voided.clear()
        return True

    async def _poll(self) -> Mapping[TP, list[Record]]:
        active = self._get_active_partitions()
        wants = self.app.engine.wants
        wanted = {tp for tp in active if wants(tp)}
        if not wanted:
            await asyncio.sleep(0.005 if active else 0.2)
            return {}
        crowded = len(wanted) < len(active)
        timeout = CROWDED_POLL_TIMEOUT_S if crowded else POLL_TIMEOUT_S
        polled: Mapping[TP, list[Record]] = await self._getmany(wanted, timeout)
        return polled

    def _message(self, tp: TP, records: list[Record], epoch: tuple[int, int]) -> Any:
        last = records[-1]
        fetched_from = self._fetch_from.get(tp, records[0].offset)
        self._fetch_from[tp] = last.offset + 1
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            0,
            (),
            b"",
            Delivery(records, fetched_from, epoch),
            None,
            0,
            0,
            tp,
            generation_id=epoch[0],
        )

    def coordination_error(self) -> BaseException | None:
        """Return what ended the group's membership, if something did."""
        error: BaseException | None = self._thread.coordination_error()
        return error

    def member(self, generation: int) -> Member | None:
        """Return our membership of this generation; None if that is over."""
        member: Member | None = self._thread.member(generation)
        return member

    def waiting(self, tp: TP, next_offset: int) -> int:
        """Return how many records are committed but not applied, as last polled.

        Transaction markers take offsets too, so the end of the log says little: what
        counts is what the poll has not passed, and what it passed but is not applied.
        """
        unpolled: int = self._thread.poll_state(tp)
        polled = self._fetch_from.get(tp, next_offset)
        return unpolled + max(0, polled - next_offset)

    async def perform_seek(self) -> None:
        """Go to where the state stands, whatever offsets the group has committed."""
        sources = [
            tp
            for tp in self.assignment()
            if tp.topic not in self.app.tables.changelog_topics
        ]
        positions = dict(self.app.engine.positions(sources))
        fresh = [tp for tp, position in positions.items() if position is None]
        if fresh:
            positions.update(await self.earliest_offsets(*fresh))
        found = {tp: offset or 0 for tp, offset in positions.items()}
        if found:
            await self.seek_wait(found)
        self._fetch_from = found
        # The drain loop drops what lies below these and reads them without a default.
        self._read_offset.update(dict.fromkeys(self.assignment()))

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return True

    async def commit(self, *args: Any, **kwargs: Any) -> bool:
        """Do nothing: the engine's transactions commit the offsets."""
        return True

    def ack(self, message: Any) -> bool:
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        if self._waiting_for_ack is not None and not self._waiting_for_ack.done():
            self._waiting_for_ack.set_result(None)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: gaps matter to Faust's own commit only."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: its clock is wrong on idle topics; the engine reports lag."""


class Producer(driver.Producer):
    """Faust's own producer: it sends nothing here, but it connects at the start."""

    def _settings_auth(self) -> Mapping[str, Any]:
        arguments: Mapping[str, Any] = self.app.client_arguments
        return arguments


class Transport(driver.Transport):
    Consumer = Consumer
    Producer = Producer


class EngineRecovery(Recovery):
    """Hands recovery to the engine, which restores by the batch and checks the end."""

    @Service.task
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(self.signal_recovery_start):
                return
            self.signal_recovery_start.clear()
            generation = self._generation_id
            await self.app.engine.restore(set(self.active_tps), generation)
            if self.signal_recovery_start.is_set():
                continue
            if self.app.consumer_generation_id == generation:
                await self._resume_streams(generation_id=generation)


class EngineTableManager(TableManager):
    """Faust's table manager with our recovery."""

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = EngineRecovery(
                self.app, self, beacon=self.beacon, loop=self.loop
            )
        return self._recovery


class Assignor(PartitionAssignor):
    """Faust's own assignor, with a public way to ask who owns a changelog partition."""

    def url_of(self, changelog_topic: str, partition: int) -> str | None:
        """Return the URL of the worker that owns the partition; None if nobody does."""
        url = self._tps_url.get(TP(changelog_topic, partition))
        return None if not url else str(url)
