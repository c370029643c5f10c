"""What headers say of a record, and what they cannot be made to say."""

import pytest

from streams.engine.headers import HEARD_AT, heard_header, heard_ms
from tests.support.memory_view import MemoryRecord


@pytest.mark.parametrize(
    ("stated", "heard"),
    [
        (None, 1800),
        (b"1700", 1700),
        (b"1900", 1800),
        (b"9" * 40, 1800),
        (b"", 1800),
        (b"-5", 1800),
        (b"soon", 1800),
        (b"\xff\x00", 1800),
    ],
    ids=["nothing", "earlier", "later", "absurd", "empty", "negative", "text", "bytes"],
)
def test_a_record_was_heard_when_it_says_so_and_never_after_the_log_took_it(
    stated: bytes | None, heard: int
) -> None:
    headers = () if stated is None else ((HEARD_AT, stated),)
    record = MemoryRecord(
        "order-facts", 0, b"W-1", b"", timestamp=1800, headers=headers
    )

    assert heard_ms(record) == heard
    assert heard_header(record) == (HEARD_AT, b"%d" % heard)
