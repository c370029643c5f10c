"""The catalogue of tables: each stage's state, and the one stage that writes it.

All tables of a stage share one store and one changelog, so that they commit together.
"""

from dataclasses import dataclass


# Each stands here once and is only itself: found by identity, a look-up for each row
# written takes 0.05 us instead of 0.19.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """One keyed table.

    Attributes:
        name: The catalogue name.
        stage: The stage that alone writes it.
        prefix: One byte that sets its keys apart inside the stage's store.
        key: What the key holds, in words.
    """

    name: str
    stage: str
    prefix: bytes
    key: str


# Intake
WAITING = Table(
    name="waiting",
    stage="intake",
    prefix=b"w",
    key="missing name, then park order; and park order alone, for the event itself",
)

PARKED_EVENTS = Table(
    name="parked_events", stage="intake", prefix=b"p", key="the event's own key"
)
PARKED_EXPIRIES = Table(
    name="parked_expiries",
    stage="intake",
    prefix=b"x",
    key="time it is kept from, then the event's key",
)

# Ledger
LEVELS = Table(name="levels", stage="ledger", prefix=b"l", key="sku|location_id")
APPLIED = Table(name="applied", stage="ledger", prefix=b"a", key="movement id")
UNITS = Table(name="units", stage="ledger", prefix=b"u", key="sku|unit id")
HISTORY = Table(
    name="history", stage="ledger", prefix=b"h", key="sku|location_id, then sequence"
)
TRANSFERS = Table(
    name="transfers",
    stage="ledger",
    prefix=b"g",
    key="sku|reference: the transfer, or where it lies under its own name",
)
REQUESTS = Table(
    name="requests", stage="ledger", prefix=b"q", key="sku|reservation request id"
)
EXPIRIES = Table(
    name="expiries", stage="ledger", prefix=b"x", key="hour due, then batch and table"
)

# Publishing
PUBLICATIONS = Table(
    name="publications",
    stage="publishing",
    prefix=b"p",
    key="sku|location_id, sku|* for a pooled entry",
)
PUBLISHED_LEVELS = Table(
    name="published_levels", stage="publishing", prefix=b"v", key="sku|location_id"
)

# Linking
ORDER_LINKS = Table(
    name="order_links",
    stage="linking",
    prefix=b"k",
    key="ct: and commercetools' order id, or ns: and NewStore's order uuid",
)
LINK_TIMERS = Table(
    name="link_timers", stage="linking", prefix=b"t", key="time due, then the link's"
)
LINK_EXPIRIES = Table(
    name="link_expiries",
    stage="linking",
    prefix=b"x",
    key="time it is kept from, then the link's",
)

# Orders
ORDERS = Table(name="orders", stage="orders", prefix=b"o", key="order number")
ORDER_TIMERS = Table(
    name="order_timers", stage="orders", prefix=b"t", key="time due, then order number"
)
ORDER_EXPIRIES = Table(
    name="order_expiries",
    stage="orders",
    prefix=b"x",
    key="time it is kept from, then order number",
)

# Exceptions
CASES = Table(name="cases", stage="exceptions", prefix=b"c", key="case id")
CASE_RECORDS = Table(
    name="case_records",
    stage="exceptions",
    prefix=b"r",
    key="case id, then the record's topic and offset",
)
CASE_ORIGINS = Table(
    name="case_origins",
    stage="exceptions",
    prefix=b"o",
    key="stage|topic/partition/offset",
)
CASE_SUCCESSES = Table(
    name="case_successes",
    stage="exceptions",
    prefix=b"s",
    key="what succeeded: case id, or stage|topic/partition/offset not parked yet",
)
CASE_QUEUE = Table(
    name="case_queue",
    stage="exceptions",
    prefix=b"q",
    key="unfinished or closed, then time, then case id",
)
CASE_GROUPS = Table(name="case_groups", stage="exceptions", prefix=b"g", key="group id")
CASE_MEMBERS = Table(
    name="case_members",
    stage="exceptions",
    prefix=b"m",
    key="group id, then unfinished case's id",
)
CASE_TALLIES = Table(
    name="case_tallies", stage="exceptions", prefix=b"t", key="kind|state"
)
CASE_RETRIES = Table(
    name="case_retries", stage="exceptions", prefix=b"y", key="case or group under way"
)

ALL = (
    WAITING,
    PARKED_EVENTS,
    PARKED_EXPIRIES,
    LEVELS,
    APPLIED,
    UNITS,
    HISTORY,
    TRANSFERS,
    REQUESTS,
    EXPIRIES,
    PUBLICATIONS,
    PUBLISHED_LEVELS,
    ORDER_LINKS,
    LINK_TIMERS,
    LINK_EXPIRIES,
    ORDERS,
    ORDER_TIMERS,
    ORDER_EXPIRIES,
    CASES,
    CASE_RECORDS,
    CASE_ORIGINS,
    CASE_SUCCESSES,
    CASE_QUEUE,
    CASE_GROUPS,
    CASE_MEMBERS,
    CASE_TALLIES,
    CASE_RETRIES,
)
