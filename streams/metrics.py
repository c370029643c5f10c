"""What a worker tells Prometheus: counts from its committed state, lag, deliveries."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from streams.balance import unaccounted
from streams.delivery.delivery import Delivery
from streams.domain.scarcity import SCARCE_UNITS
from streams.engine.engine import Engine
from streams.mapping.exception_reading import oldest_unfinished, tallies
from streams.mapping.scarce_rows import ScarceRows
from streams.tables import CASES

LATENCY_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60, 300)


class DeliveryLatency:
    """Times a level's way to commercetools; scarce entries apart."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "oneshelf_publish_latency_seconds",
            "From a stock level's record to commercetools' acceptance",
            ("stock",),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )

    def observe(self, seconds: float, available: int) -> None:
        """Note one accepted update."""
        stock = "scarce" if available <= SCARCE_UNITS else "plenty"
        self._seconds.labels(stock).observe(seconds)


class WorkerCollector(Collector):
    """Reads the engine and the delivery at scrape time, and only then."""

    def __init__(
        self, engine: Engine, delivery: Delivery | None, scarce: ScarceRows
    ) -> None:
        self._engine = engine
        self._delivery = delivery
        self._scarce = scarce

    def collect(self) -> Iterator[Metric]:
        yield from self._stages()
        yield from self._exceptions()
        yield GaugeMetricFamily(
            "oneshelf_scarce_rows",
            "Rows of three units or fewer, of all partitions: their events go first",
            value=len(self._scarce),
        )
        if self._delivery is not None:
            yield from self._deliveries(self._delivery)

    def _stages(self) -> Iterator[Metric]:
        records = CounterMetricFamily(
            "oneshelf_stage_records",
            "What became of a stage's records, counted in the commit itself",
            labels=("stage", "partition", "outcome"),
        )
        commits = CounterMetricFamily(
            "oneshelf_stage_commits",
            "Commits of a stage's partition",
            labels=("stage", "partition"),
        )
        lag = GaugeMetricFamily(
            "oneshelf_stage_lag_records",
            "Source records not applied yet",
            labels=("stage", "partition", "topic"),
        )
        lost = GaugeMetricFamily(
            "oneshelf_stage_unaccounted_records",
            "Records that came to a stage and of which nothing became; always 0",
            labels=("stage", "partition"),
        )
        for state in self._engine.states():
            partition = str(state.partition)
            missing = unaccounted(state.stage, state.counts)
            lost.add_metric((state.stage, partition), missing)
            for outcome, count in state.counts.items():
                records.add_metric((state.stage, partition, outcome), count)
            commits.add_metric((state.stage, partition), state.commits)
            for topic, waiting in state.lag.items():
                lag.add_metric((state.stage, partition, topic), waiting)
        yield records
        yield commits
        yield lag
        yield lost
        stalled = self._engine.stalled_s()
        yield GaugeMetricFamily(
            "oneshelf_stalled_seconds",
            "Time since the last commit while records wait",
            value=stalled,
        )

    def _exceptions(self) -> Iterator[Metric]:
        cases: Counter[tuple[str, str]] = Counter()
        oldest: datetime | None = None
        for state in self._engine.states():
            if state.stage != CASES.stage or not state.is_open:
                continue
            view = self._engine.view(CASES.stage, state.partition)
            if view is not None:
                cases.update(tallies(view))
                oldest = min(
                    filter(None, (oldest, oldest_unfinished(view))), default=None
                )
        by_kind = GaugeMetricFamily(
            "oneshelf_exceptions",
            "Cases of the exceptions list",
            labels=("kind", "state"),
        )
        for labels, count in sorted(cases.items()):
            by_kind.add_metric(labels, count)
        yield by_kind
        age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily(
            "oneshelf_exceptions_oldest_seconds",
            "Age of the oldest unfinished case",
            value=max(0.0, age),
        )

    def _deliveries(self, delivery: Delivery) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "oneshelf_commercetools", "What the delivery did", labels=("event",)
        )
        for name, count in asdict(delivery.counters).items():
            calls.add_metric((name,), count)
        yield calls
        yield GaugeMetricFamily(
            "oneshelf_publish_backlog_entries",
            "Entries that commercetools has not been told the latest of",
            value=delivery.backlog(),
        )
        yield GaugeMetricFamily(
            "oneshelf_publish_oldest_seconds",
            "Age of the oldest of them",
            value=delivery.oldest_age_s(),
        )
