"""What a sandbox is told when it is made; every default suits a first look."""

from dataclasses import dataclass, field

# "with a delay of up to 10 seconds": InventoryEntry.availableQuantity in the API spec.
LAG_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A client of the project; `scopes` without the project's name."""

    client_id: str
    secret: str
    scopes: tuple[str, ...] = ("manage_project",)


@dataclass(frozen=True, slots=True)
class Lag:
    """How late an order's decrement becomes visible, in seconds, triangular.

    Drawn between `min_s` and `max_s`, most often near `mode_s` (the middle if absent).
    """

    min_s: float = 0.0
    max_s: float = LAG_S_MAX
    mode_s: float | None = None

    def __post_init__(self) -> None:
        mode = self.min_s if self.mode_s is None else self.mode_s
        if not 0 <= self.min_s <= mode <= self.max_s <= LAG_S_MAX:
            raise ValueError(f"Lag must lie within 0 to {LAG_S_MAX:g} s: {self}")


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """One stand-in project. Latencies in seconds; None means without a limit."""

    project_key: str = "oneshelf"
    clients: tuple[ApiClient, ...] = (ApiClient("sandbox-client", "sandbox-secret"),)
    # API spec, ApiClientDraft.accessTokenValiditySeconds: 172800 unless set.
    token_validity_s: int = 172_800
    lag: Lag = field(default_factory=Lag)
    # Ours: commercetools publishes no figure for its HTTP API.
    requests_per_second: float | None = None
    requests_burst: int = 20
    latency_s: float = 0.0
    latency_jitter_s: float = 0.0
    # Requests worked on at once; the rest wait, so latency grows with concurrency.
    concurrent_requests_max: int | None = None
    log_records_max: int = 200_000
    # How many messages can be queried; the vendor keeps them for days.
    messages_max: int = 20_000
    # ConfluentCloudDestination in the API spec: `max.request.size` of the producer.
    notification_bytes_max: int = 1_048_576
    # Undelivered notifications kept; beyond it delivery stops, as there in time.
    notifications_pending_max: int = 100_000
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
