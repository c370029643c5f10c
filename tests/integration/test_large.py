"""Events as large as the log takes: whatever they lead to, no worker stands still."""

import pytest

from streams.engine.connection import RECORD_BYTES_MAX
from streams.engine.headers import REASON, header
from streams.engine.reading import LogReader
from streams.topics import EXCEPTIONS
from streams.web.bodies import BODY_BYTES_MAX
from tests.integration.checks import on_hand
from tests.integration.harness import WEBHOOK_KEY, Shelf
from tests.integration.trade import SOLD_AT, envelope

pytestmark = pytest.mark.kafka

AUTHORISED = {"Authorization": f"Bearer {WEBHOOK_KEY}"}


def receipt(number: int, *skus: str, note: str = "") -> bytes:
    return envelope(
        "inventory_transaction.items_received",
        id=f"receipt-{number}",
        fulfillment_location_id="LDN01",
        processed_at=SOLD_AT,
        chunk_number=1,
        total_chunks=1,
        note=note,
        items=[{"product_id": sku, "quantity": 1} for sku in skus],
    )


def filled(number: int, size: int, *skus: str) -> bytes:
    """Return a receipt of exactly that many bytes."""
    return receipt(number, *skus, note="x" * (size - len(receipt(number, *skus))))


async def offered(house: Shelf, url: str, event: bytes) -> int:
    answer = await house.client.post(
        f"{url}/v1/events/newstore", content=event, headers=AUTHORISED, timeout=30.0
    )
    return int(answer.status_code)


async def test_events_near_the_limit_are_counted_or_parked_and_the_others_go_on(
    house: Shelf,
) -> None:
    await house.load_reference(["LDN01"], ["MUG", "CUP"])
    (worker,) = await house.start("w0")
    strangers = [f"STRANGER-{number:05}" for number in range(19_000)]
    waits = receipt(2, *strangers)
    assert 900_000 < len(waits) < RECORD_BYTES_MAX, "its row is larger than itself"
    # The key and the headers come on top of the value.
    largest = RECORD_BYTES_MAX - 300

    took = [
        await offered(house, worker.url, event)
        for event in (
            receipt(1, "MUG"),
            waits,
            filled(3, largest, "MUG", "NOBODY-KNOWS"),
            filled(4, largest, "CUP"),
            filled(5, BODY_BYTES_MAX, "MUG"),
            filled(6, BODY_BYTES_MAX + 1, "MUG"),
            receipt(7, "CUP"),
        )
    ]

    assert took == [200, 200, 200, 200, 413, 413, 200]
    found = await house.settled()
    assert await on_hand(house.settings) == {("MUG", "LDN01"): 2, ("CUP", "LDN01"): 2}
    async with LogReader(house.settings) as reader:
        parked = [
            (header(record.headers, REASON), record.value)
            async for records in reader.read(EXCEPTIONS)
            for record in records
        ]
    assert (b"result_too_large", waits) in parked
    assert {reason for reason, _ in parked} == {b"result_too_large", b"unknown_sku"}
    assert len(parked) == 2
    assert found.is_clean, found.as_json()
    assert worker.exit_code is None


async def test_a_message_of_many_lines_is_counted_whole(house: Shelf) -> None:
    await house.load_reference(["LDN01"], ["MUG"])
    (worker,) = await house.start("w0")
    lines = 10_000

    assert await offered(house, worker.url, receipt(1, *["MUG"] * lines)) == 200

    await house.settled()
    assert await on_hand(house.settings) == {("MUG", "LDN01"): lines}
