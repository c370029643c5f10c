"""Record headers: schema, cause, trace context, and those of a parked record."""

from collections.abc import Sequence
from datetime import datetime

from streams.engine.fold import Output, Parked, Record
from streams.mapping.exceptions import RETRY_OF
from streams.topics import Topic

Headers = Sequence[tuple[str, bytes]]

SCHEMA = "oneshelf-schema"
CAUSE = "oneshelf-cause"
TRACE = "traceparent"
HEARD_AT = "oneshelf-heard-at"
URGENT = "oneshelf-urgent"
REASON = "oneshelf-reason"
FIELD = "oneshelf-field"
VALUE = "oneshelf-value"
STAGE = "oneshelf-stage"
PARKED_AT = "oneshelf-parked-at"

# The names that Kafka Streams gives to a dead letter's coordinates (KIP-1034), so that
# tools made for those find ours.
ERROR_TOPIC = "__streams.errors.topic"
ERROR_PARTITION = "__streams.errors.partition"
ERROR_OFFSET = "__streams.errors.offset"
ERROR_MESSAGE = "__streams.errors.message"
ERROR_EXCEPTION = "__streams.errors.exception"


def schema_header(topic: Topic) -> tuple[str, bytes]:
    """Name the schema and version of a topic's records, as `StockLevel/1`."""
    return SCHEMA, f"{topic.schema}/{topic.schema_version}".encode()


def cause_of(record: Record) -> str:
    """Name a record by its coordinates, as `stock-movements/3/1042`."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def header(headers: Headers, name: str) -> bytes | None:
    """Return the first header of that name."""
    for key, value in headers:
        if key == name:
            return value
    return None


def heard_ms(record: Record) -> int:
    """Return when the log took what a record stems from, in ms since the epoch.

    That of a record without the header is its own time on the log; it is never later.
    """
    stated = header(record.headers, HEARD_AT)
    if stated is None or not stated.isdigit():
        return record.timestamp
    return min(int(stated), record.timestamp)


def heard_header(record: Record) -> tuple[str, bytes]:
    """Pass on when the log took what a record stems from, whatever the way took."""
    return HEARD_AT, b"%d" % heard_ms(record)


def is_urgent(_topic: Topic, record: Record) -> bool:
    """Say whether what a record stems from overtook others, so that it does, too."""
    headers = record.headers
    return bool(headers) and headers[0][0] == URGENT


def output_headers(
    output: Output, schema: tuple[str, bytes]
) -> list[tuple[str, bytes]]:
    """Build an outgoing record's headers; trace context passes through unchanged."""
    named = (SCHEMA, output.schema.encode()) if output.schema else schema
    cause = output.cause
    if cause is None:
        return [*output.headers, named]
    built = [*output.headers, named, (CAUSE, cause_of(cause).encode())]
    for item in cause.headers:
        if item[0] == TRACE:
            built.append(item)
            break
    return built


def parked_headers(
    parked: Parked, stage: str, now: datetime
) -> list[tuple[str, bytes]]:
    """Build a parked record's headers: its own, then why and where it was parked.

    Where the record came back from the exceptions list, the earlier reason gives way
    to the new one, and where it was first stays.
    """
    record = parked.record
    own = [
        item
        for item in record.headers
        if item[0] == RETRY_OF
        or not item[0].startswith(("__streams.errors.", "oneshelf-"))
    ]
    return [
        *own,
        (ERROR_TOPIC, record.topic.encode()),
        (ERROR_PARTITION, str(record.partition).encode()),
        (ERROR_OFFSET, str(record.offset).encode()),
        (ERROR_MESSAGE, parked.sentence.encode()),
        (ERROR_EXCEPTION, parked.reason.encode()),
        (REASON, parked.reason.encode()),
        (FIELD, parked.field.encode()),
        (VALUE, parked.value.encode()),
        (STAGE, stage.encode()),
        (PARKED_AT, now.isoformat().encode()),
    ]
