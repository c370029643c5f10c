"""The web's own metrics: requests by route and status, counted and timed.

Plain lists instead of prometheus_client's histogram, which takes 4 us an observation
(a lock for each number): the event loop is the only writer and the only reader.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

ROUTES = frozenset(
    {
        "/v1/availability/{sku}",
        "/v1/availability/{sku}/{location_id}",
        "/v1/availability/query",
        "/v1/ledger/{sku}/{location_id}",
        "/v1/events/newstore",
        "/v1/events/commercetools",
        "/v1/openapi.json",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
)
OTHER = "other"
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
METRIC = "oneshelf_http_request_seconds"
_TEXT = "Time to answer, by route and status"


class _Times:
    """The requests of one route and status."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0


class WebMetrics(Collector):
    """Counts and times requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._times: dict[tuple[str, int], _Times] = {}
        registry.register(self)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Note one answered request; unknown routes share one label."""
        times = self._times.get((route, status))
        if times is None:
            known = route if route in ROUTES else OTHER
            times = self._times.setdefault((known, status), _Times())
        times.counts[bisect_left(BOUNDS_S, seconds)] += 1
        times.total_s += seconds

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Name the metric, so that the registry need not collect to learn it."""
        yield HistogramMetricFamily(METRIC, _TEXT, labels=("route", "status"))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Hand the counts to a scrape."""
        family = HistogramMetricFamily(METRIC, _TEXT, labels=("route", "status"))
        for (route, status), times in self._times.items():
            reached = 0
            buckets = []
            bounds = (*map(str, BOUNDS_S), "+Inf")
            for bound, count in zip(bounds, times.counts, strict=True):
                reached += count
                buckets.append((bound, float(reached)))
            family.add_metric((route, str(status)), buckets, times.total_s)
        yield family
