"""The engine: a Faust app whose stages are folds, committed exactly once.

Faust keeps membership, assignment, tables and routing; everything between a polled
batch and its commit is ours. See the README beside this file for what is promised.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from aiokafka import TopicPartition
from faust import stores
from faust.transport import drivers
from faust.types import TP

from streams.domain.reference import Reference
from streams.engine import names
from streams.engine.admin import CHANGELOG_DELETIONS_KEPT_DAYS
from streams.engine.commit import (
    Environment,
    PartitionRuntime,
    StoreView,
    Turns,
    at_once,
)
from streams.engine.crash import crash_point
from streams.engine.datadir import DataFolder
from streams.engine.delivery import Assignor, EngineApp, EngineTableManager
from streams.engine.embedded import is_embedded
from streams.engine.errors import EngineError
from streams.engine.fold import Clock, CommitListener, Stage
from streams.engine.inbox import GoesFirst
from streams.engine.logs import Logs
from streams.engine.pace import STOCK, Pace, Precedence
from streams.engine.partition import PartitionTask
from streams.engine.restore import Changelog, Progress, restore
from streams.engine.security import client_arguments
from streams.engine.store import RocksStore, is_stale, new_cache, wipe
from streams.settings import Settings
from streams.topics import Topic

log = structlog.get_logger(__name__)

drivers.TRANSPORTS.aliases["oneshelf"] = "streams.engine.delivery:Transport"
stores.STORES.aliases["oneshelf"] = "streams.engine.table:EngineStore"

RESTORE_ATTEMPTS = 5
STORE_STALE_AFTER_S = (CHANGELOG_DELETIONS_KEPT_DAYS - 1) * 86_400.0


@dataclass(frozen=True, slots=True)
class StageBinding:
    """A stage, who hears of its commits, its pace, and which records go first."""

    stage: Stage
    listener: CommitListener | None = None
    pace: Pace = STOCK
    goes_first: GoesFirst | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for a key: this worker (`url` None), another one, or nobody yet."""

    partition: int
    is_local: bool
    url: str | None


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How a stage's partition is, for people and metrics."""

    stage: str
    partition: int
    is_open: bool
    commits: int
    counts: dict[str, int]
    lag: dict[str, int]

    def state(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


class Engine:
    """Runs stages on the partitions that the group gives this worker."""

    def __init__(
        self,
        settings: Settings,
        stages: Sequence[StageBinding],
        reference: Reference,
        clock: Clock,
        *,
        progress: Progress | None = None,
        canonical_url: str,
    ) -> None:
        self.settings = settings
        self.partition_for = names.Partitioner(settings.partitions)
        self.failed: asyncio.Future[BaseException] = (
            asyncio.get_running_loop().create_future()
        )
        self.restoring: tuple[int, int] | None = None
        self._has_joined = False
        self._revoked = 0
        self._bindings = {binding.stage.name: binding for binding in stages}
        self._client = client_arguments(settings)
        self._folder = DataFolder(settings)
        self._cache = new_cache()
        self._precedence = Precedence()
        self._logs: Logs | None = None
        self._tasks: dict[tuple[str, int], PartitionTask] = {}
        self._sources: dict[str, list[tuple[str, Topic]]] = {}
        self._stage_of_changelog: dict[str, str] = {}
        self._progress = progress
        self._environment = Environment(
            clock=clock,
            reference=reference,
            partition_for=self.partition_for,
            crash_point=crash_point(settings),
            # Behind a front nobody asks here, and a turn is only time lost.
            turn=at_once if settings.http_front else Turns(),
        )
        self.app = self._build_app(canonical_url)

    # --- Life ---

    async def start(self) -> None:
        """Join the group; returns once the assigned state is restored."""
        self._folder.lock()
        self._logs = await self._new_logs()
        await self.app.start()

    async def stop(self) -> None:
        """Finish what is under way, leave, and let go of everything."""
        for task in list(self._tasks.values()):
            await task.suspend()
        await self.app.stop()
        for task in list(self._tasks.values()):
            await self._close(task)
        if self._logs is not None:
            await self._logs.close()
        self._folder.unlock()

    # --- What the consumer and recovery ask (DeliveryPort) ---

    def wants(self, tp: TP) -> bool:
        readers = [
            (self._tasks.get((stage, tp.partition)), topic)
            for stage, topic in self._sources.get(tp.topic, ())
        ]
        return bool(readers) and all(
            task is not None and task.wants(topic) for task, topic in readers
        )

    def positions(self, tps: Collection[TP]) -> Mapping[TP, int | None]:
        found: dict[TP, int | None] = {}
        for tp in tps:
            known = [
                self._next_offset(stage, topic, tp.partition)
                for stage, topic in self._sources.get(tp.topic, ())
            ]
            # Where two stages read one topic, the one behind decides where to read on;
            # the other knows what it has applied.
            found[tp] = min((offset or 0 for offset in known), default=0) or None
        return found

    def _next_offset(self, stage: str, topic: Topic, partition: int) -> int | None:
        task = self._tasks.get((stage, partition))
        return None if task is None else task.runtime.next_offsets.get(topic)

    async def restore(self, actives: Collection[TP], generation: int) -> None:
        wanted = {
            (self._stage_of_changelog[tp.topic], tp.partition)
            for tp in actives
            if tp.topic in self._stage_of_changelog
        }
        log.info("partitions_assigned", generation=generation, partitions=len(wanted))
        for key in [key for key in self._tasks if key not in wanted]:
            await self._close(self._tasks.pop(key))
        member = self.app.consumer.member(generation)
        if member is None:
            return  # The next rebalance has begun, and brings us here again.
        revoked = self._revoked
        for key in sorted(wanted - self._tasks.keys()):
            self._tasks[key] = self._new_task(*key)
        tasks = list(self._tasks.values())
        for attempt in range(1, RESTORE_ATTEMPTS + 1):
            try:
                await self._all_logs().open(member, [task.log for task in tasks])
                await self._restore(tasks)
                break
            except Exception as error:  # noqa: BLE001 - retried, then fail-stop
                final = isinstance(error, EngineError) and not error.retriable
                if final or attempt == RESTORE_ATTEMPTS:
                    self.fail(error)
                    return
                log.warning("restore_retried", attempt=attempt, cause=repr(error))
                await asyncio.sleep(attempt)
        if revoked != self._revoked:
            return  # What is ours now, the next call says.
        for task in tasks:
            task.open()
        self._has_joined = True
        log.info("partitions_open", generation=generation, partitions=len(tasks))

    # --- What the web and the wiring ask ---

    def view(self, stage: str, partition: int) -> StoreView | None:
        """Return the state of a partition that is open here; else None."""
        task = self._tasks.get((stage, partition))
        if task is None or not task.is_open or self.app.rebalancing:
            return None
        return task.runtime.view

    def owner(self, stage: str, key: bytes) -> Owner:
        """Say who owns a key of a stage's tables."""
        return self.owner_of(stage, self.partition_for(key))

    def owner_of(self, stage: str, partition: int) -> Owner:
        """Say who owns a partition of a stage's tables."""
        if self.view(stage, partition) is not None:
            return Owner(partition, is_local=True, url=None)
        url = self.app.assignor.url_of(names.changelog(self.settings, stage), partition)
        if url == str(self.app.conf.canonical_url):
            url = None  # Ours, but being restored.
        return Owner(partition, is_local=False, url=url)

    def staleness_s(self, stage: str, partition: int) -> float:
        """Return the age of what the state may not know yet; 0 when caught up."""
        task = self._tasks.get((stage, partition))
        if task is None:
            return float("inf")
        oldest = 0.0
        for topic in task.runtime.stage.sources:
            tp = TP(names.physical(self.settings, topic), partition)
            behind = self.lag(tp, task.runtime.next_offsets.get(topic))
            if behind and topic in task.last_applied_ms:
                age = time.time() - task.last_applied_ms[topic] / 1000
                oldest = max(oldest, age)
        return max(0.0, oldest)

    def lag(self, tp: TP, next_offset: int | None) -> int:
        """Return how many records wait in a source partition, as last polled."""
        waiting: int = self.app.consumer.waiting(tp, next_offset or 0)
        return waiting

    def is_ready(self) -> bool:
        """Say whether the group has given us our part and all of it is open."""
        return (
            self._has_joined
            and not self.app.rebalancing
            and all(task.is_open for task in self._tasks.values())
        )

    def states(self) -> list[PartitionState]:
        """Describe the partitions that this worker holds."""
        return [self._state(task) for task in self._tasks.values()]

    def stalled_s(self) -> float:
        """Return how long records have waited without a single commit; 0 if none do."""
        waiting = any(sum(state.lag.values()) for state in self.states())
        if not waiting or not self._tasks:
            return 0.0
        last = max(task.committed_at for task in self._tasks.values())
        return time.monotonic() - last

    async def wait_for_crash(self) -> BaseException:
        """Return what crashed Faust's own services, or our membership of the group."""
        while not self.app.crashed:
            lost: BaseException | None = self.app.consumer.coordination_error()
            if lost is not None:
                return lost
            await asyncio.sleep(0.5)
        reason: BaseException | None = self.app.crash_reason
        return reason or RuntimeError("Faust stopped")

    def tasks(self) -> Sequence[PartitionTask]:
        """List the partitions this worker holds."""
        return list(self._tasks.values())

    def fail(self, error: BaseException) -> None:
        """Stop the worker: something is wrong that retrying did not mend."""
        if not self.failed.done():
            log.error("engine_failed", cause=repr(error), exc_info=error)
            self.failed.set_result(error)

    def _state(self, task: PartitionTask) -> PartitionState:
        runtime = task.runtime
        lag = {}
        for topic in runtime.stage.sources:
            tp = TP(names.physical(self.settings, topic), runtime.partition)
            lag[topic.name] = self.lag(tp, runtime.next_offsets.get(topic))
        return PartitionState(
            stage=runtime.stage.name,
            partition=runtime.partition,
            is_open=task.is_open,
            commits=runtime.sequence,
            counts=dict(runtime.counts),
            lag=lag,
        )

    # --- Building ---

    def _build_app(self, canonical_url: str) -> EngineApp:
        settings = self.settings
        app = EngineApp(
            settings.app_id,
            broker=f"oneshelf://{settings.broker.split(',')[0]}",
            store="oneshelf://",
            datadir=str(self._folder.path / "faust"),
            canonical_url=canonical_url,
            web_enabled=False,
            web_host="127.0.0.1",
            topic_partitions=settings.partitions,
            topic_replication_factor=settings.replication_factor,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            key_serializer="raw",
            value_serializer="raw",
            consumer_group_instance_id=f"{settings.app_id}-{settings.worker_id}",
            broker_max_poll_records=settings.batch_records_max,
            consumer_max_fetch_size=1 << 18,
            broker_session_timeout=settings.session_timeout_s,
            broker_heartbeat_interval=settings.session_timeout_s / 5,
            broker_rebalance_timeout=30.0,
            TableManager=EngineTableManager,
            PartitionAssignor=Assignor,
        )
        app.engine = self
        app.client_arguments = self._client
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        for binding in self._bindings.values():
            self._add_stage(app, binding.stage)
        return app

    def _add_stage(self, app: EngineApp, stage: Stage) -> None:
        app.Table(stage.name, partitions=self.settings.partitions)
        self._stage_of_changelog[names.changelog(self.settings, stage.name)] = (
            stage.name
        )
        for topic in stage.sources:
            name = names.physical(self.settings, topic)
            self._sources.setdefault(name, []).append((stage.name, topic))
            channel = app.topic(name, partitions=self.settings.partitions)
            app.agent(channel, name=f"{stage.name}-{topic.name}")(
                self._deliverer(stage.name, topic)
            )

    def _deliverer(self, stage: str, topic: Topic) -> Callable[[Any], Any]:
        async def deliver(stream: Any) -> None:
            async for event in stream.events():
                delivery = event.message.value
                task = self._tasks.get((stage, event.message.partition))
                if task is not None and delivery.epoch == self.app.consumer.epoch:
                    task.accept(topic, delivery)

        return deliver

    def _all_logs(self) -> Logs:
        if self._logs is None:
            raise RuntimeError("the engine is not started")
        return self._logs

    async def _new_logs(self) -> Logs:
        crash_point = self._environment.crash_point
        embedded = await is_embedded(self.settings)
        return Logs(self.settings, self._client, crash_point, is_embedded=embedded)

    def _new_task(self, stage: str, partition: int) -> PartitionTask:
        binding = self._bindings[stage]
        path = self._folder.state(stage, partition)
        if is_stale(path, after_s=STORE_STALE_AFTER_S, now_s=time.time()):
            log.warning("stale_store_rebuilt", path=str(path))
            wipe(path)
        store = RocksStore(path, self._cache)
        partition_log = self._all_logs().of(stage, partition)
        runtime = PartitionRuntime(
            binding.stage,
            partition,
            store,
            partition_log,
            self._environment,
            binding.listener,
        )
        return PartitionTask(
            runtime,
            partition_log,
            store,
            restore=lambda task: self._restore([task]),
            fail=self.fail,
            batch_records_max=self.settings.batch_records_max,
            session_timeout_s=self.settings.session_timeout_s,
            pace=binding.pace,
            precedence=self._precedence,
            goes_first=binding.goes_first,
        )

    async def _restore(self, tasks: Sequence[PartitionTask]) -> None:
        changelogs = [
            Changelog(
                TopicPartition(
                    names.changelog(self.settings, task.runtime.stage.name),
                    task.runtime.partition,
                ),
                task.store,
            )
            for task in tasks
        ]
        try:
            await restore(changelogs, self._client, self._on_progress)
        finally:
            self.restoring = None

    def _on_progress(self, done: int, total: int) -> None:
        self.restoring = (done, total)
        if self._progress is not None:
            self._progress(done, total)

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        self._revoked += 1
        await asyncio.gather(*(task.suspend() for task in self._tasks.values()))

    async def _close(self, task: PartitionTask) -> None:
        await task.close()
        listener = self._bindings[task.runtime.stage.name].listener
        if listener is not None:
            listener.closed(task.runtime.partition)
