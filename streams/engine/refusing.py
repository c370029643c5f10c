"""What becomes of a record whose result is larger than the log takes: it is parked."""

from dataclasses import dataclass

from streams.engine.errors import RecordTooLarge
from streams.engine.fold import Record, Result
from streams.engine.headers import Headers

REASON = "result_too_large"
# What may be parked with its bytes: the broker takes 1,048,588, and the reason's own
# headers need their place.
PARKED_BYTES_MAX = 1_000_000
KEY_BYTES_KEPT = 500


@dataclass(frozen=True, slots=True)
class _Stripped:
    """A record without its value and its headers."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None = None
    headers: Headers = ()


def refused(record: Record, error: RecordTooLarge) -> Result:
    """Return the result that parks a record, and does nothing else.

    A record that is too large to be parked itself, is parked without its bytes.
    """
    result = Result()
    result.count("in")
    sentence = f"{error.message}. {error.remedy}, then send it again."
    if _size(record) > PARKED_BYTES_MAX:
        key = None if record.key is None else record.key[:KEY_BYTES_KEPT]
        record = _Stripped(
            record.topic, record.partition, record.offset, record.timestamp, key
        )
        sentence += " Its bytes are left out here; its source topic still has them."
    result.park(
        record,
        reason=REASON,
        field="$",
        value=f"{error.size_bytes:,} bytes",
        sentence=sentence,
    )
    return result


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
