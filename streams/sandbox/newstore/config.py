"""What a sandbox is told when it is made; every default suits a first look.

Where NewStore's documentation leaves a choice open, the choice is a setting here and
its comment says so ("Open").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

# Order information, "in_store_purchase": goods that leave with the customer at once.
HANDOVER = "IN_STORE_HANDOVER"
# Open: the page (Availabilities API, "List ATP information") shows the operation's
# bodies, its path is not in the public text. This is the resource that the exports are
# parts of (Availabilities Export API), and OneShelf's own default.
ATP_PATH = "/v0/d/availabilities"


class NodeKind(StrEnum):
    """Kinds of locations (Location API: `type`)."""

    STORE = "store"
    DC = "dc"


@dataclass(frozen=True, slots=True)
class Node:
    """A fulfilment node: a store or a distribution centre."""

    node_id: str
    kind: NodeKind = NodeKind.STORE


@dataclass(frozen=True, slots=True)
class ApiClient:
    """An API client (NOM, Settings, API clients)."""

    client_id: str
    secret: str


class Unroutable(StrEnum):
    """What becomes of units that no node can take."""

    HOLD = "hold"  # they wait for a person or for a cancellation
    CANCEL = "cancel"  # they are cancelled with the reason `insufficient_stock`


@dataclass(frozen=True, slots=True)
class Condition:
    """What a condition code says of a returned unit."""

    name: str
    sellable: bool


# Configuring returns: the example of condition codes.
CONDITIONS = {1: Condition("Sellable", True), 2: Condition("Damaged", False)}


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """How the event stream delivers. Seconds throughout.

    Event Stream webhook page: at least once, in no order, 15 min at most, usually
    seconds. Open: number of retries, their backoff, and after how much a stream is
    interrupted.
    """

    delay_min_s: float = 0.0
    delay_max_s: float = 0.0
    # Probability that an event is delivered once more, and again after that.
    duplicates: float = 0.0
    retry_first_s: float = 1.0
    retry_max_s: float = 60.0
    attempts_max: int | None = None
    # Failures in a row after which an integration stops; None never stops it.
    failures_max: int | None = None
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.delay_min_s <= self.delay_max_s <= 900:
            raise ValueError(f"Delays must lie within 0 to 900 s: {self}")
        if not 0 <= self.duplicates < 1:
            raise ValueError(f"Duplicates must lie within 0 to 1: {self}")
        if self.retry_first_s <= 0 or self.retry_max_s < self.retry_first_s:
            raise ValueError(f"Retries need a positive, growing wait: {self}")


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """One stand-in tenant. Seconds throughout; None means without a limit."""

    tenant: str = "oneshelf"
    clients: tuple[ApiClient, ...] = (ApiClient("sandbox-client", "sandbox-secret"),)
    # A public guide quotes 20 h for platform tokens.
    token_validity_s: int = 72_000
    # The nodes in routing order; those named later come behind them.
    nodes: tuple[Node, ...] = ()
    # Products that can be ordered; None takes any.
    products: frozenset[str] | None = None
    # Order lifecycle: time in which an order can still be changed, then it is routed.
    grace_s: float = 0.0
    # Importing orders: an order whose shipping option is a service level has only one
    # shipment, so one pre-routed node; off lets it have up to five.
    one_shipment_by_level: bool = True
    # Stock configuration: sample 600, at most 3600, should exceed the grace period.
    reservation_s: float = 600.0
    # A rejected unit goes to the next node by itself (order routing). Off: it stays
    # on hold until it is re-routed from outside or cancelled.
    reroutes: bool = True
    # Open: pre-routed units are sent to their node whatever its ATP is.
    preroute_checks_atp: bool = False
    unroutable: Unroutable = Unroutable.HOLD
    # Fulfillment Provider API: "only applies to orders routed to a warehouse". Off as
    # written; on, stores' requests take the calls too ("contact the support team").
    provider_calls_for_stores: bool = True
    # Inventory events guide: a fulfilment event concerns one item; yet it has a list.
    one_item_per_event: bool = True
    # Open: whether goods carried out of a shop also emit fulfilment events.
    handover_events: bool = True
    conditions: Mapping[int, Condition] = field(default_factory=lambda: CONDITIONS)
    # Item return configuration: `refund_shipping_cost` and `return_fee`.
    refund_shipping_cost: bool = True
    return_fee: Decimal = Decimal(0)
    # Refunds are booked after the return, asynchronously (Payments, lifecycle).
    refund_delay_s: float = 0.0
    stream: StreamConfig = field(default_factory=StreamConfig)
    atp_path: str = ATP_PATH
    # Getting started: 200 calls a second for a production tenant.
    requests_per_second: float | None = 200.0
    requests_burst: int = 200
    latency_s: float = 0.0
    latency_jitter_s: float = 0.0
    events_max: int = 200_000
    log_records_max: int = 200_000
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
