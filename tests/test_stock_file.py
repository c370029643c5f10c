"""Stock baselines as counts: whole, in order, and the same ids for the same file."""

import json
from typing import Any

import pytest

from streams.domain.reference import Location, Product, Reference
from streams.mapping.pos import IntakeRules, map_event
from streams.stock_file import (
    LINES_PER_COUNT,
    Baseline,
    StockFileRefused,
    count_events,
    parse_stock_file,
)

HEADER = "sku,location_id,on_hand,as_of\n"
DAY = "2026-03-01T06:00:00+00:00"


def counts(text: str) -> list[dict[str, Any]]:
    events = count_events(parse_stock_file(text.encode()))
    return [json.loads(event)["payload"] for event in events]


def test_a_file_is_read_behind_a_byte_order_mark_with_its_columns_in_any_order() -> (
    None
):
    body = b"\xef\xbb\xbfon_hand,note,as_of,location_id,sku\r\n0,,%s,LDN01,TEE\r\n"

    assert parse_stock_file(body % DAY.encode()) == [Baseline("LDN01", DAY, "TEE", 0)]


def test_the_same_file_gives_the_same_events_whatever_the_order_of_its_lines() -> None:
    lines = [f"TEE-{n},LDN01,{n},{DAY}\n" for n in range(5)]

    assert counts(HEADER + "".join(lines)) == counts(HEADER + "".join(lines[::-1]))


def test_another_figure_gives_another_count() -> None:
    (one,), (other,) = (counts(f"{HEADER}TEE,LDN01,{n},{DAY}\n") for n in (1, 2))

    assert one["id"] != other["id"]


@pytest.mark.parametrize(
    ("lines", "chunks"),
    [(LINES_PER_COUNT - 1, 1), (LINES_PER_COUNT, 1), (LINES_PER_COUNT + 1, 2)],
)
def test_a_long_count_is_cut_into_chunks_that_together_are_whole(
    lines: int, chunks: int
) -> None:
    text = "".join(f"TEE-{n},LDN01,{n},{DAY}\n" for n in range(lines))

    payloads = counts(HEADER + text)

    assert [each["chunk_number"] for each in payloads] == list(range(1, chunks + 1))
    assert {each["total_chunks"] for each in payloads} == {chunks}
    counted = {
        line["product_id"]: line["count"] for each in payloads for line in each["items"]
    }
    assert counted == {f"TEE-{n}": n for n in range(lines)}


def test_locations_and_times_are_counts_of_their_own() -> None:
    text = f"A,L1,1,{DAY}\nA,L2,1,{DAY}\nB,L1,1,2026-03-02T06:00:00Z\n"

    places = [
        (each["fulfillment_location_id"], each["completed_at"])
        for each in counts(HEADER + text)
    ]

    assert places == [("L1", DAY), ("L1", "2026-03-02T06:00:00+00:00"), ("L2", DAY)]


def test_a_header_alone_is_nothing_to_load() -> None:
    assert parse_stock_file(HEADER.encode()) == []


@pytest.mark.parametrize(
    ("on_hand", "is_taken"), [("0", True), ("1000000", True), ("1000001", False)]
)
def test_the_units_of_a_line_are_bounded(on_hand: str, *, is_taken: bool) -> None:
    body = f"{HEADER}TEE,LDN01,{on_hand},{DAY}\n".encode()
    if is_taken:
        assert parse_stock_file(body)[0].on_hand == int(on_hand)
    else:
        with pytest.raises(StockFileRefused):
            parse_stock_file(body)


def test_a_loaded_stock_is_ours_whatever_tenant_is_configured() -> None:
    body = b"sku,location_id,on_hand,as_of\nTEE,LDN01,5,2025-03-01T08:00:00Z\n"
    reference = Reference()
    reference.put_location(Location(location_id="LDN01"))
    reference.put_product(Product(sku="TEE"))

    (event,) = count_events(parse_stock_file(body))
    mapped = map_event(event, reference, IntakeRules(tenant="acme"))

    assert not mapped.problems
    assert [movement.quantity for movement in mapped.movements] == [5]
