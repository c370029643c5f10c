"""The catalogue of topics: each one's name, key, schema and writer stand here only."""

from dataclasses import dataclass


# Each stands here once and is only itself: found by identity, a look-up for each record
# sent takes 0.05 us instead of 0.22.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Topic:
    """One Kafka topic.

    Attributes:
        name: The catalogue name; the broker's name is `{topic_prefix}{name}`.
        schema: Name of the message schema, sent in each record's headers.
        schema_version: Its version.
        key: What the record key holds, in words.
        writer: The one stage (or edge) that writes it.
        compacted: Keep the last value of each key; else keep by time.
        retention_days: For topics kept by time; -1 keeps for ever.
        in_any_order: Its reader comes to the same whatever order its records are in;
            of other topics, a key's records must keep theirs.
    """

    name: str
    schema: str
    key: str
    writer: str
    schema_version: int = 1
    compacted: bool = False
    retention_days: int = 14
    in_any_order: bool = False


NEWSTORE_EVENTS = Topic(
    name="newstore-events",
    schema="NewStoreEvent",
    key="entity id",
    writer="webhook, edge producers, replay",
)
STOCK_MOVEMENTS = Topic(
    name="stock-movements",
    schema="StockMovement",
    key="sku",
    writer="intake, orders",
    in_any_order=True,
)
LEDGER_ENTRIES = Topic(
    name="ledger-entries",
    schema="LedgerEntry",
    key="sku|location_id",
    writer="ledger",
    retention_days=-1,
)
STOCK_LEVELS = Topic(
    name="stock-levels",
    schema="StockLevel",
    key="sku|location_id",
    writer="ledger",
    compacted=True,
)
SCARCE_ROWS = Topic(
    name="scarce-rows",
    schema="ScarceRow",
    key="sku|location_id; without a value once it is scarce no more",
    writer="ledger",
    compacted=True,
)
COMMERCE_ANSWERS = Topic(
    name="commerce-answers",
    schema="InventoryAnswer",
    key="sku",
    writer="commercetools delivery",
)
COMMERCE_MESSAGES = Topic(
    name="commerce-messages",
    schema="CommerceMessage",
    key="whatever commercetools sends",
    writer="commercetools subscription, webhook",
)
ORDER_NEWS = Topic(
    name="order-news",
    schema="OrderNews",
    key="ct: and commercetools' order id, or ns: and NewStore's order uuid",
    writer="intake, reader of orders, sourcing delivery",
)
ORDER_FACTS = Topic(
    name="order-facts", schema="OrderNote", key="order number", writer="linking"
)
ORDER_ANSWERS = Topic(
    name="order-answers",
    schema="OrderAnswer",
    key="order number",
    writer="orders delivery, people through the workers",
)
RESERVATION_REQUESTS = Topic(
    name="reservation-requests",
    schema="ReservationRequest",
    key="sku",
    writer="orders",
)
RESERVATION_ANSWERS = Topic(
    name="reservation-answers",
    schema="ReservationAnswer",
    key="order number",
    writer="ledger",
)
EXCEPTIONS = Topic(
    name="exceptions",
    schema="parked original bytes; see ExceptionRecord",
    key="the parked record's key",
    writer="every stage",
    retention_days=90,
)
EXCEPTION_COMMANDS = Topic(
    name="exception-commands",
    schema="ExceptionCommand",
    key="case id, group id, or a record's topic/partition/offset",
    writer="HTTP, every stage (what succeeded)",
    retention_days=90,
)
LOCATIONS = Topic(
    name="locations",
    schema="Location",
    key="location_id",
    writer="reference load",
    compacted=True,
)
PRODUCTS = Topic(
    name="products",
    schema="Product",
    key="sku",
    writer="reference load",
    compacted=True,
)

ALL = (
    NEWSTORE_EVENTS,
    STOCK_MOVEMENTS,
    LEDGER_ENTRIES,
    STOCK_LEVELS,
    SCARCE_ROWS,
    COMMERCE_ANSWERS,
    COMMERCE_MESSAGES,
    ORDER_NEWS,
    ORDER_FACTS,
    ORDER_ANSWERS,
    RESERVATION_REQUESTS,
    RESERVATION_ANSWERS,
    EXCEPTIONS,
    EXCEPTION_COMMANDS,
    LOCATIONS,
    PRODUCTS,
)
