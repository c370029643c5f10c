"""The ledger stage, batch by batch: what is stored, journalled, sent and counted."""

import pytest

from streams.domain.invariants import InvariantBroken
from streams.domain.movements import Movement, MovementKind, Outside, Pool
from streams.engine.fold import Batch, Context
from streams.mapping.stock import encode_movement, level_at, levels_of_sku, row_key
from streams.tables import APPLIED, LEVELS, UNITS
from streams.topics import EXCEPTIONS, STOCK_LEVELS, STOCK_MOVEMENTS
from tests.support.ledger import (
    LATER,
    NOON,
    TEE,
    Ledger,
    adjustment,
    announce,
    cancel,
    count,
    giveback,
    minutes,
    movement,
    receipt,
    release,
    reserve,
    sale,
    ship,
)


def test_a_sale_takes_a_unit_to_the_customer() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 5), sale("u", occurred_at=minutes(1), origin="e/0/7"))
    assert ledger.pools() == {"main": 4, "customer": 1, "supplier": -5}
    came, went = ledger.journal
    assert (came.on_hand_before, came.on_hand_after, came.sequence) == (0, 5, 1)
    assert (went.from_account, went.to_account) == ("LDN01:main", "customer")
    assert (went.on_hand_before, went.on_hand_after, went.sequence) == (5, 4, 2)
    assert (went.available_before, went.available_after) == (4, 3)
    assert (went.commerce_target, went.level_sequence) == (3, 2)
    assert (went.entry_id, went.movement_id) == ("sale:u", "sale:u")
    assert (went.kind, went.effect, went.unit_id) == ("sale", "applied", "u")
    assert (went.occurred_at, went.recorded_at) == (minutes(1), LATER)
    assert went.origin == "e/0/7"


def test_a_level_is_sent_once_for_each_changed_row_and_batch() -> None:
    ledger = Ledger()
    result = ledger.tell(
        receipt("r", 5), sale("u"), sale("v"), sale("w", location_id="LDN02")
    )
    sent = result.outputs[STOCK_LEVELS]
    assert [output.key for output in sent] == [b"TEE-BLK-M|LDN01", b"TEE-BLK-M|LDN02"]
    level = ledger.level()
    assert (level.on_hand, level.available, level.safety_stock) == (3, 2, 1)
    assert (level.sequence, level.entries, level.commerce_target) == (3, 3, 2)
    assert (level.as_of, level.recorded_at, level.enabled) == (NOON, LATER, True)
    assert ledger.level("LDN02").on_hand == -1


def test_outputs_name_the_record_that_caused_them() -> None:
    ledger = Ledger()
    result = ledger.tell(receipt("r", 5), sale("u"))
    (level,) = result.outputs[STOCK_LEVELS]
    assert level.cause is not None
    assert level.cause.offset == 1


def test_an_empty_batch_changes_nothing() -> None:
    ledger = Ledger()
    batch = Batch(STOCK_MOVEMENTS, 0, [])
    result = ledger.stage.fold(ledger.view, batch, Context(LATER, ledger.reference))
    assert (result.writes, result.outputs, result.counts) == ({}, {}, {})


def test_a_shop_that_is_not_enabled_offers_nothing() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 5, location_id="CLOSED"))
    level = ledger.level("CLOSED")
    assert (level.on_hand, level.available, level.enabled) == (5, 0, False)
    assert level.commerce_target == 0


PARKED = [
    (b"TEE-BLK-M", b"{", "undecodable", "$"),
    (b"TEE-BLK-M", None, "undecodable", "$"),
    (b"TEE-BLK-M", b"\xff", "undecodable", "$"),
    (b"TEE-BLK-M", b'{"schema_version":2}', "undecodable", "$"),
    (b"OTHER", encode_movement(sale("u")), "wrong_key", "key"),
    (None, encode_movement(sale("u")), "wrong_key", "key"),
    (
        b"TEE-BLK-M",
        encode_movement(sale("u", quantity=0)),
        "impossible_quantity",
        "quantity",
    ),
    (
        b"TEE-BLK-M",
        encode_movement(sale("u")).replace(b'"sale"', b'"gift"'),
        "undecodable",
        "$.kind",
    ),
]


@pytest.mark.parametrize(("key", "value", "reason", "field"), PARKED)
def test_what_cannot_be_applied_is_parked_and_the_rest_goes_on(
    key: bytes | None, value: bytes | None, reason: str, field: str
) -> None:
    ledger = Ledger()
    good = (TEE.encode(), encode_movement(sale("v")))
    result = ledger.tell_records([(key, value), good])
    (parked,) = result.parked
    assert (parked.reason, parked.field) == (reason, field)
    assert parked.record.value == value
    assert parked.sentence
    assert EXCEPTIONS not in result.outputs
    assert ledger.counts["parked"] == ledger.counts["applied"] == 1
    assert ledger.counts["in"] == 2


def test_a_parked_movement_is_not_remembered_so_that_it_can_be_sent_mended() -> None:
    ledger = Ledger()
    ledger.tell(sale("u", quantity=0))
    ledger.tell(sale("u"))
    assert ledger.counts["applied"] == 1


def test_the_outcomes_add_up_to_what_came_in() -> None:
    ledger = Ledger()
    ledger.tell(
        sale("u", occurred_at=minutes(-5)),
        sale("u"),
        sale("v", quantity=0),
        count("c", 5),
        count("d", 7, occurred_at=minutes(-1)),
        sale("w", occurred_at=minutes(-1)),
        cancel("x"),
        reserve("y", 5),
        reserve("y", 4, location_id="LDN02"),
        ship("y", occurred_at=minutes(1)),
        cancel("y"),
        sale("y"),
    )
    named = {
        "applied": 4,
        "duplicate": 1,
        "parked": 1,
        "superseded": 1,
        "absorbed": 1,
        "noted": 1,
        "stale_rank": 1,
        "late_cancel": 1,
        "already_gone": 1,
    }
    assert {name: ledger.counts[name] for name in named} == named
    assert ledger.counts["in"] == sum(named.values()) == 12


def test_a_sale_of_a_reserved_unit_uses_its_reservation() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 5), reserve("u", 5))
    ledger.tell(sale("u"))
    assert ledger.pools() == {"main": 4, "customer": 1, "supplier": -5}


@pytest.mark.parametrize("apart", [True, False])
def test_a_reservation_of_a_unit_already_sold_holds_nothing(apart: bool) -> None:
    ledger = Ledger()
    if apart:
        ledger.tell(sale("u"))
        ledger.tell(reserve("u", 5))
    else:
        ledger.tell(sale("u"), reserve("u", 5))
    assert ledger.pools() == {"main": -1, "customer": 1}
    assert ledger.counts["stale_rank"] == 1


def test_a_sale_that_was_never_reserved_leaves_no_unit_behind() -> None:
    ledger = Ledger()
    ledger.tell(sale("u"))
    assert not ledger.view.tables.get(UNITS)


def test_one_unit_leaves_once_whether_shipped_or_carried_out() -> None:
    for first, second in ((sale("u"), ship("u")), (ship("u"), sale("u"))):
        ledger = Ledger()
        ledger.tell(first)
        ledger.tell(second)
        assert ledger.pools() == {"main": -1, "customer": 1}
        assert ledger.counts["already_gone"] == 1


def test_a_moved_reservation_changes_both_locations_in_one_batch() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 5), receipt("s", 5, location_id="LDN02"), reserve("u", 5))
    result = ledger.tell(reserve("u", 6, location_id="LDN02"))
    assert ledger.level().reserved == 0
    assert ledger.level("LDN02").reserved == 1
    assert [o.key for o in result.outputs[STOCK_LEVELS]] == [
        b"TEE-BLK-M|LDN01",
        b"TEE-BLK-M|LDN02",
    ]
    ids = [entry.entry_id for entry in ledger.journal[-2:]]
    assert ids == ["reserve:fr6:u:released", "reserve:fr6:u"]


def test_a_cancellation_in_a_later_batch_finds_the_unit_by_itself() -> None:
    ledger = Ledger()
    ledger.tell(reserve("u", 5, location_id="LDN02"))
    ledger.tell(cancel("u"))
    assert ledger.pools("LDN02") == {}
    assert ledger.counts["applied"] == 2


def test_a_web_orders_way_keeps_commerce_right_at_each_location() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 5), receipt("s", 5, location_id="LDN02"))
    ledger.tell(reserve("u", 0, commerce_counted=True))
    assert ledger.level().commerce_target == 4
    ledger.tell(reserve("u", 6, location_id="LDN02"))
    assert ledger.level().commerce_target == 5
    assert ledger.level("LDN02").commerce_target == 4
    ledger.tell(ship("u", location_id="LDN02"))
    assert ledger.level("LDN02").commerce_target == 4


def test_a_late_announcement_of_a_sold_unit_is_told_back_where_it_was_sold() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 5), sale("u"))
    ledger.tell(announce("u", commerce_counted=True))
    assert (ledger.level().available, ledger.level().commerce_target) == (3, 4)
    assert ledger.journal[-1].entry_id == "announce:u:counted"
    assert ledger.journal[-1].effect == "superseded"


def test_a_transfer_is_on_its_way_until_it_is_received() -> None:
    ledger = Ledger()
    out, into = MovementKind.TRANSFER_OUT, MovementKind.TRANSFER_IN
    ledger.tell(receipt("r", 9))
    ledger.tell(
        movement(out, "asn:1", quantity=4, transfer_ref="A"),
        movement(into, "asn-in:1", quantity=4, transfer_ref="A", location_id="LDN02"),
    )
    assert ledger.level("LDN02").in_transit == 4
    ledger.tell(receipt("s", 5, transfer_ref="A", location_id="LDN02"))
    assert ledger.pools() == {"main": 5, "transit": 4, "supplier": -9}
    assert ledger.pools("LDN02") == {"main": 5, "transit": -4, "supplier": -1}
    ids = [entry.entry_id for entry in ledger.journal[-2:]]
    assert ids == ["receipt:s:1:0", "receipt:s:1:0:unannounced"]


def test_a_broken_row_stops_the_ledger() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 9))
    rows = ledger.view.tables[LEVELS]
    key = row_key(TEE, "LDN01")
    rows[key] = rows[key].replace(b"\x09", b"\x08", 1)
    with pytest.raises(InvariantBroken, match="sum to zero"):
        ledger.tell(sale("u"))


def test_all_tables_are_read_in_bulk_once() -> None:
    ledger = Ledger()
    asked: list[str] = []
    get = ledger.view.get

    def noting(table, keys):  # type: ignore[no-untyped-def]  # A spy on one method.
        asked.append(table.name)
        return get(table, keys)

    ledger.view.get = noting  # type: ignore[method-assign]  # A spy on one method.
    ledger.tell(receipt("r", 9), reserve("u", 5), sale("v"), count("c", 3))
    assert sorted(asked) == ["applied", "levels", "transfers", "units"]


def test_levels_are_read_by_sku_and_by_place() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 9), receipt("s", 2, location_id="LDN02"))
    ledger.reference.put_product(ledger.reference.products[TEE])
    levels = levels_of_sku(ledger.view, TEE)
    assert [(level.location_id, level.on_hand) for level in levels] == [
        ("LDN01", 9),
        ("LDN02", 2),
    ]
    assert levels_of_sku(ledger.view, TEE[:-1]) == []
    assert level_at(ledger.view, TEE, "LDN02") == levels[1]
    assert level_at(ledger.view, TEE, "LDN03") is None


def test_a_failed_assignment_frees_the_unit_for_the_next() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 1), reserve("u", 5), release("u", 6))
    assert ledger.level().reserved == 0
    ledger.tell(reserve("u", 7, location_id="LDN02"))
    assert ledger.level("LDN02").reserved == 1


def test_every_movement_is_remembered_by_its_id() -> None:
    ledger = Ledger()
    ledger.tell(sale("u"), cancel("v"), count("c", 1))
    remembered = sorted(ledger.view.tables[APPLIED])
    assert remembered == [b"count:c:1:0", b"release:cancelled:v", b"sale:u"]


@pytest.mark.parametrize("apart", [True, False])
def test_a_resent_movement_counts_once(apart: bool) -> None:
    ledger = Ledger()
    again = sale("u", event_name="items_completed", origin="e/1/9", rank=7)
    if apart:
        ledger.tell(sale("u"))
        ledger.tell(again)
    else:
        ledger.tell(sale("u"), again)
    assert ledger.pools() == {"main": -1, "customer": 1}
    assert len(ledger.journal) == 1
    assert ledger.counts == {"in": 2, "applied": 1, "duplicate": 1, "oversold": 1}


@pytest.mark.parametrize(
    "changed",
    [
        sale("u", quantity=2),
        sale("u", location_id="LDN02"),
        sale("u", sku=TEE, kind=MovementKind.SHIP),
    ],
)
def test_a_resent_movement_that_says_something_else_is_counted_as_such(
    changed: Movement,
) -> None:
    ledger = Ledger()
    ledger.tell(sale("u"))
    ledger.tell(changed)
    assert ledger.counts["duplicate"] == 1
    assert ledger.counts["duplicate_changed"] == 1
    assert ledger.pools() == {"main": -1, "customer": 1}


def test_what_is_sold_but_not_booked_is_applied_and_counted_as_oversold() -> None:
    ledger = Ledger()
    ledger.tell(receipt("r", 1), sale("u"), sale("v"), sale("w"))
    assert ledger.pools()["main"] == -2
    assert ledger.counts["oversold"] == 2
    ledger.tell(receipt("s", 1))
    assert ledger.counts["oversold"] == 2
    assert ledger.level().available == 0


def test_damaged_held_and_corrected_units_move_between_pools() -> None:
    ledger = Ledger()
    ledger.tell(
        receipt("r", 9),
        adjustment("a", Pool.MAIN, Pool.DAMAGED, 2),
        movement(MovementKind.HOLD, "hold:1", quantity=3),
        movement(MovementKind.UNHOLD, "unhold:1"),
        movement(
            MovementKind.CORRECTION,
            "correction:1",
            source=Outside.CUSTOMER,
            target=Pool.MAIN,
            corrects="sale:u",
        ),
        giveback("1", pool=Pool.DAMAGED),
    )
    level = ledger.level()
    assert (level.on_hand, level.damaged, level.held) == (6, 3, 2)
    assert ledger.journal[4].corrects == "sale:u"
