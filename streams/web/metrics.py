"""The web's own metrics: one histogram, labelled by route and status only."""

from prometheus_client import CollectorRegistry, Histogram

ROUTES = frozenset(
    {
        "/v1/availability/{sku}",
        "/v1/availability/{sku}/{location_id}",
        "/v1/availability/query",
        "/v1/ledger/{sku}/{location_id}",
        "/v1/events/newstore",
        "/v1/openapi.json",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
)
OTHER = "other"
_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class WebMetrics:
    """Counts and times requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "oneshelf_http_request_seconds",
            "Time to answer, by route and status",
            ("route", "status"),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._children: dict[tuple[str, int], Histogram] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Note one answered request; unknown routes share one label."""
        key = (route if route in ROUTES else OTHER, status)
        child = self._children.get(key)
        if child is None:
            child = self._seconds.labels(key[0], str(status))
            self._children[key] = child
        child.observe(seconds)
