"""Parked records as people read them."""

from datetime import UTC, datetime

import pytest

from schemas.exceptions import HEADERS, ExceptionHeaders, ExceptionRecord
from streams.engine import headers
from streams.engine.fold import Parked
from tests.support.memory_view import MemoryRecord

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def parked_headers(value: bytes | None = b"{}") -> list[tuple[str, bytes]]:
    record = MemoryRecord(
        topic="newstore-events",
        partition=3,
        offset=41,
        key=b"order-1",
        value=value,
        headers=(("traceparent", b"00-ab-cd-01"),),
    )
    parked = Parked(record, "unknown_sku", "payload.items[0]", "Ä", "No such SKU.")
    return headers.parked_headers(parked, "intake", NOW)


def test_what_the_engine_parks_is_read_back_whole() -> None:
    found = ExceptionRecord.from_record(b"order-1", b"{}", parked_headers())
    assert found == ExceptionRecord(
        exception_id="newstore-events/3/41",
        source_topic="newstore-events",
        source_partition=3,
        source_offset=41,
        stage="intake",
        reason="unknown_sku",
        field="payload.items[0]",
        value="Ä",
        sentence="No such SKU.",
        parked_at=NOW,
        key_base64="b3JkZXItMQ==",
        body="{}",
        body_encoding="utf-8",
    )


def test_a_body_that_is_no_text_is_kept_as_base64() -> None:
    found = ExceptionRecord.from_record(None, b"\xff\xfe", parked_headers())
    assert (found.body, found.body_encoding) == ("//4=", "base64")
    assert found.key_base64 == ""


def test_a_record_without_a_body_has_an_empty_one() -> None:
    found = ExceptionRecord.from_record(b"k", None, parked_headers())
    assert (found.body, found.body_encoding) == ("", "utf-8")


@pytest.mark.parametrize("name", HEADERS.values())
def test_a_record_that_was_not_parked_is_refused(name: str) -> None:
    without = [item for item in parked_headers() if item[0] != name]
    with pytest.raises(ValueError) as told:
        ExceptionRecord.from_record(b"k", b"{}", without)
    assert str(told.value) == f"not a parked record: header {name} is missing"


def test_every_field_has_its_header() -> None:
    assert set(HEADERS) == set(ExceptionHeaders.model_fields)
    assert set(HEADERS) <= set(ExceptionRecord.model_fields)
