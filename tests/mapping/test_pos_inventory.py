"""Receipts, transfers, adjustments and counts as movements."""

from datetime import UTC, datetime

import pytest

from streams.domain.adjustments import AdjustmentRule, AdjustmentTable, with_rules
from streams.domain.movements import Account, Movement, MovementKind, Outside, Pool
from streams.domain.transfers import names_of
from streams.mapping.pos import IntakeRules, Mapped
from streams.mapping.problems import Reason
from tests.support.newstore import (
    Json,
    adjusted,
    count_item,
    counted,
    mapped,
    notice,
    received,
    stock_item,
)


def only_movement(answer: Mapped) -> Movement:
    assert answer.problems == ()
    assert answer.open_lines == ()
    (movement,) = answer.movements
    return movement


def ids(answer: Mapped) -> list[str]:
    return [movement.movement_id for movement in answer.movements]


# Receipts


def test_a_receipt_brings_units_to_main() -> None:
    assert only_movement(mapped(received())) == Movement(
        movement_id="receipt:rcv-1:1:0",
        kind=MovementKind.RECEIPT,
        sku="TEE-BLK-M",
        quantity=10,
        location_id="LDN01",
        transfer_ref="asn:asn-5",
        transfer_also=("order:TO000045", "shipment:IF000123"),
        occurred_at=datetime(2025, 3, 2, 8, 1, 7, 971000, tzinfo=UTC),
        event_name="inventory_transaction.items_received",
        document_type="inventory_transaction",
        document_id="rcv-1",
        origin="newstore-events/0/7",
    )


@pytest.mark.parametrize(
    ("refs", "names"),
    [
        ({}, ["asn:asn-5", "order:TO000045", "shipment:IF000123"]),
        ({"asn_id": None}, ["order:TO000045", "shipment:IF000123"]),
        ({"asn_id": "", "order_ref": None}, ["shipment:IF000123"]),
        ({"asn_id": None, "order_ref": None, "shipment_ref": None}, []),
    ],
)
def test_a_receipt_names_its_transfer_in_every_way_it_can_the_most_exact_first(
    refs: Json, names: list[str]
) -> None:
    movement = only_movement(mapped(received(**refs)))
    assert list(names_of(movement)) == names


def test_a_shipment_notice_can_be_found_by_each_of_its_references() -> None:
    out, coming = mapped(notice(destination_id="LDN01")).movements
    names = ("asn:asn-5", "order:TO000045", "shipment:IF000123")
    assert names_of(out) == names_of(coming) == names
    bare = only_movement(mapped(notice(transfer_order_ref="", shipment_ref=None)))
    assert names_of(bare) == ("asn:asn-5",)


def test_the_chunks_of_a_receipt_have_ids_of_their_own() -> None:
    first, second = mapped(received()), mapped(received(chunk_number=2))
    assert ids(first) + ids(second) == ["receipt:rcv-1:1:0", "receipt:rcv-1:2:0"]


def test_a_receipt_without_a_chunk_number_is_the_first_chunk() -> None:
    whole = received()
    del whole["payload"]["chunk_number"]
    assert ids(mapped(whole)) == ["receipt:rcv-1:1:0"]


def test_a_sku_on_two_lines_of_a_receipt_counts_twice() -> None:
    answer = mapped(received(stock_item(quantity=1), stock_item(quantity=1)))
    assert ids(answer) == ["receipt:rcv-1:1:0", "receipt:rcv-1:1:1"]
    assert sum(movement.quantity for movement in answer.movements) == 2


def test_a_receipt_without_a_time_happened_when_it_was_published() -> None:
    assert only_movement(mapped(received(processed_at=None))).occurred_at.day == 1


# Transfers


def test_a_shipment_notice_takes_units_from_its_origin() -> None:
    movement = only_movement(mapped(notice()))
    assert movement.kind is MovementKind.TRANSFER_OUT
    assert movement.movement_id == "asn:asn-5:1:0"
    assert (movement.location_id, movement.transfer_ref) == ("DC01", "asn:asn-5")


def test_a_shipment_notice_with_a_destination_announces_the_units_there() -> None:
    out, coming = mapped(notice(destination_id="LDN01")).movements
    assert (out.kind, out.location_id) == (MovementKind.TRANSFER_OUT, "DC01")
    assert (coming.kind, coming.location_id) == (MovementKind.TRANSFER_IN, "LDN01")
    assert coming.movement_id == "asn-in:asn-5:1:0"
    assert out.quantity == coming.quantity == 10


def test_a_receipt_names_the_notice_that_announced_it() -> None:
    sent = mapped(notice(destination_id="LDN01")).movements[1]
    assert only_movement(mapped(received())).transfer_ref == sent.transfer_ref


def test_a_notice_with_an_unknown_destination_waits_as_a_whole() -> None:
    answer = mapped(notice(destination_id="NEW"))
    assert answer.movements == ()
    assert answer.open_lines[0].names == (("location", "NEW"),)


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("2025-02-27T10:00:00Z", 27),
        ("2025-02-27", 1),
        ("27/02/2025", 1),
        ("", 1),
        (None, 1),
    ],
)
def test_a_shipment_date_counts_if_it_is_a_full_time(
    stated: str | None, day: int
) -> None:
    assert only_movement(mapped(notice(shipment_date=stated))).occurred_at.day == day


# Adjustments


@pytest.mark.parametrize(
    ("fields", "source", "target"),
    [
        ({}, Pool.MAIN, Outside.SHRINK),
        (
            {"destination_stock_location_name": "damaged"},
            Pool.MAIN,
            Pool.DAMAGED,
        ),
        (
            {
                "origin_stock_location_name": None,
                "destination_stock_location_name": "main",
            },
            Outside.UNKNOWN,
            Pool.MAIN,
        ),
        (
            {"adjustment_type": "Damage out", "adjustment_reason": "Damaged"},
            Pool.MAIN,
            Pool.DAMAGED,
        ),
    ],
)
def test_an_adjustment_moves_what_its_rule_says(
    fields: Json, source: Account, target: Account
) -> None:
    movement = only_movement(mapped(adjusted(**fields)))
    assert movement.kind is MovementKind.ADJUSTMENT
    assert movement.movement_id == "adjustment:adj-1:1:0"
    assert (movement.source, movement.target) == (source, target)
    assert (movement.location_id, movement.quantity) == ("LDN01", 2)


def test_an_adjustment_that_a_rule_ignores_moves_nothing() -> None:
    rules = IntakeRules(
        adjustments=with_rules([AdjustmentRule(type="Write off", ignored=True)])
    )
    assert mapped(adjusted(), rules=rules).idle_lines == (0,)


def test_an_adjustment_within_one_pool_moves_nothing() -> None:
    same = adjusted(destination_stock_location_name="main")
    assert mapped(same).idle_lines == (0,)


def test_a_retailers_own_stock_locations_can_be_named() -> None:
    rules = IntakeRules(adjustments=AdjustmentTable(pools={"Window": Pool.HELD}))
    answer = mapped(adjusted(origin_stock_location_name="window"), rules=rules)
    assert only_movement(answer).source is Pool.HELD


# Counts


def test_a_count_is_absolute_as_of_its_end() -> None:
    movement = only_movement(mapped(counted()))
    assert movement.kind is MovementKind.COUNT
    assert movement.movement_id == "count:cnt-3:1:0"
    assert (movement.quantity, movement.pool) == (8, Pool.MAIN)
    assert movement.occurred_at == datetime(2025, 3, 5, 7, 40, tzinfo=UTC)


def test_a_count_may_find_nothing() -> None:
    assert only_movement(mapped(counted(count_item(count=0)))).quantity == 0


def test_each_chunk_of_a_count_counts() -> None:
    first = mapped(counted(count_item("MUG")))
    second = mapped(counted(count_item("TEE-BLK-L"), chunk_number=2))
    assert ids(first) + ids(second) == ["count:cnt-3:1:0", "count:cnt-3:2:0"]


def test_a_count_that_lists_a_sku_twice_is_not_guessed_at() -> None:
    lines = [count_item(count=3), count_item("MUG"), count_item(count=5)]
    answer = mapped(counted(*lines))
    assert ids(answer) == ["count:cnt-3:1:1"]
    assert [
        (found.line, found.problem.reason, found.problem.field)
        for found in answer.problems
    ] == [
        (0, Reason.AMBIGUOUS_COUNT, "payload.items[0]"),
        (2, Reason.AMBIGUOUS_COUNT, "payload.items[2]"),
    ]


def test_a_sku_under_two_names_is_still_listed_twice() -> None:
    answer = mapped(counted(count_item("TEE-BLK-M"), count_item("NS-100")))
    assert len(answer.problems) == 2


def test_unknown_skus_of_a_count_are_not_taken_for_one() -> None:
    answer = mapped(counted(count_item("NEW-1"), count_item("NEW-2")))
    assert len(answer.open_lines) == 2


@pytest.mark.parametrize("make", [received, counted])
def test_a_document_may_name_its_place_as_a_node(make: object) -> None:
    assert callable(make)
    document = make(fulfillment_location_id=None, fulfillment_node_id="NODE-L1")
    assert only_movement(mapped(document)).location_id == "LDN01"


def test_an_adjustment_may_name_its_place_as_a_location() -> None:
    document = adjusted(fulfillment_node_id=None, fulfillment_location_id="LDN02")
    assert only_movement(mapped(document)).location_id == "LDN02"
